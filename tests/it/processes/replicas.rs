//! Several processes on one database.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::app::{search, wait_for};
use crate::support::database::unmigrated_database;
use crate::support::world::World;

const NAMES: [&str; 3] = ["first", "second", "third"];
const RUNNING_MAX: i32 = 2;
/// Faster than polling alone would find the jobs that queue one after the other.
const WOKEN_WITHIN: f64 = 0.15;
const WOKEN_IN_A_ROW: u32 = 8;
const WOKEN_TRIES: u32 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_started_at_once_share_an_unmigrated_database_and_every_group_keeps_to_its_limit()
{
    let world = World::on(unmigrated_database().await).await;
    let settings = [("MAX_RUNNING_JOBS_PER_ACCOUNT_GROUP", "2")];
    let mut processes = NAMES.map(|name| world.spawn(name, &[], &settings));
    let mut addresses = Vec::new();
    for process in &mut processes {
        addresses.push(process.listening().await);
    }
    for address in &addresses {
        let ready = world.client.get(format!("http://{address}/readyz"));
        assert_eq!(ready.send().await.unwrap().status().as_u16(), 200);
    }
    let groups = world.groups(10).await;
    let done = CancellationToken::new();
    let watching = watch(&world, &done);
    let working = async {
        for number in 0..50_usize {
            let body = search(&format!("replica{number}+results-60+slow-30"), 100);
            let address = addresses[number % addresses.len()];
            world.start_job(address, &groups[number / 5], &body).await;
        }
        world.all_jobs_ended().await;
        done.cancel();
    };
    let (most_running, ()) = tokio::join!(watching, working);
    assert_eq!(
        most_running, RUNNING_MAX,
        "no more than may, and all that may"
    );

    let mut connection = world.connect().await;
    let jobs = sqlx::query!(
        r#"
        select count(*) as "jobs!",
            count(*) filter (where status = 'completed' and attempt = 1 and imported + duplicates = 60)
                as "undisturbed!"
        from prospecting_jobs
        "#
    );
    let jobs = jobs.fetch_one(&mut connection).await.unwrap();
    assert_eq!((jobs.jobs, jobs.undisturbed), (50, 50));
    for process in &processes {
        let log = process.log();
        assert!(log.contains("job claimed"), "all of them work");
        assert!(!log.contains("ERROR"), "{log}");
    }
    world.assert_books_balance().await;
}

/// Looks again and again at what runs; returns the most jobs of one group at a time.
async fn watch(world: &World, done: &CancellationToken) -> i32 {
    let mut connection = world.connect().await;
    let mut tokens: HashMap<String, Uuid> = HashMap::new();
    let mut most_running = 0;
    while !done.is_cancelled() {
        let lanes = sqlx::query!(
            r#"
            select l.running,
                (
                    select count(*) from prospecting_jobs j
                    where j.account_group_id = l.account_group_id and j.status = 'running'
                ) as "jobs!"
            from lanes l
            "#
        );
        for lane in lanes.fetch_all(&mut connection).await.unwrap() {
            assert_eq!(
                i64::from(lane.running),
                lane.jobs,
                "the lane counts what runs"
            );
            assert!(
                lane.running <= RUNNING_MAX,
                "{} run at a time",
                lane.running
            );
            most_running = most_running.max(lane.running);
        }
        let leases = sqlx::query!(
            r#"
            select job_id, lease_token as "token!" from prospecting_jobs where status = 'running'
            "#
        );
        for lease in leases.fetch_all(&mut connection).await.unwrap() {
            let first = *tokens.entry(lease.job_id).or_insert(lease.token);
            assert_eq!(first, lease.token, "a job has one run only");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    most_running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_started_at_an_api_process_begins_at_once_in_a_worker_process() {
    let world = World::start().await;
    let group = world.group().await;
    let (api, at_api) = world.serve("api", &["--role", "api"], &[]).await;
    let (worker, at_worker) = world.serve("worker", &["--role", "worker"], &[]).await;

    for (path, status) in [("healthz", 200), ("readyz", 200), ("openapi.yaml", 200)] {
        let url = format!("http://{at_worker}/{path}");
        let answer = world.client.get(url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let url = format!("http://{at_worker}/v1/accounts/{}/prospecting", group.id);
    let start = world.client.post(url).bearer_auth(group.key.reveal());
    let answer = start.json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404, "a worker has no API");

    let mut connection = world.connect().await;
    let (mut woken, mut tries) = (0, 0);
    while woken < WOKEN_IN_A_ROW {
        assert!(tries < WOKEN_TRIES, "jobs wait for the poll");
        tries += 1;
        let job = world
            .start_job(at_api, &group, &search("results-5", 10))
            .await;
        wait_for(async || world.job(at_api, &group, &job).await["status"] == "completed").await;
        let waited = sqlx::query_scalar!(
            r#"
            select extract(epoch from started_at - created_at)::double precision as "waited!"
            from prospecting_jobs where job_id = $1
            "#,
            job.as_str(),
        );
        let waited = waited.fetch_one(&mut connection).await.unwrap();
        woken = if waited < WOKEN_WITHIN { woken + 1 } else { 0 };
    }
    assert!(!api.log().contains("job claimed"));
    assert!(worker.log().contains("job claimed"));
    world.assert_books_balance().await;
}
