//! A dump of the database, made while jobs run, is the whole service.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::support::app::{search, wait_for};
use crate::support::database::{connect, unmigrated_database};
use crate::support::world::{Call, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_made_while_jobs_run_is_restored_and_its_jobs_go_on_from_where_they_were() {
    let world = World::start().await;
    let group = world.group().await;
    let (mut process, at) = world.serve("before", &[], &[("LEASE_SECONDS", "2")]).await;
    let ended = world
        .start_job(at, &group, &search("ended+results-30", 30))
        .await;
    wait_for(async || world.job(at, &group, &ended).await["status"] == "completed").await;
    let body = search("under-way+results-400+slow-150", 400);
    let start = Call::start(&body, Some("order-1"));
    let started = world.call(&world.client, at, &group, start.clone()).await;
    let under_way = started.unwrap().expect_status(202).job_id();
    wait_for(async || world.job(at, &group, &under_way).await["counts"]["fetched"] != 0).await;

    let dump = world.folder().join("prospector.dump");
    let programs = server_programs(&world.database).await;
    run(Command::new(programs("pg_dump"))
        .args(["--format=custom", "--no-owner", "--file"])
        .arg(&dump)
        .args(["--dbname", &url(&world.database)]))
    .await;
    process.kill();

    let restored = World::on(unmigrated_database().await).await;
    run(Command::new(programs("pg_restore"))
        .args(["--exit-on-error", "--no-owner"])
        .args(["--dbname", &url(&restored.database)])
        .arg(&dump))
    .await;
    let mut connection = connect(&restored.database).await;
    let rows = sqlx::query_scalar!(
        r#"select row_count as "rows!" from prospecting_jobs where job_id = $1"#,
        under_way.as_str()
    );
    let rows = rows.fetch_one(&mut connection).await.unwrap();
    assert!((1..400).contains(&rows), "the dump caught the job at work");

    let (_process, at) = restored
        .serve("after", &[], &[("LEASE_SECONDS", "2")])
        .await;
    let replay = restored.call(&restored.client, at, &group, start).await;
    assert_eq!(
        replay.unwrap().job_id(),
        under_way,
        "its key is known there, too"
    );
    restored.all_jobs_ended().await;
    let job = restored.job(at, &group, &under_way).await;
    let count = |name: &str| job["counts"][name].as_i64().unwrap();
    // The other search may have brought one of them.
    assert_eq!(count("imported") + count("duplicates"), 400, "{job}");
    assert_eq!(job["credits"]["charged"], count("imported"));
    assert_eq!(
        restored.job(at, &group, &ended).await["counts"]["imported"],
        30
    );
    restored.assert_books_balance().await;
}

/// As libpq reads it, which knows nothing of sqlx's own parameters.
fn url(database: &PgConnectOptions) -> String {
    let mut url = database.to_url_lossy();
    let known: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "statement-cache-capacity")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(known);
    url.to_string()
}

/// The client programs that came with the server, which refuse a server newer than they are.
async fn server_programs(database: &PgConnectOptions) -> impl Fn(&str) -> PathBuf {
    let mut connection = connect(database).await;
    let folder = sqlx::query_scalar!(
        r#"select setting as "folder!" from pg_config() where name = 'BINDIR'"#
    );
    let folder = folder.fetch_one(&mut connection).await.unwrap();
    move |name| {
        let program = Path::new(&folder).join(name);
        if program.exists() {
            program
        } else {
            PathBuf::from(name)
        }
    }
}

async fn run(command: &mut Command) {
    let mut command = std::mem::replace(command, Command::new("true"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}
