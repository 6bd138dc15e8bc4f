//! Jobs as workers move them: claim, page, batch, wait, end.
//!
//! Every write of a run is one statement, fenced by the lease token of its claim: whoever lost the
//! lease changes nothing, and is told so.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::job_totals::{JobStanding, JobTotals};
use crate::db::{column, count, known, known_text};
use crate::domain::erasure::{ErasureKey, identifier_hashes};
use crate::domain::id::{AccountGroupId, JobId, LinkedinAccountId, ProspectId};
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode, StopReason, WaitingReason};
use crate::domain::person::{EmailStatus, Person};
use crate::domain::quota::ListType;
use crate::domain::start_request::{Source, SourceKind};
use crate::domain::trace::JobTrace;
use crate::error::Error;

/// A job that this process holds, and the token that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    pub account_group: AccountGroupId,
    pub job: JobId,
    pub token: Uuid,
    /// What kind of job it is, and which request started it: for metrics, log lines and spans.
    pub source: SourceKind,
    pub trace: JobTrace,
}

/// What a worker found in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    Claimed(Lease),
    /// A lane had nothing due and was put away: look again at once.
    LaneWithoutDueJob,
    NothingOpen,
}

/// Takes the oldest due job of the lane whose turn it is.
pub async fn claim_job(
    connection: &mut PgConnection,
    lease_time: Duration,
    running_max: u32,
) -> Result<ClaimOutcome, Error> {
    let token = Uuid::new_v4();
    let row = sqlx::query!(
        r#"
        select c.outcome as "outcome!", c.account_group_id, c.job_id, to_jsonb(t) as "standing: Json<JobStanding>"
        from claim_job_v1($1, $2, $3) as c
        left join lateral job_totals_v1(c.account_group_id, c.job_id) as t on true
        "#,
        token,
        lease_time.as_secs_f64(),
        column(running_max),
    )
    .fetch_one(connection)
    .await?;
    match (
        row.outcome.as_str(),
        row.account_group_id,
        row.job_id,
        row.standing,
    ) {
        ("claimed", Some(account_group), Some(job), Some(standing)) => {
            Ok(ClaimOutcome::Claimed(Lease {
                account_group: known(account_group.try_into())?,
                job: known(job.try_into())?,
                token,
                source: standing.source,
                trace: standing.trace(),
            }))
        }
        ("lane_without_due_job", ..) => Ok(ClaimOutcome::LaneWithoutDueJob),
        ("nothing_open", ..) => Ok(ClaimOutcome::NothingOpen),
        _ => known_text("outcome of a claim", &row.outcome, None),
    }
}

/// A job as its run needs it, read at the start and whenever the fate of a write is uncertain.
#[derive(Debug, Clone)]
pub struct RunState {
    pub source: Source,
    pub search_emails: bool,
    pub linkedin_account: Option<LinkedinAccountId>,
    pub account: AccountStanding,
    pub paused: bool,
    /// Pages committed so far.
    pub page: u32,
    pub cursor: Option<serde_json::Value>,
    pub import_ended: bool,
    /// Rows that the ceiling still allows.
    pub rows_wanted: u32,
    pub fetched: u32,
    pub quota_used_today: u32,
    /// Batches of e-mail look-ups committed so far, and the row up to which nobody is left out.
    pub enrichment_batch: u32,
    pub enriched_through: u32,
    /// Waits for an upstream since the last progress.
    pub stalled_waits: u32,
    /// Runs begun since the last progress, this one included.
    pub stalled_attempts: u32,
    pub started_at: DateTime<Utc>,
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// What the job has come to so far.
    pub totals: JobTotals,
}

/// What is known of a job's LinkedIn account when the job is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountStanding {
    /// LinkedIn has throttled it.
    pub rests_for: Option<Duration>,
    /// How often it was throttled since a call succeeded.
    pub throttles: u32,
}

impl AccountStanding {
    /// `rests_for` in seconds, negative once the rest is over; both absent for an account without row.
    fn read(rests_for: Option<f64>, throttles: Option<i32>) -> Self {
        Self {
            rests_for: rests_for.and_then(|rest| Duration::try_from_secs_f64(rest).ok()),
            throttles: throttles.map_or(0, count),
        }
    }
}

