//! The books, whatever happened and in whatever order.

use tokio::task::JoinSet;

use crate::support::app::{Setup, TestApp};
use crate::support::by_hand::faults;
use crate::support::traffic::{Actor, actors};

const ROUNDS: u64 = 12;
const TASKS: u64 = 6;
const DEEDS_EACH: u32 = 25;

/// Lets every actor do some deeds beside the others.
async fn play(actors: Vec<Actor>) -> Vec<Actor> {
    let mut tasks = JoinSet::new();
    for mut actor in actors {
        tasks.spawn(async move {
            for _ in 0..DEEDS_EACH {
                actor.act().await.expect("no deed fails");
            }
            actor
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn after_any_interleaving_balances_reservations_charges_counts_and_lanes_agree() {
    // Printed when the test fails, and enough to have the same deeds again.
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let app = TestApp::with(Setup {
        credits: 2_000,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    let mut actors = actors(&app, seed, TASKS).await;
    for round in 0..ROUNDS {
        actors = play(actors).await;
        app.assert_books_balance().await;
        let faults = faults(&mut connection).await;
        assert_eq!(faults, Vec::<String>::new(), "seed {seed}, round {round}");
    }
    let pages = sqlx::query_scalar!(
        r#"select count(*) as "count!" from credit_entries where job_id is not null"#
    );
    assert!(
        pages.fetch_one(&mut connection).await.unwrap() > 10,
        "the rounds charged something"
    );
}

#[tokio::test]
async fn every_balance_can_be_reached_by_summing_the_entries_before_it() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let mut actors = actors(&app, rand::random(), TASKS).await;
    for _ in 0..3 {
        actors = play(actors).await;
    }
    let entries = sqlx::query!(
        "select amount, balance_after from credit_entries where account_group_id = $1 order by entry_id",
        app.group.as_str(),
    );
    let mut balance = 0;
    for entry in entries.fetch_all(&mut connection).await.unwrap() {
        balance += entry.amount;
        assert_eq!(entry.balance_after, balance);
    }
    assert_eq!(app.credits().await["balance"], balance);
}

#[tokio::test]
async fn entries_are_never_changed_or_removed() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let update = sqlx::query!("update credit_entries set amount = 1")
        .execute(&mut connection)
        .await;
    let delete = sqlx::query!("delete from credit_entries")
        .execute(&mut connection)
        .await;
    let truncate = sqlx::query!("truncate credit_entries")
        .execute(&mut connection)
        .await;
    for refused in [update, delete, truncate] {
        let error = refused.unwrap_err();
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("23001"), "{error}");
    }
    app.assert_books_balance().await;
}
