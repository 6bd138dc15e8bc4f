//! Jobs moved by hand: the calls that starts and workers make, without either.

use std::collections::BTreeMap;
use std::time::Duration;

use prospector::db::jobs::{self, NewJob, StartOutcome};
use prospector::db::queue::{
    self, ClaimOutcome, Item, ItemKind, Lease, NewPage, PageOutcome, RunState,
};
use prospector::domain::credits::reservation;
use prospector::domain::erasure::ErasureKey;
use prospector::domain::id::{AccountGroupId, JobId};
use prospector::domain::job::StopReason;
use prospector::domain::linkedin_url::{PeopleSearchUrl, ProfileUrl, PublicIdentifier};
use prospector::domain::person::Person;
use prospector::domain::quota::ListType;
use prospector::domain::start_request::{Duplicates, Source, UploadedUrl};
use prospector::domain::trace::JobTrace;
use prospector::error::Error;
use sqlx::PgConnection;

/// Long enough that no lease runs out by itself.
pub(crate) const LEASE: Duration = Duration::from_secs(600);

/// What tests erase people with.
pub(crate) fn erasure_key() -> ErasureKey {
    "a key that is known to everybody, for tests"
        .parse()
        .unwrap()
}

/// A job as a test wants it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) source: Source,
    pub(crate) max_results: u32,
    pub(crate) search_emails: bool,
    pub(crate) duplicates: Duplicates,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            source: search_source("results-60"),
            max_results: 100,
            search_emails: false,
            duplicates: Duplicates::Count,
        }
    }
}

pub(crate) fn search_source(keywords: &str) -> Source {
    let url = format!("https://www.linkedin.com/search/results/people/?keywords={keywords}");
    Source::LinkedinSearch {
        search_url: PeopleSearchUrl::parse(&url).unwrap(),
    }
}

/// An upload of `/in/<slug>` for each slug.
pub(crate) fn upload_source(slugs: &[&str]) -> Source {
    let uploaded = |slug: &&str| {
        let input = format!("https://www.linkedin.com/in/{slug}");
        UploadedUrl {
            profile: ProfileUrl::parse(&input).unwrap(),
            input,
        }
    };
    Source::UrlUpload {
        urls: slugs.iter().map(uploaded).collect(),
    }
}

/// Starts a job; `None` when the credits do not suffice.
pub(crate) async fn try_start(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    wanted: &Wanted,
) -> Result<Option<JobId>, Error> {
    let job_id = JobId::new();
    let new = NewJob {
        job_id: &job_id,
        account_group,
        source: &wanted.source,
        max_results: wanted.max_results,
        search_emails: wanted.search_emails,
        duplicates: wanted.duplicates,
        metadata: &BTreeMap::new(),
        idempotency_key: None,
        fingerprint: &[0; 32],
        reservation: reservation(wanted.max_results, wanted.search_emails),
        trace: &JobTrace::default(),
    };
    match jobs::start_job(connection, new).await? {
        StartOutcome::Created { .. } => Ok(Some(job_id)),
        StartOutcome::InsufficientCredits { .. } => Ok(None),
        other => panic!("a start without a key is created or refused: {other:?}"),
    }
}

/// Starts a job for which there must be credits.
pub(crate) async fn start(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    wanted: &Wanted,
) -> JobId {
    let started = try_start(connection, account_group, wanted).await;
    started.unwrap().expect("credits for the job")
}

/// Claims until a job is found or no lane is open.
pub(crate) async fn try_claim(
    connection: &mut PgConnection,
    running_max: u32,
) -> Result<Option<Lease>, Error> {
    loop {
        match queue::claim_job(&mut *connection, LEASE, running_max).await? {
            ClaimOutcome::Claimed(lease) => return Ok(Some(lease)),
            ClaimOutcome::LaneWithoutDueJob => {}
            ClaimOutcome::NothingOpen => return Ok(None),
        }
    }
}

/// Claims a job that must be there.
pub(crate) async fn claim(connection: &mut PgConnection) -> Lease {
    let claimed = try_claim(connection, 1).await.unwrap();
    claimed.expect("a job that is due in an open lane")
}

/// Starts a job and claims it.
pub(crate) async fn start_and_claim(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    wanted: &Wanted,
) -> Lease {
    let job = start(&mut *connection, account_group, wanted).await;
    let lease = claim(connection).await;
    assert_eq!(lease.job, job);
    lease
}

/// Reads the job of a lease that must still be held.
pub(crate) async fn run_state(connection: &mut PgConnection, lease: &Lease) -> RunState {
    let state = queue::find_run(connection, lease).await.unwrap();
    state.expect("the lease is held")
}

/// Somebody whom every identifier tells from the others.
pub(crate) fn person(number: u32) -> Person {
    let slug = PublicIdentifier::parse(&format!("person-{number}")).unwrap();
    Person {
        provider_id: Some(format!("ACoAA{number:010}")),
        member_id: Some(number.to_string()),
        linkedin_url: Some(slug.url()),
        public_identifier: Some(slug),
        first_name: Some("Ada".to_owned()),
        last_name: Some(format!("Number{number}")),
        name: Some(format!("Ada Number{number}")),
        headline: Some("Builds things that count".to_owned()),
        title: Some("Engineer".to_owned()),
        company_name: Some("Example Works".to_owned()),
        location: Some("Graz, Austria".to_owned()),
    }
}