/// Reads a leased job; `None` when the lease is lost.
pub async fn find_run(
    connection: &mut PgConnection,
    lease: &Lease,
) -> Result<Option<RunState>, Error> {
    let row = sqlx::query!(
        r#"
        select j.request as "request!: Json<Source>", j.search_emails, g.linkedin_account_id, g.paused, j.page,
            j.cursor, j.import_status, j.max_results, j.imported, j.fetched,
            case when j.skip_duplicates and j.source <> 'url_upload' then 0 else j.duplicates end
                as "duplicates!",
            coalesce(q.used, 0) as "quota_used!", j.enrichment_batch, j.enriched_through, j.stalled_waits,
            j.stalled_attempts, j.started_at as "started_at!", now() as "now!", a.throttles as "throttles?",
            extract(epoch from a.resting_until - now())::double precision as rests_for, j.duplicates as all_duplicates,
            j.invalid, j.not_found, j.failed, j.suppressed, j.answered, j.emails_found, j.credits_charged,
            extract(epoch from now() - j.created_at)::double precision as "seconds!"
        from prospecting_jobs j
        join account_groups g on g.account_group_id = j.account_group_id
        left join linkedin_accounts a on a.linkedin_account_id = g.linkedin_account_id
        left join quota_usage q on q.account_group_id = j.account_group_id
            and q.day = (now() at time zone 'utc')::date
            and q.list_type = case j.source
                when 'linkedin_search' then 'LINKEDIN_CLASSIC'
                when 'sales_navigator' then 'SALES_NAVIGATOR'
                when 'post_commenters' then 'POST_COMMENTERS'
                else 'URL_UPLOAD'
            end
        where j.account_group_id = $1 and j.job_id = $2 and j.status = 'running' and j.lease_token = $3
        "#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let rows = count(row.imported).saturating_add(count(row.duplicates));
    Ok(Some(RunState {
        source: row.request.0,
        search_emails: row.search_emails,
        linkedin_account: known(row.linkedin_account_id.map(TryInto::try_into).transpose())?,
        account: AccountStanding::read(row.rests_for, row.throttles),
        paused: row.paused,
        page: count(row.page),
        cursor: row.cursor,
        import_ended: row.import_status != "open",
        rows_wanted: count(row.max_results).saturating_sub(rows),
        fetched: count(row.fetched),
        quota_used_today: count(row.quota_used),
        enrichment_batch: count(row.enrichment_batch),
        enriched_through: count(row.enriched_through),
        stalled_waits: count(row.stalled_waits),
        stalled_attempts: count(row.stalled_attempts),
        started_at: row.started_at,
        now: row.now,
        totals: JobTotals {
            fetched: count(row.fetched),
            imported: count(row.imported),
            duplicates: count(row.all_duplicates),
            invalid: count(row.invalid),
            not_found: count(row.not_found),
            failed: count(row.failed),
            suppressed: count(row.suppressed),
            answered: count(row.answered),
            emails_found: count(row.emails_found),
            credits_charged: row.credits_charged,
            age: Duration::try_from_secs_f64(row.seconds).unwrap_or_default(),
        },
    }))
}

/// What is to become of one item of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    Person(Box<Person>),
    Invalid,
    NotFound,
    Failed,
    /// Somebody who was erased from the account group.
    Suppressed,
}

/// One item of a page, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: ItemKind,
    /// Why it is no imported person.
    pub reason: Option<String>,
    /// The URL as uploaded.
    pub input_url: Option<String>,
}

#[derive(Serialize)]
struct StoredItem<'a> {
    kind: &'static str,
    reason: Option<&'a str>,
    input_url: Option<&'a str>,
    prospect_id: Option<ProspectId>,
    public_identifier_key: Option<String>,
    #[serde(flatten)]
    person: Option<&'a Person>,
}

impl<'a> From<&'a Item> for StoredItem<'a> {
    fn from(item: &'a Item) -> Self {
        let (kind, person) = match &item.kind {
            ItemKind::Person(person) => ("person", Some(&**person)),
            ItemKind::Invalid => ("invalid", None),
            ItemKind::NotFound => ("not_found", None),
            ItemKind::Failed => ("failed", None),
            ItemKind::Suppressed => ("suppressed", None),
        };
        let identifier = person.and_then(|person| person.public_identifier.as_ref());
        Self {
            kind,
            reason: item.reason.as_deref(),
            input_url: item.input_url.as_deref(),
            // Used if the group does not have the person yet.
            prospect_id: person.map(|_| ProspectId::new()),
            public_identifier_key: identifier
                .map(crate::domain::linkedin_url::PublicIdentifier::folded),
            person,
        }
    }
}

