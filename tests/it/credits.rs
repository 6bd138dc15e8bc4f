//! Credits: never overdrawn, never changed behind the ledger's back.

use std::collections::BTreeMap;
use std::sync::Arc;

use prospector::domain::id::AccountGroupId;
use prospector::service::operator::{self, Refusal};
use sqlx::error::DatabaseError;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::app::{Setup, TestApp, search};
use crate::support::stored::Stored;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_starts_never_overdraw() {
    let app = Arc::new(
        TestApp::with(Setup {
            credits: 1_050,
            ..Setup::default()
        })
        .await,
    );
    assert_eq!(start_at_once(&app, 100).await, outcomes(10, 90));
    let expected = Stored {
        jobs: 10,
        reserved: 1_000,
    };
    assert_eq!(app.stored().await, expected);
    app.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_simultaneous_starts_one_gets_the_last_credits() {
    let app = Arc::new(
        TestApp::with(Setup {
            credits: 150,
            ..Setup::default()
        })
        .await,
    );
    // Several rounds: how close the starts come to each other is chance.
    for round in 1..=20 {
        assert_eq!(start_at_once(&app, 20).await, outcomes(1, 19));
        let expected = Stored {
            jobs: round,
            reserved: 100 * round,
        };
        assert_eq!(app.stored().await, expected);
        operator::grant_credits(&app.app.database, &app.group, 100, "next round", None)
            .await
            .unwrap();
    }
    app.assert_books_balance().await;
}

/// How many starts ended in which status and code.
type Outcomes = BTreeMap<(u16, String), usize>;

fn outcomes(accepted: usize, refused: usize) -> Outcomes {
    BTreeMap::from([
        ((202, String::new()), accepted),
        ((402, "INSUFFICIENT_CREDITS".to_owned()), refused),
    ])
}

/// Sends starts of 100 credits each at the same moment.
async fn start_at_once(app: &Arc<TestApp>, clients: usize) -> Outcomes {
    let barrier = Arc::new(Barrier::new(clients));
    let mut starts = JoinSet::new();
    for client in 0..clients {
        let (app, barrier) = (Arc::clone(app), Arc::clone(&barrier));
        starts.spawn(async move {
            let body = search(&format!("s{client}"), 100);
            barrier.wait().await;
            let answer = app.post_job(&body).await;
            (answer.status, answer.code().to_owned())
        });
    }
    let mut outcomes = Outcomes::new();
    for outcome in starts.join_all().await {
        *outcomes.entry(outcome).or_default() += 1;
    }
    outcomes
}

#[tokio::test]
async fn the_ledger_refuses_every_change() {
    let app = TestApp::start().await;
    app.run_job(&search("results-5", 10)).await;
    let mut connection = app.connect().await;
    for statement in [
        "update credit_entries set amount = amount + 1",
        "update credit_entries set reason = 'x' where kind = 'grant'",
        "delete from credit_entries",
        "truncate credit_entries",
        "truncate credit_entries cascade",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await;
        let error = refused.unwrap_err().into_database_error().unwrap();
        assert_eq!(
            error.code().as_deref(),
            Some("23001"),
            "{statement}: {error}"
        );
    }
    app.assert_books_balance().await;
    assert_eq!(app.credits().await["balance"], 9_995);
}

#[tokio::test]
async fn a_balance_below_what_is_held_is_refused_by_the_database() {
    let app = TestApp::start().await;
    app.start_job(&search("a", 100)).await;
    let mut connection = app.connect().await;
    let overdrawn = sqlx::raw_sql("update credit_accounts set balance = reserved - 1");
    let error = overdrawn.execute(&mut connection).await.unwrap_err();
    let constraint = error
        .as_database_error()
        .and_then(DatabaseError::constraint);
    assert_eq!(constraint, Some("credit_accounts_reserved_within_balance"));
}

#[tokio::test]
async fn a_grant_with_a_reference_counts_once() {
    let app = TestApp::start().await;
    let grant = async |group: &AccountGroupId, amount, reference| {
        let database = &app.app.database;
        operator::grant_credits(database, group, amount, "invoice", reference)
            .await
            .map(|group| group.balance)
    };
    assert_eq!(
        grant(&app.group, 500, Some("invoice-7")).await.unwrap(),
        10_500
    );
    assert_eq!(
        grant(&app.group, 500, Some("invoice-7")).await.unwrap(),
        10_500
    );
    let other_amount = grant(&app.group, 501, Some("invoice-7")).await.unwrap_err();
    assert!(matches!(other_amount, Refusal::ReferenceTaken(reference) if reference == "invoice-7"));
    assert_eq!(
        grant(&app.group, 500, Some("invoice-8")).await.unwrap(),
        11_000
    );
    assert_eq!(grant(&app.group, 1, None).await.unwrap(), 11_001);
    assert_eq!(grant(&app.group, 1, None).await.unwrap(), 11_002);

    let (other, _) = app.another_group(&Setup::default()).await;
    assert_eq!(
        grant(&other, 7, Some("invoice-7")).await.unwrap(),
        10_007,
        "of its own group"
    );
    let nobody = grant(&AccountGroupId::new(), 7, None).await.unwrap_err();
    assert!(matches!(nobody, Refusal::NoAccountGroup(_)));
    assert_eq!(app.credits().await["balance"], 11_002);
    app.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_grants_with_one_reference_count_once() {
    let app = Arc::new(TestApp::start().await);
    let barrier = Arc::new(Barrier::new(10));
    let mut operators = JoinSet::new();
    for _ in 0..10 {
        let (app, barrier) = (Arc::clone(&app), Arc::clone(&barrier));
        operators.spawn(async move {
            barrier.wait().await;
            operator::grant_credits(&app.app.database, &app.group, 500, "paid", Some("r"))
                .await
                .unwrap();
        });
    }
    operators.join_all().await;
    assert_eq!(app.credits().await["balance"], 10_500);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn verify_finds_what_was_tampered_with() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-5", 10)).await;
    app.start_job(&search("b", 20)).await;
    let mut connection = app.connect().await;
    let job = Some(job.to_string());
    for (tamper, mend, what, stored, computed, of_job) in [
        (
            "update credit_accounts set balance = balance + 1",
            "update credit_accounts set balance = balance - 1",
            "balance",
            9_996,
            9_995,
            None,
        ),
        (
            "update credit_accounts set reserved = reserved - 5",
            "update credit_accounts set reserved = reserved + 5",
            "reserved",
            15,
            20,
            None,
        ),
        (
            "update prospecting_jobs set imported = 6, credits_charged = 6, credits_released = 4 where ended_at is not null",
            "update prospecting_jobs set imported = 5, credits_charged = 5, credits_released = 5 where ended_at is not null",
            "job charges",
            6,
            5,
            job,
        ),
    ] {
        sqlx::raw_sql(tamper)
            .execute(&mut connection)
            .await
            .unwrap();
        let found = operator::verify_credits(&app.app.database).await.unwrap();
        assert_eq!(found.account_groups, 1);
        let [difference] = found.differences.as_slice() else {
            panic!("one difference, not {:?}", found.differences);
        };
        assert_eq!(difference.account_group_id, app.group.to_string());
        assert_eq!(difference.what, what);
        assert_eq!((difference.stored, difference.computed), (stored, computed));
        assert_eq!(difference.job_id, of_job);
        sqlx::raw_sql(mend).execute(&mut connection).await.unwrap();
        app.assert_books_balance().await;
    }
}
