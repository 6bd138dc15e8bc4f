//! A pooler in transaction mode between the program and its database.

use std::process::Output;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::support::app::{search, wait_for};
use crate::support::database::{connect, fresh_database};
use crate::support::process::{Program, assert_fails};
use crate::support::proxy::DatabaseProxy;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_drops_session_settings_is_noticed_before_it_can_do_harm() {
    let database = fresh_database().await;
    let pooler = DatabaseProxy::dropping_settings(&database);
    let alone = run(pooler.options(), None).await;
    assert_fails(&alone, 1, &["DATABASE_DIRECT_URL"]);
    let unbounded = run(pooler.options(), Some(&database)).await;
    assert_fails(&unbounded, 1, &["alter role", "lock_timeout"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_a_pooler_with_timeouts_of_its_own_the_service_works_and_is_woken() {
    let database = fresh_database().await;
    set_timeouts(&database).await;
    let pooler = DatabaseProxy::dropping_settings(&database);
    let direct = url(&database);
    let settings = [("DATABASE_DIRECT_URL", direct.as_str())];
    let world = World::on(pooler.options().clone()).await;
    let group = world.group().await;
    let (_api, at) = world.serve("api", &["--role", "api"], &settings).await;
    let (_worker, _) = world
        .serve("worker", &["--role", "worker"], &settings)
        .await;
    let listening = async || {
        let mut connection = connect(&database).await;
        let listening = sqlx::query_scalar!(
            r#"
            select count(*) as "count!" from pg_stat_activity
            where datname = current_database() and query ilike 'listen%'
            "#
        );
        listening.fetch_one(&mut connection).await.unwrap() > 0
    };
    wait_for(listening).await;
    pooler.take_sent();

    let job = world.start_job(at, &group, &search("results-30", 30)).await;
    wait_for(async || world.job(at, &group, &job).await["status"] == "completed").await;

    assert!(
        pooler.take_sent().statements > 0,
        "jobs go through the pooler"
    );
}

async fn run(database: &PgConnectOptions, direct: Option<&PgConnectOptions>) -> Output {
    let mut command = Program::on(database).command(&["account-group", "list"]);
    if let Some(direct) = direct {
        command.env("DATABASE_DIRECT_URL", url(direct));
    }
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn url(database: &PgConnectOptions) -> String {
    database.to_url_lossy().to_string()
}

/// For every session on this database, as an operator sets them for the role.
async fn set_timeouts(database: &PgConnectOptions) {
    let name = database.get_database().unwrap();
    let mut connection = connect(database).await;
    for (setting, value) in [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "5s"),
    ] {
        let alter = format!("alter database {name} set {setting} = '{value}'");
        let set = sqlx::raw_sql(sqlx::AssertSqlSafe(alter));
        set.execute(&mut connection).await.unwrap();
    }
}
