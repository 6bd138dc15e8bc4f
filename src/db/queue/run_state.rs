//! A job as its run reads it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Lease;
use crate::db::job_totals::JobTotals;
use crate::db::{count, known};
use crate::domain::id::LinkedinAccountId;
use crate::domain::start_request::Source;
use crate::error::Error;

/// A job as its run needs it, read at the start and whenever the fate of a write is uncertain.
#[derive(Debug, Clone)]
pub struct RunState {
    pub source: Source,
    pub search_emails: bool,
    pub linkedin_account: Option<LinkedinAccountId>,
    pub account: AccountStanding,
    pub paused: bool,
    /// What the key is known by that people of the account group were erased with.
    pub erased_under: Option<Vec<u8>>,
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
    /// One of those waits followed a failure of the job's own call.
    pub stalled_by_failure: bool,
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

/// What [`find_run`] reads.
struct RunRow {
    request: Json<Source>,
    search_emails: bool,
    linkedin_account_id: Option<String>,
    paused: bool,
    erased_under: Option<Vec<u8>>,
    page: i32,
    cursor: Option<serde_json::Value>,
    import_status: String,
    max_results: i32,
    imported: i32,
    fetched: i32,
    /// Those that take up one of the wanted rows.
    duplicates: i32,
    quota_used: i32,
    enrichment_batch: i32,
    enriched_through: i32,
    stalled_waits: i32,
    stalled_by_failure: bool,
    stalled_attempts: i32,
    started_at: DateTime<Utc>,
    now: DateTime<Utc>,
    throttles: Option<i32>,
    rests_for: Option<f64>,
    all_duplicates: i32,
    invalid: i32,
    not_found: i32,
    failed: i32,
    suppressed: i32,
    answered: i32,
    emails_found: i32,
    credits_charged: i64,
    seconds: f64,
}

impl RunRow {
    fn state(self) -> Result<RunState, Error> {
        let rows = count(self.imported).saturating_add(count(self.duplicates));
        let totals = self.totals();
        let linkedin_account = self.linkedin_account_id.map(TryInto::try_into).transpose();
        Ok(RunState {
            source: self.request.0,
            search_emails: self.search_emails,
            linkedin_account: known(linkedin_account)?,
            account: AccountStanding::read(self.rests_for, self.throttles),
            paused: self.paused,
            erased_under: self.erased_under,
            page: count(self.page),
            cursor: self.cursor,
            import_ended: self.import_status != "open",
            rows_wanted: count(self.max_results).saturating_sub(rows),
            fetched: count(self.fetched),
            quota_used_today: count(self.quota_used),
            enrichment_batch: count(self.enrichment_batch),
            enriched_through: count(self.enriched_through),
            stalled_waits: count(self.stalled_waits),
            stalled_by_failure: self.stalled_by_failure,
            stalled_attempts: count(self.stalled_attempts),
            started_at: self.started_at,
            now: self.now,
            totals,
        })
    }

    fn totals(&self) -> JobTotals {
        JobTotals {
            fetched: count(self.fetched),
            imported: count(self.imported),
            duplicates: count(self.all_duplicates),
            invalid: count(self.invalid),
            not_found: count(self.not_found),
            failed: count(self.failed),
            suppressed: count(self.suppressed),
            answered: count(self.answered),
            emails_found: count(self.emails_found),
            credits_charged: self.credits_charged,
            age: Duration::try_from_secs_f64(self.seconds).unwrap_or_default(),
        }
    }
}

/// Reads a leased job; `None` when the lease is lost.
pub async fn find_run(
    connection: &mut PgConnection,
    lease: &Lease,
) -> Result<Option<RunState>, Error> {
    let row = sqlx::query_as!(
        RunRow,
        r#"
        select j.request as "request!: Json<Source>", j.search_emails, g.linkedin_account_id, g.paused, j.page,
            j.cursor, j.import_status, j.max_results, j.imported, j.fetched,
            case when j.skip_duplicates and j.source <> 'url_upload' then 0 else j.duplicates end
                as "duplicates!",
            coalesce(q.used, 0) as "quota_used!", j.enrichment_batch, j.enriched_through, j.stalled_waits,
            j.stalled_waits > 0 and j.stalled_by_failure as "stalled_by_failure!",
            j.stalled_attempts, j.started_at as "started_at!", now() as "now!", a.throttles as "throttles?",
            extract(epoch from a.resting_until - now())::double precision as rests_for, j.duplicates as all_duplicates,
            j.invalid, j.not_found, j.failed, j.suppressed, j.answered, j.emails_found, j.credits_charged,
            extract(epoch from now() - j.created_at)::double precision as "seconds!",
            (
                select k.check_value from erasure_key_check k
                where exists (
                    select from suppressed_identifiers s where s.account_group_id = j.account_group_id
                )
            ) as erased_under
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
    row.map(RunRow::state).transpose()
}
