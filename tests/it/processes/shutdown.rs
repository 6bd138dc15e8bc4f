//! SIGTERM: what has begun is finished, what is left is handed back.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use prospector::db::migrator::SetupLock;
use prospector::domain::id::JobId;
use tokio::task::JoinSet;

use crate::support::app::{search, wait_for};
use crate::support::world::{Call, Group, World};

/// Far longer than any of these tests: nobody may wait for a lease to run out.
const LEASE: (&str, &str) = ("LEASE_SECONDS", "60");
/// Well before the lease runs out.
const AT_ONCE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_told_to_stop_finishes_pages_and_requests_and_another_carries_on() {
    let world = Arc::new(World::start().await);
    let groups: Arc<[Group]> = world.groups(4).await.into();
    let (mut stopped, address) = world.serve("stopped", &[], &[LEASE]).await;
    let mut jobs = Vec::new();
    for group in groups.iter() {
        let body = search("results-120+slow-800", 500);
        jobs.push(world.start_job(address, group, &body).await);
    }
    wait_for(async || pages(&world).await.iter().all(|pages| *pages > 0)).await;
    let (_other, elsewhere) = world.serve("other", &[], &[LEASE]).await;

    let answers = Arc::new(AtomicU32::new(0));
    let mut asking = JoinSet::new();
    for (number, job) in jobs.iter().enumerate() {
        for client in [&world.client, &client_without_kept_connections()] {
            let (world, groups, job) = (world.clone(), groups.clone(), job.clone());
            let (client, answers) = (client.clone(), answers.clone());
            asking.spawn(async move {
                let group = &groups[number];
                ask_until_refused(&world, &client, address, group, &job, &answers).await
            });
        }
    }
    wait_for(async || answers.load(Ordering::Relaxed) > 40).await;
    let before = pages(&world).await;
    stopped.signal("TERM");
    let status = stopped.ended(Duration::from_secs(20)).await;
    let ended = Instant::now();
    assert_eq!(status.code(), Some(0));
    while let Some(refused) = asking.join_next().await {
        refused.unwrap();
    }
    let log = stopped.log();
    let after = pages(&world).await;
    for (before, after) in before.iter().zip(&after) {
        assert!(
            after > before,
            "the page at hand is finished: {before}, {after}"
        );
    }
    assert_eq!(log.matches("job handed back").count(), jobs.len());

    wait_for(async || running(&world).await == jobs.len()).await;
    let idle = ended.elapsed();
    assert!(idle < AT_ONCE, "the jobs lay for {idle:?}");
    world.all_jobs_ended().await;
    for (group, job) in groups.iter().zip(&jobs) {
        let status = world.job(elsewhere, group, job).await;
        assert_eq!(status["status"], "completed", "{status:#}");
        assert_eq!(status["attempt"], 1, "{status:#}");
        assert_eq!(status["counts"]["imported"], 120, "{status:#}");
    }
    world.assert_books_balance().await;
}

/// Asks for a job's status without a pause until the process does not listen any more. Whatever was
/// accepted before must be answered.
async fn ask_until_refused(
    world: &World,
    client: &reqwest::Client,
    address: SocketAddr,
    group: &Group,
    job: &JobId,
    answers: &AtomicU32,
) {
    let path = format!("prospecting/{job}");
    loop {
        match world.call(client, address, group, Call::get(&path)).await {
            Ok(answer) => {
                answer.expect_status(200);
                answers.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(is_refused(&error), "{answers:?} answers, then {error:?}");
                return;
            }
        }
    }
}

fn client_without_kept_connections() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy();
    client.pool_max_idle_per_host(0).build().unwrap()
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_hangs_is_given_up_within_the_grace_period() {
    let world = World::start().await;
    let group = world.group().await;
    let grace = [LEASE, ("SHUTDOWN_GRACE_SECONDS", "4")];
    let (mut stopped, address) = world.serve("stopped", &[], &grace).await;
    let job = world
        .start_job(address, &group, &search("results-60+slow-30000", 100))
        .await;
    wait_for(async || running(&world).await == 1).await;
    let asked = Instant::now();
    stopped.signal("TERM");
    let status = stopped.ended(Duration::from_secs(10)).await;
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "it took {took:?}");

    let (_other, address) = world.serve("other", &["--role", "api"], &[]).await;
    let status = world.job(address, &group, &job).await;
    assert_eq!(status["status"], "queued", "handed back: {status:#}");
    assert_eq!(status["attempt"], 1);
    world.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_process_at_once() {
    let world = World::start().await;
    let group = world.group().await;
    let (mut stopped, address) = world.serve("stopped", &[], &[LEASE]).await;
    world
        .start_job(address, &group, &search("results-60+slow-30000", 100))
        .await;
    wait_for(async || running(&world).await == 1).await;
    stopped.signal("TERM");
    wait_for(async || stopped.log().contains("shutting down")).await;
    assert!(stopped.is_running(), "a page is at hand");
    stopped.signal("TERM");
    let status = stopped.ended(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(130));
    assert_eq!(status.signal(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_the_process_starts_ends_it_in_good_order() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    // The process waits for the lock under which databases are set up.
    let lock = SetupLock::acquire(&world.database).await.unwrap();
    let mut starting = world.spawn("starting", &[], &[LEASE]);
    wait_for(async || {
        let connections = sqlx::query_scalar!(
            r#"select count(*) as "count!" from pg_stat_activity where datname = current_database()"#
        );
        connections.fetch_one(&mut connection).await.unwrap() > 2
    })
    .await;
    starting.signal("TERM");
    let status = starting.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0));
    lock.release().await.unwrap();
}

/// Pages committed so far, by job.
async fn pages(world: &World) -> Vec<i32> {
    let mut connection = world.connect().await;
    let pages = sqlx::query_scalar!("select page from prospecting_jobs order by job_id");
    pages.fetch_all(&mut connection).await.unwrap()
}

async fn running(world: &World) -> usize {
    let mut connection = world.connect().await;
    let running = sqlx::query_scalar!(
        r#"select count(*) as "count!" from prospecting_jobs where status = 'running'"#
    );
    let running = running.fetch_one(&mut connection).await.unwrap();
    usize::try_from(running).unwrap()
}