pub(crate) fn item(person: Person) -> Item {
    Item {
        kind: ItemKind::Person(Box::new(person)),
        reason: None,
        input_url: None,
    }
}

pub(crate) fn people(numbers: impl IntoIterator<Item = u32>) -> Vec<Item> {
    numbers
        .into_iter()
        .map(|number| item(person(number)))
        .collect()
}

/// Commits a page of a search as page `page`.
pub(crate) async fn import(
    connection: &mut PgConnection,
    lease: &Lease,
    page: u32,
    items: &[Item],
    ended: Option<StopReason>,
) -> Result<PageOutcome, Error> {
    let new = NewPage {
        page,
        items,
        cursor: Some(serde_json::json!({"offset": page})),
        available: None,
        upstream_ended: ended,
        may_be_barren: true,
        list_type: ListType::LinkedinClassic,
        erasure_key: Some(&erasure_key()),
    };
    queue::import_page(connection, lease, LEASE, new).await
}

/// Commits a page that must go in, and says whether the import and the job have ended with it.
pub(crate) async fn import_in_full(
    connection: &mut PgConnection,
    lease: &Lease,
    page: u32,
    items: &[Item],
    ended: Option<StopReason>,
) -> (bool, bool) {
    match import(connection, lease, page, items, ended).await {
        Ok(PageOutcome::Committed {
            import_ended,
            job_ended,
            ..
        }) => (import_ended, job_ended),
        other => panic!("the page is not in: {other:?}"),
    }
}

/// What is wrong in the whole database, one sentence each: rows against counts, charges against
/// pages, people against identifiers. What `credits verify` compares is not repeated here.
pub(crate) async fn faults(connection: &mut PgConnection) -> Vec<String> {
    let found = sqlx::query_scalar!(
        r#"
        with counted as (
            select r.account_group_id, r.job_id, count(*) as rows,
                count(*) filter (where r.outcome = 'imported') as imported,
                count(*) filter (where r.outcome = 'duplicate') as duplicates,
                count(*) filter (where r.outcome = 'not_found') as not_found,
                count(*) filter (where r.outcome = 'failed') as failed,
                count(r.prospect_id) - count(distinct r.prospect_id) as repeated,
                max(r.row_number) as last_row
            from job_prospects r group by r.account_group_id, r.job_id
        ),
        skipped as (
            select s.account_group_id, s.job_id, count(*) as people
            from job_skipped_prospects s group by s.account_group_id, s.job_id
        ),
        charged as (
            select e.account_group_id, e.job_id,
                -sum(e.amount) filter (where e.kind = 'import') as imports,
                -sum(e.amount) filter (where e.kind = 'email') as emails,
                max(e.page) filter (where e.kind = 'import') as last_page,
                max(e.page) filter (where e.kind = 'email') as last_batch
            from credit_entries e where e.job_id is not null group by e.account_group_id, e.job_id
        )
        select 'the counts of job ' || j.job_id || ' are not its rows' as "fault!"
        from prospecting_jobs j
        left join counted c on c.account_group_id = j.account_group_id and c.job_id = j.job_id
        left join skipped s on s.account_group_id = j.account_group_id and s.job_id = j.job_id
        where j.row_count <> coalesce(c.rows, 0) or j.row_count <> coalesce(c.last_row, 0)
            or j.imported <> coalesce(c.imported, 0)
            or j.duplicates <> coalesce(c.duplicates, 0) + coalesce(s.people, 0)
            or (j.source = 'url_upload' and (j.not_found <> coalesce(c.not_found, 0)
                or j.failed <> coalesce(c.failed, 0)))
            or (j.source <> 'url_upload' and coalesce(c.repeated, 0) <> 0)
        union all
        select 'the charges of job ' || j.job_id || ' are not its pages'
        from prospecting_jobs j
        left join charged c on c.account_group_id = j.account_group_id and c.job_id = j.job_id
        where j.imported <> coalesce(c.imports, 0) or j.answered <> coalesce(c.emails, 0)
            or j.page < coalesce(c.last_page, 0) or j.enrichment_batch < coalesce(c.last_batch, 0)
        union all
        select 'member ' || p.member_id || ' is several prospects'
        from prospects p where p.member_id is not null
        group by p.account_group_id, p.member_id having count(*) > 1
        union all
        select 'prospect ' || p.prospect_id || ' was never imported, or more than once'
        from prospects p
        where (
            select count(*) from job_prospects r
            where r.account_group_id = p.account_group_id and r.prospect_id = p.prospect_id
                and r.outcome = 'imported'
        ) <> 1
        "#
    );
    found.fetch_all(connection).await.unwrap()
}

/// Lets every queued job be due at once, as if its time had come.
pub(crate) async fn make_all_due(connection: &mut PgConnection) {
    sqlx::query!("update prospecting_jobs set due_at = now() where status = 'queued'")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query!("update lanes set next_turn_at = now()")
        .execute(connection)
        .await
        .unwrap();
}
