//! The database goes away under load and comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prospector::db::embedded::{Options, Server, ThrowawayDir, throwaway_dir};
use prospector::db::migrator::SetupLock;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::app::{search, wait_for};
use crate::support::world::{Call, Group, World};

const AWAY: Duration = Duration::from_secs(10);
const SETTINGS: [(&str, &str); 1] = [("LEASE_SECONDS", "2")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_and_comes_back_costs_time_and_nothing_else() {
    let folder = throwaway_dir("prospector-test-away").unwrap();
    let database = start_database(&folder).await;
    let world = Arc::new(World::on(options(&database)).await);
    let mut lock = SetupLock::acquire(&world.database).await.unwrap();
    lock.migrate().await.unwrap();
    lock.release().await.unwrap();
    let groups: Arc<[Group]> = world.groups(4).await.into();
    let (mut first, address) = world.serve("first", &[], &SETTINGS).await;
    let (mut second, other) = world.serve("second", &[], &SETTINGS).await;
    let mut jobs = Vec::new();
    for group in groups.iter() {
        let body = search("results-300+slow-250", 500);
        jobs.push(world.start_job(address, group, &body).await);
    }
    for (group, job) in groups.iter().zip(&jobs) {
        wait_for(async || world.job(address, group, job).await["counts"]["fetched"] != 0).await;
    }

    let over = CancellationToken::new();
    let mut clients = JoinSet::new();
    for (number, job) in jobs.iter().enumerate() {
        let (world, groups, over) = (world.clone(), groups.clone(), over.clone());
        let (path, at) = (format!("prospecting/{job}"), [address, other][number % 2]);
        clients.spawn(async move { ask_until(&world, at, &groups[number], &path, &over).await });
    }
    tokio::task::spawn_blocking(move || database.stop().unwrap())
        .await
        .unwrap();
    tokio::time::sleep(AWAY).await;
    let _database = start_database(&folder).await;

    for (at, group) in [(address, &groups[0]), (other, &groups[1])] {
        wait_for(async || {
            let call = world.call(&world.client, at, group, Call::get("credits"));
            call.await.unwrap().status == 200
        })
        .await;
    }
    over.cancel();
    while let Some(unavailable) = clients.join_next().await {
        assert!(unavailable.unwrap() > 0, "requests were told to come again");
    }
    world.all_jobs_ended().await;
    for (group, job) in groups.iter().zip(&jobs) {
        assert_complete(&world.job(other, group, job).await, 300);
    }

    // A page that takes longer than the lease: the heartbeats are alive, or the lease would be broken.
    let slow = search("slow-5000+results-20", 100);
    let slow = world.start_job(address, &groups[0], &slow).await;
    world.all_jobs_ended().await;
    let slow = world.job(address, &groups[0], &slow).await;
    assert_complete(&slow, 20);
    assert_eq!(slow["attempt"], 1, "its lease was kept alive");
    assert!(first.is_running() && second.is_running());
    world.assert_books_balance().await;
}

fn assert_complete(status: &Value, people: u64) {
    assert_eq!(status["status"], "completed", "{status:#}");
    let counts = &status["counts"];
    let imported = counts["imported"].as_u64().unwrap();
    let rows = imported + counts["duplicates"].as_u64().unwrap();
    assert_eq!(rows, people, "{status:#}");
    assert_eq!(status["credits"]["charged"], imported, "{status:#}");
}

/// Asks again and again; every answer is what was asked for, or a 503 that says when to come again.
/// Returns the number of the latter.
async fn ask_until(
    world: &World,
    address: SocketAddr,
    group: &Group,
    path: &str,
    over: &CancellationToken,
) -> u32 {
    let mut unavailable = 0;
    while !over.is_cancelled() {
        let answer = world.call(&world.client, address, group, Call::get(path));
        let answer = answer.await.unwrap();
        match answer.status {
            200 => {}
            503 => {
                assert_eq!(answer.code(), "UNAVAILABLE");
                assert!(answer.header("Retry-After").is_some());
                unavailable += 1;
            }
            _ => panic!("{:#}", answer.body),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unavailable
}

fn options(server: &Server) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(server.socket_dir())
        .port(server.port())
        .username("postgres")
        .database("postgres")
}

/// Starts the database of a folder, the first time or again.
async fn start_database(folder: &ThrowawayDir) -> Server {
    let options = Options {
        data_dir: folder.path().to_owned(),
        bin_dir: None,
        lock_wait: Duration::from_secs(5),
        throwaway: true,
    };
    tokio::task::spawn_blocking(move || Server::start(&options).unwrap())
        .await
        .unwrap()
}
