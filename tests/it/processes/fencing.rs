//! A process that was suspended past its lease comes back and finds that it has lost its jobs.

use std::time::{Duration, Instant};

use prospector::domain::id::JobId;
use prospector::upstream::sandbox::population;
use serde_json::{Value, json};

use crate::support::app::{search, wait_for};
use crate::support::world::{Call, Group, World};

/// The log tells of every page that is committed.
const SETTINGS: [(&str, &str); 2] = [
    ("LEASE_SECONDS", "2"),
    ("RUST_LOG", "info,prospector=debug"),
];
/// What a run logs when it finds that another one has its job.
const STOPPED: &str = "run stopped: ";
/// A suspended process holds no lock, since every write of it is one statement: a start does not
/// even wait for as long as an idle transaction may live with this lease.
const START_MAX: Duration = Duration::from_secs(1);

fn with_emails(mut body: Value) -> Value {
    body["searchEmails"] = json!(true);
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_suspended_past_its_lease_writes_nothing_when_it_comes_back() {
    let world = World::start().await;
    let groups = world.groups(4).await;
    let (mut suspended, address) = world.serve("suspended", &[], &SETTINGS).await;
    // Suspended in the middle of pages of different lengths, and of look-ups.
    let bodies = [
        search("results-80+slow-700", 500),
        search("results-120+slow-330", 500),
        search("results-150+slow-90", 500),
        with_emails(search("results-200+slow-40", 500)),
    ];
    let mut jobs = Vec::new();
    for (group, body) in groups.iter().zip(&bodies) {
        jobs.push(world.start_job(address, group, body).await);
    }
    for (group, job) in groups.iter().zip(&jobs) {
        wait_for(async || world.job(address, group, job).await["counts"]["fetched"] != 0).await;
    }
    suspended.signal("STOP");
    let held = running(&world).await;
    assert!(held > 0, "it was suspended in the middle of jobs");

    let (_successor, address) = world.serve("successor", &[], &SETTINGS).await;
    for group in &groups {
        assert_starts_at_once(&world, address, group).await;
    }
    world.all_jobs_ended().await;
    for (group, job) in groups.iter().zip(&jobs) {
        assert_is_complete(&world, address, group, job).await;
    }
    let stored = everything(&world).await;

    suspended.signal("CONT");
    wait_for(async || {
        let log = suspended.log();
        log.matches(STOPPED).count() >= usize::try_from(held).unwrap()
    })
    .await;
    suspended.signal("TERM");
    let status = suspended.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(everything(&world).await, stored, "it wrote nothing");
    world.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_comes_back_while_its_successor_fetches_the_same_page_does_not_commit_it() {
    let world = World::start().await;
    let groups = world.groups(4).await;
    let (mut suspended, address) = world.serve("suspended", &[], &SETTINGS).await;
    let keywords = "results-60+slow-1500";
    for group in &groups {
        world
            .start_job(address, group, &search(keywords, 500))
            .await;
    }
    wait_for(async || stored(&world).await.jobs_with_pages == 4).await;
    suspended.signal("STOP");
    assert_eq!(running(&world).await, 4);
    let pages = stored(&world).await.pages;

    // The page that it waited for has come meanwhile; its successor is asking for the same one.
    let (successor, _) = world.serve("successor", &[], &SETTINGS).await;
    wait_for(async || successor.log().matches("job claimed").count() == 4).await;
    suspended.signal("CONT");
    wait_for(async || suspended.log().matches(STOPPED).count() == 4).await;
    suspended.signal("TERM");
    let status = suspended.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0));
    let by_it = suspended.log().matches("page committed").count();
    assert_eq!(i64::try_from(by_it), Ok(pages), "it committed nothing more");

    world.all_jobs_ended().await;
    let rows = population::rows_of_search(keywords).len();
    let fetched = stored(&world).await.fetched;
    assert_eq!(usize::try_from(fetched), Ok(4 * rows), "each page once");
    world.assert_books_balance().await;
}

struct Stored {
    jobs_with_pages: i64,
    pages: i64,
    fetched: i64,
}

async fn stored(world: &World) -> Stored {
    let mut connection = world.connect().await;
    let stored = sqlx::query_as!(
        Stored,
        r#"
        select count(*) filter (where page > 0) as "jobs_with_pages!", coalesce(sum(page), 0) as "pages!",
            coalesce(sum(fetched), 0) as "fetched!"
        from prospecting_jobs
        "#
    );
    stored.fetch_one(&mut connection).await.unwrap()
}

async fn assert_starts_at_once(world: &World, address: std::net::SocketAddr, group: &Group) {
    let body = search("results-5", 10);
    let began = Instant::now();
    let call = Call::start(&body, None);
    let answer = world.call(&world.client, address, group, call).await;
    let took = began.elapsed();
    answer.unwrap().expect_status(202);
    assert!(took < START_MAX, "the start took {took:?}");
}

async fn assert_is_complete(
    world: &World,
    address: std::net::SocketAddr,
    group: &Group,
    job: &JobId,
) {
    let status = world.job(address, group, job).await;
    assert_eq!(status["status"], "completed", "{status:#}");
    let counts = &status["counts"];
    let people = counts["imported"].as_u64().unwrap() + counts["duplicates"].as_u64().unwrap();
    assert!([80, 120, 150, 200].contains(&people), "{status:#}");
}

async fn running(world: &World) -> i64 {
    let mut connection = world.connect().await;
    let running = sqlx::query_scalar!(
        r#"select count(*) as "count!" from prospecting_jobs where status = 'running'"#
    );
    running.fetch_one(&mut connection).await.unwrap()
}

/// A digest of everything that a run can write.
async fn everything(world: &World) -> String {
    let mut connection = world.connect().await;
    let digest = sqlx::query_scalar!(
        r#"
        select concat_ws(' ',
            (select md5(string_agg(j::text, ',' order by j.job_id)) from prospecting_jobs j),
            (select md5(string_agg(r::text, ',' order by r.job_id, r.row_number)) from job_prospects r),
            (select md5(string_agg(p::text, ',' order by p.prospect_id)) from prospects p),
            (select md5(string_agg(e::text, ',' order by e.entry_id)) from credit_entries e),
            (select md5(string_agg(c::text, ',' order by c.account_group_id)) from credit_accounts c),
            (select md5(string_agg(q::text, ',' order by q.account_group_id, q.list_type)) from quota_usage q),
            (select string_agg(l.running::text, ',' order by l.account_group_id) from lanes l)
        ) as "digest!"
        "#
    );
    digest.fetch_one(&mut connection).await.unwrap()
}