/// A page to be committed.
#[derive(Debug, Clone)]
pub struct NewPage<'a> {
    /// The number that this page must get: pages committed so far, plus one.
    pub page: u32,
    pub items: &'a [Item],
    /// Where the next page begins.
    pub cursor: Option<serde_json::Value>,
    pub available: Option<u32>,
    /// Why the upstream has no more; `None` while it has.
    pub upstream_ended: Option<StopReason>,
    /// Whether this page may be the one that ends a source in which nobody new comes. It counts as
    /// barren in either case.
    pub may_be_barren: bool,
    pub list_type: ListType,
    /// What erased people are recognised by.
    pub erasure_key: Option<&'a ErasureKey>,
}

/// The hashes of a page's identifiers, as columns: item (1, 2, 3...), identifier, member id.
#[derive(Default)]
struct PageHashes {
    items: Vec<i32>,
    identifiers: Vec<Vec<u8>>,
    members: Vec<Option<Vec<u8>>>,
}

impl PageHashes {
    fn of(page: &NewPage<'_>, account_group: &AccountGroupId) -> Self {
        let mut hashes = Self::default();
        let Some(key) = page.erasure_key else {
            return hashes;
        };
        for (number, item) in (1..).zip(page.items) {
            let person = match &item.kind {
                ItemKind::Person(person) => Some(&**person),
                _ => None,
            };
            let input_url = item.input_url.as_deref();
            for hash in identifier_hashes(key, account_group, person, input_url) {
                hashes.items.push(number);
                hashes.identifiers.push(hash.identifier.to_vec());
                hashes.members.push(hash.member.map(Vec::from));
            }
        }
        hashes
    }
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOutcome {
    Committed {
        job_ended: bool,
        import_ended: bool,
        rows_wanted: u32,
        fetched: u32,
        quota_used_today: u32,
        totals: JobTotals,
    },
    /// The page number is taken: an earlier try went through. Read the job back.
    AlreadyDone,
    LeaseLost,
    /// People of the account group were erased under another key than the one given; nothing was
    /// changed.
    ErasureKeyMissing,
}

/// The most items one job may fetch, repeats and all.
pub const FETCHED_MAX: u32 = 5_000;
/// After so many pages in a row without a new person, with so many items on them, the source counts
/// as exhausted.
const BARREN_PAGES_MAX: i32 = 20;
const BARREN_ITEMS_MAX: i32 = 100;

/// Commits a page: people, rows, charge, counts, cursor and the check of the lease in one statement.
pub async fn import_page(
    connection: &mut PgConnection,
    lease: &Lease,
    lease_time: Duration,
    page: NewPage<'_>,
) -> Result<PageOutcome, Error> {
    let items: Vec<StoredItem<'_>> = page.items.iter().map(StoredItem::from).collect();
    let hashes = PageHashes::of(&page, &lease.account_group);
    let barren_pages_max = if page.may_be_barren {
        BARREN_PAGES_MAX
    } else {
        i32::MAX
    };
    let row = sqlx::query!(
        r#"
        select p.outcome as "outcome!", p.job_ended as "job_ended!", p.import_ended as "import_ended!",
            p.rows_wanted as "rows_wanted!", p.fetched as "fetched!", p.quota_used as "quota_used!",
            to_jsonb(t) as "standing: Json<JobStanding>"
        from import_page_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as p
        left join lateral job_totals_v1(case when p.outcome = 'committed' then $1 end, $2) as t on true
        "#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        lease_time.as_secs_f64(),
        column(page.page),
        Json(items) as _,
        page.cursor,
        page.available.map(column),
        page.upstream_ended.map(StopReason::as_str),
        page.list_type.as_str(),
        column(FETCHED_MAX),
        barren_pages_max,
        BARREN_ITEMS_MAX,
        page.erasure_key.map(|key| key.check_value().to_vec()),
        &hashes.items,
        &hashes.identifiers,
        &hashes.members as _,
    )
    .fetch_one(connection)
    .await?;
    match row.outcome.as_str() {
        "committed" => Ok(PageOutcome::Committed {
            job_ended: row.job_ended,
            import_ended: row.import_ended,
            rows_wanted: count(row.rows_wanted),
            fetched: count(row.fetched),
            quota_used_today: count(row.quota_used),
            totals: row
                .standing
                .map(|standing| standing.totals())
                .unwrap_or_default(),
        }),
        "already_done" => Ok(PageOutcome::AlreadyDone),
        "lease_lost" => Ok(PageOutcome::LeaseLost),
        "erasure_key_missing" => Ok(PageOutcome::ErasureKeyMissing),
        _ => known_text("outcome of a page", &row.outcome, None),
    }
}

/// The answer of a look-up, ready to be stored.
#[derive(Serialize)]
pub struct StoredAnswer {
    pub prospect_id: ProspectId,
    pub email: Option<String>,
    pub email_status: StoredEmailStatus,
}

/// How an answered look-up is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredEmailStatus {
    Valid,
    Unverified,
    NotFound,
}

