//! Everything at once on one account group: the order in which locks are taken lets nobody block
//! anybody for good.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use crate::support::app::{Setup, TestApp, wait_for};
use crate::support::by_hand::faults;
use crate::support::traffic::{Deed, actors};

const TASKS: u64 = 16;

/// Some seconds in the suite; more by hand.
fn time_to_run() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test alone")]
    let seconds = std::env::var("TEST_DEADLOCK_SECONDS").ok();
    Duration::from_secs(seconds.map_or(8, |text| text.parse().unwrap()))
}

/// Deadlocks that the server counted in this database.
async fn deadlocks(connection: &mut PgConnection) -> i64 {
    // A server process reports what it counted when it ends, at the latest.
    wait_for(async || {
        let others = sqlx::query_scalar!(
            r#"
            select count(*) as "count!" from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
            "#
        );
        others.fetch_one(&mut *connection).await.unwrap() == 0
    })
    .await;
    let counted = sqlx::query_scalar!(
        r#"select deadlocks as "deadlocks!" from pg_stat_database where datname = current_database()"#
    );
    counted.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn sixteen_tasks_on_one_account_group_never_deadlock_and_the_books_balance() {
    let app = TestApp::with(Setup {
        credits: 5_000,
        ..Setup::default()
    })
    .await;
    let until = Instant::now() + time_to_run();
    let seed = rand::random();
    let mut tasks = JoinSet::new();
    for mut actor in actors(&app, seed, TASKS).await {
        tasks.spawn(async move {
            let mut done: HashMap<Deed, u32> = HashMap::new();
            while Instant::now() < until {
                let deed = actor.act().await.expect("no deed fails");
                *done.entry(deed).or_default() += 1;
            }
            actor.leave().await;
            done
        });
    }
    let mut done: HashMap<Deed, u32> = HashMap::new();
    for (deed, times) in tasks.join_all().await.into_iter().flatten() {
        *done.entry(deed).or_default() += times;
    }
    println!("seed {seed}: {done:?}");
    assert_eq!(done.len(), 13, "everything happened: {done:?}");

    app.assert_books_balance().await;
    let mut connection = app.connect().await;
    assert_eq!(faults(&mut connection).await, Vec::<String>::new());
    app.app.database.close().await;
    assert_eq!(deadlocks(&mut connection).await, 0);
    connection.close().await.unwrap();
}