impl From<EmailStatus> for StoredEmailStatus {
    fn from(status: EmailStatus) -> Self {
        match status {
            EmailStatus::Valid => Self::Valid,
            EmailStatus::Unverified => Self::Unverified,
        }
    }
}

/// What became of a batch of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome {
    Committed {
        job_ended: bool,
    },
    /// The batch number is taken: an earlier try went through. Read the job back.
    AlreadyDone,
    LeaseLost,
}

/// Commits answers as batch number `batch`. With it everybody up to row `through_row` is answered,
/// and maybe some after it.
pub async fn store_emails(
    connection: &mut PgConnection,
    lease: &Lease,
    lease_time: Duration,
    batch: u32,
    through_row: u32,
    answers: &[StoredAnswer],
) -> Result<BatchOutcome, Error> {
    let row = sqlx::query!(
        r#"
        select outcome as "outcome!", job_ended as "job_ended!"
        from store_emails_v2($1, $2, $3, $4, $5, $6, $7)
        "#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        lease_time.as_secs_f64(),
        column(batch),
        column(through_row),
        Json(answers) as _,
    )
    .fetch_one(connection)
    .await?;
    match row.outcome.as_str() {
        "committed" => Ok(BatchOutcome::Committed {
            job_ended: row.job_ended,
        }),
        "already_done" => Ok(BatchOutcome::AlreadyDone),
        "lease_lost" => Ok(BatchOutcome::LeaseLost),
        _ => known_text("outcome of a batch", &row.outcome, None),
    }
}

/// Whether a write of a run took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    Done,
    LeaseLost,
}

impl From<Option<bool>> for Fenced {
    fn from(done: Option<bool>) -> Self {
        if done == Some(true) {
            Self::Done
        } else {
            Self::LeaseLost
        }
    }
}

/// Fails a job for good and releases what is left of its reservation.
pub async fn fail_job(
    connection: &mut PgConnection,
    lease: &Lease,
    code: JobErrorCode,
) -> Result<Fenced, Error> {
    let done = sqlx::query_scalar!(
        "select fail_job_v1($1, $2, $3, $4, $5)",
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        code.as_str(),
        code.message(),
    )
    .fetch_one(connection)
    .await?;
    Ok(done.into())
}

/// Completes a job whose e-mail look-ups failed for good.
pub async fn give_up_enrichment(
    connection: &mut PgConnection,
    lease: &Lease,
    code: EnrichmentErrorCode,
) -> Result<Fenced, Error> {
    let done = sqlx::query_scalar!(
        "select give_up_enrichment_v1($1, $2, $3, $4, $5)",
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        code.as_str(),
        code.message(),
    )
    .fetch_one(connection)
    .await?;
    Ok(done.into())
}

/// Until when a run lets go of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitUntil {
    /// So long from now.
    After(Duration),
    /// So long from now, until the LinkedIn account may be called: no fault of the upstream.
    AccountFree(Duration),
    /// The next UTC day begins.
    NextDay,
}

/// What became of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    Waiting,
    /// The upstream has kept the job waiting for too long already; nothing was changed.
    OutOfPatience,
    LeaseLost,
}

/// How long an upstream may keep a job waiting without any progress.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives the worker slot back and lets the job go on later, as the same attempt. Without a reason the
/// job is merely handed back to the queue.
pub async fn wait_job(
    connection: &mut PgConnection,
    lease: &Lease,
    reason: Option<WaitingReason>,
    until: WaitUntil,
) -> Result<WaitOutcome, Error> {
    let seconds = match until {
        WaitUntil::After(duration) | WaitUntil::AccountFree(duration) => {
            Some(duration.as_secs_f64())
        }
        WaitUntil::NextDay => None,
    };
    let is_fault =
        reason == Some(WaitingReason::Upstream) && !matches!(until, WaitUntil::AccountFree(_));
    let outcome = sqlx::query_scalar!(
        r#"select wait_job_v2($1, $2, $3, $4, $5, $6, $7) as "outcome!""#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        reason.map(WaitingReason::as_str),
        is_fault,
        seconds,
        PATIENCE.as_secs_f64(),
    )
    .fetch_one(connection)
    .await?;
    match outcome.as_str() {
        "waiting" => Ok(WaitOutcome::Waiting),
        "out_of_patience" => Ok(WaitOutcome::OutOfPatience),
        "lease_lost" => Ok(WaitOutcome::LeaseLost),
        _ => known_text("outcome of a wait", &outcome, None),
    }
}

/// Which leases may be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakOff {
    /// The caller holds the lease; its run came to grief.
    OwnRun { retry_after: Duration },
    /// The lease ran out: whoever held it is gone or stuck.
    ExpiredOnly,
}

/// What became of a broken run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakOffOutcome {
    Requeued,
    Failed,
    LeaseLost,
}

/// Runs that a job may begin in a row without any progress.
const ATTEMPTS_MAX: i32 = 5;

/// Puts a job back into the queue after a run that broke, or fails it when that happened too often.
pub async fn break_off_run(
    connection: &mut PgConnection,
    lease: &Lease,
    which: BreakOff,
) -> Result<BreakOffOutcome, Error> {
    let (only_expired, retry_after) = match which {
        BreakOff::OwnRun { retry_after } => (false, retry_after),
        BreakOff::ExpiredOnly => (true, Duration::ZERO),
    };
    let outcome = sqlx::query_scalar!(
        r#"select break_off_run_v1($1, $2, $3, $4, $5, $6, $7, $8) as "outcome!""#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        only_expired,
        retry_after.as_secs_f64(),
        ATTEMPTS_MAX,
        JobErrorCode::TooManyAttempts.as_str(),
        JobErrorCode::TooManyAttempts.message(),
    )
    .fetch_one(connection)
    .await?;
    match outcome.as_str() {
        "requeued" => Ok(BreakOffOutcome::Requeued),
        "failed" => Ok(BreakOffOutcome::Failed),
        "lease_lost" => Ok(BreakOffOutcome::LeaseLost),
        _ => known_text("outcome of a broken run", &outcome, None),
    }
}

/// Prolongs leases, and returns the tokens of those that are lost.
///
/// A row that is locked just now is being written by its own run, which prolongs the lease itself:
/// waiting for it could only delay the others.
pub async fn prolong_leases(
    connection: &mut PgConnection,
    leases: &[Lease],
    lease_time: Duration,
) -> Result<Vec<Uuid>, Error> {
    let account_groups: Vec<String> = leases
        .iter()
        .map(|lease| lease.account_group.to_string())
        .collect();
    let jobs: Vec<String> = leases.iter().map(|lease| lease.job.to_string()).collect();
    let tokens: Vec<Uuid> = leases.iter().map(|lease| lease.token).collect();
    let lost = sqlx::query_scalar!(
        r#"
        with held as (
            select * from unnest($1::text [], $2::text [], $3::uuid []) as h (account_group_id, job_id, token)
        ),
        free as (
            select j.account_group_id, j.job_id
            from prospecting_jobs j
            join held h on h.account_group_id = j.account_group_id and h.job_id = j.job_id
            where j.status = 'running' and j.lease_token = h.token
            for no key update of j skip locked
        ),
        prolonged as (
            update prospecting_jobs j
            set lease_expires_at = clock_timestamp() + make_interval(secs => $4)
            from free f
            where j.account_group_id = f.account_group_id and j.job_id = f.job_id
        )
        select h.token as "token!"
        from held h
        where not exists (
            select from prospecting_jobs j
            where j.account_group_id = h.account_group_id and j.job_id = h.job_id
                and j.status = 'running' and j.lease_token = h.token
        )
        "#,
        &account_groups,
        &jobs,
        &tokens,
        lease_time.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(lost)
}

/// Leases that ran out, the longest ago first.
pub async fn list_expired_leases(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<Lease>, Error> {
    let rows = sqlx::query!(
        r#"
        with expired as (
            select account_group_id, job_id, lease_token, lease_expires_at
            from prospecting_jobs
            where status = 'running' and lease_expires_at < now()
            order by lease_expires_at
            limit $1
        )
        select e.account_group_id, e.job_id, e.lease_token as "lease_token!",
            to_jsonb(t) as "standing!: Json<JobStanding>"
        from expired e
        cross join lateral job_totals_v1(e.account_group_id, e.job_id) as t
        order by e.lease_expires_at
        "#,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lease {
                account_group: known(row.account_group_id.try_into())?,
                job: known(row.job_id.try_into())?,
                token: row.lease_token,
                source: row.standing.source,
                trace: row.standing.trace(),
            })
        })
        .collect()
}

/// The channel on which processes tell each other that a job was queued.
pub const CHANNEL: &str = "prospector_jobs";

/// Tells the other processes that a job was queued.
pub async fn notify_workers(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("select pg_notify('prospector_jobs', '')")
        .execute(connection)
        .await?;
    Ok(())
}
