//! Upkeep beside the jobs: pruning what ended long ago, and the daily look at the books.

use axum::body::Body;
use http_body_util::BodyExt;
use prospector::db::upkeep::{LastRun, prune_jobs};
use prospector::domain::id::JobId;
use prospector::worker::upkeep::prune::prune_old_jobs;
use prospector::worker::upkeep::verify::verify_ledger_daily;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::app::{Setup, TestApp, search, wait_for};
use crate::support::reads::rows_read;

const DAYS: u32 = 30;

async fn with_retention() -> TestApp {
    TestApp::with(Setup {
        retention_days: Some(DAYS),
        ..Setup::default()
    })
    .await
}

async fn prune(app: &TestApp) -> u64 {
    let shutdown = CancellationToken::new();
    prune_old_jobs(&app.worker, &shutdown).await.unwrap()
}

/// Lets a job have ended so many days ago.
async fn age(connection: &mut PgConnection, job: &JobId, days: i32) {
    sqlx::query!(
        "update prospecting_jobs set ended_at = now() - make_interval(days => $2) where job_id = $1",
        job.as_str(),
        days,
    )
    .execute(connection)
    .await
    .unwrap();
}

/// Rows of jobs, skipped people included, that are stored.
async fn rows_stored(connection: &mut PgConnection, job: &JobId) -> i64 {
    let rows = sqlx::query_scalar!(
        r#"
        select (select count(*) from job_prospects where job_id = $1)
            + (select count(*) from job_skipped_prospects where job_id = $1) as "count!"
        "#,
        job.as_str(),
    );
    rows.fetch_one(connection).await.unwrap()
}

/// Jobs of the app's group that ended so many days ago, one row each, past the program.
async fn many_ended(app: &TestApp, connection: &mut PgConnection, number: i32, days: i32) {
    sqlx::query!(
        r#"
        insert into prospecting_jobs (
            account_group_id, job_id, source, request, max_results, search_emails, skip_duplicates, metadata,
            enrichment_status, import_status, stop_reason, status, credits_reserved, credits_released, ended_at
        )
        select $1, lpad(to_hex($3 * 100000 + n), 24, '0'), 'linkedin_search', '{}', 1, false, false, '{}',
            'skipped', 'completed', 'source_exhausted', 'completed', 1, 1, now() - make_interval(days => $3)
        from generate_series(1, $2) as n
        "#,
        app.group.as_str(),
        number,
        days,
    )
    .execute(connection)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_job_that_ended_long_ago_is_gone_but_for_its_totals() {
    let app = with_retention().await;
    let mut body = search("results-8", 8);
    body["metadata"] = json!({"campaign": "spring"});
    let old = app.post_job_with_key(&body, "again").await.job_id();
    let recent = app.start_job(&search("results-8", 8)).await;
    let mut skipping = search("results-8", 8);
    skipping["duplicates"] = "skip".into();
    app.run_jobs_until_idle().await;
    let skipped = app.start_job(&skipping).await;
    app.run_jobs_until_idle().await;
    let mut connection = app.connect().await;
    age(&mut connection, &old, 31).await;
    age(&mut connection, &skipped, 31).await;
    age(&mut connection, &recent, 29).await;
    let waiting = app.start_job(&search("results-9", 9)).await;
    let (people, credits) = (stored_people(&mut connection).await, app.credits().await);
    let entries = app
        .get(&app.path("credits/entries"))
        .await
        .expect_status(200);

    assert_eq!(prune(&app).await, 2);
    assert_eq!(prune(&app).await, 0);
    for job in [&old, &skipped] {
        assert_eq!(rows_stored(&mut connection, job).await, 0);
        for path in ["", "/prospects"] {
            let answer = app
                .get(&app.path(&format!("prospecting/{job}{path}")))
                .await;
            assert_eq!(answer.expect_status(404).code(), "NOT_FOUND", "{path}");
        }
        let cancel = app.request("POST", &app.path(&format!("prospecting/{job}/cancel")));
        let cancel = app.send(cancel.body(Body::empty()).unwrap()).await;
        cancel.expect_status(404);
    }
    let listed = app.get(&app.path("prospecting")).await.expect_status(200);
    let listed: Vec<&Value> = listed.data()["items"].as_array().unwrap().iter().collect();
    let ids: Vec<&Value> = listed.iter().map(|job| &job["jobId"]).collect();
    assert_eq!(ids, [&json!(waiting), &json!(recent)]);
    assert_eq!(app.rows(&recent).await.len(), 8);

    let kept = sqlx::query!(
        r#"
        select imported, credits_charged, request is null and metadata = '{}' and cursor is null
            and idempotency_key is null and fingerprint is null as "empty!"
        from prospecting_jobs where job_id = $1
        "#,
        old.as_str()
    );
    let kept = kept.fetch_one(&mut connection).await.unwrap();
    assert_eq!(
        (kept.imported, kept.credits_charged, kept.empty),
        (8, 8, true)
    );
    assert_eq!(stored_people(&mut connection).await, people, "people stay");
    assert_eq!(app.credits().await, credits);
    let after = app
        .get(&app.path("credits/entries"))
        .await
        .expect_status(200);
    assert_eq!(after.data(), entries.data());
    app.assert_books_balance().await;

    let anew = app
        .post_job_with_key(&body, "again")
        .await
        .expect_status(202);
    assert_ne!(anew.job_id(), old, "the key is free again");
}

async fn stored_people(connection: &mut PgConnection) -> i64 {
    let people = sqlx::query_scalar!(r#"select count(*) as "count!" from prospects"#);
    people.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn without_a_retention_nothing_is_pruned() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    many_ended(&app, &mut connection, 3, 10_000).await;
    assert_eq!(prune(&app).await, 0);
}

#[tokio::test]
async fn batches_are_bounded_and_a_pass_comes_to_all_of_them() {
    let app = with_retention().await;
    let mut connection = app.connect().await;
    many_ended(&app, &mut connection, 120, 31).await;
    sqlx::query!("update prospecting_jobs set row_count = 40")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(
        prune_jobs(&mut connection, DAYS, 7, 5_000).await.unwrap(),
        7
    );
    assert_eq!(prune_jobs(&mut connection, DAYS, 50, 100).await.unwrap(), 3);
    assert_eq!(prune(&app).await, 110);
}

#[tokio::test]
async fn jobs_that_stay_or_are_pruned_already_cost_a_pass_nothing() {
    let app = with_retention().await;
    let mut connection = app.connect().await;
    many_ended(&app, &mut connection, 300, 31).await;
    while prune_jobs(&mut connection, DAYS, 50, 5_000).await.unwrap() > 0 {}
    many_ended(&app, &mut connection, 300, 29).await;
    for _ in 0..8 {
        let work = async |connection: &mut PgConnection| {
            prune_jobs(connection, DAYS, 50, 5_000).await.unwrap()
        };
        let read = rows_read(&mut connection, "prospecting_jobs", work).await;
        assert_eq!(read, (0, 0));
    }
}

#[tokio::test]
async fn a_batch_that_dies_half_way_leaves_its_jobs_whole() {
    let app = with_retention().await;
    let (job, _) = app.run_job(&search("results-8", 8)).await;
    let mut connection = app.connect().await;
    age(&mut connection, &job, 31).await;
    let mut blocking = app.connect().await;
    let mut tx = blocking.begin().await.unwrap();
    sqlx::query!("select from job_prospects where row_number = 5 for key share")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let killing = async {
        wait_for(async || {
            let killed = sqlx::query_scalar!(
                r#"
                select pg_terminate_backend(pid) as "killed!" from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock' and query like '%prune_jobs_v1%'
                "#
            );
            killed.fetch_optional(&mut connection).await.unwrap() == Some(true)
        })
        .await;
    };
    let shutdown = CancellationToken::new();
    let (pruned, ()) = tokio::join!(prune_old_jobs(&app.worker, &shutdown), killing);
    assert!(pruned.is_err(), "its connection was cut");
    assert_eq!(app.rows(&job).await.len(), 8);
    tx.rollback().await.unwrap();

    assert_eq!(prune(&app).await, 1);
    assert_eq!(rows_stored(&mut connection, &job).await, 0);
}

#[tokio::test]
async fn one_process_prunes_at_a_time_and_jobs_in_use_are_left_for_later() {
    let app = with_retention().await;
    let mut connection = app.connect().await;
    many_ended(&app, &mut connection, 2, 31).await;
    let mut other = app.connect().await;
    let mut tx = other.begin().await.unwrap();
    assert_eq!(prune_jobs(&mut tx, DAYS, 1, 5_000).await.unwrap(), 1);
    assert_eq!(prune(&app).await, 0, "another one is at it");
    tx.rollback().await.unwrap();

    let mut tx = other.begin().await.unwrap();
    let first = sqlx::query_scalar!(
        "select job_id from prospecting_jobs order by ended_at, job_id limit 1 for no key update"
    );
    first.fetch_one(&mut *tx).await.unwrap();
    assert_eq!(prune(&app).await, 1);
    tx.rollback().await.unwrap();
    assert_eq!(prune(&app).await, 1);
}

#[tokio::test]
async fn a_replay_that_meets_the_pruning_finds_the_old_job_or_makes_a_new_one() {
    let app = with_retention().await;
    let body = search("results-1", 1);
    let mut jobs = vec![app.post_job_with_key(&body, "k").await.job_id()];
    let mut connection = app.connect().await;
    for _ in 0..20 {
        app.run_jobs_until_idle().await;
        let old = jobs.last().unwrap().clone();
        age(&mut connection, &old, 31).await;
        let (answer, pruned) = tokio::join!(app.post_job_with_key(&body, "k"), prune(&app));
        assert_eq!(pruned, 1);
        let replayed = answer.status == 200;
        let job = answer
            .expect_status(if replayed { 200 } else { 202 })
            .job_id();
        assert_eq!(job == old, replayed);
        // Whichever it was, by now the key makes or finds a new job.
        let next = app
            .post_job_with_key(&body, "k")
            .await
            .expect_status(202)
            .job_id();
        assert!(!jobs.contains(&next));
        assert!(job == old || job == next);
        jobs.push(next);
    }
    app.run_jobs_until_idle().await;
    app.assert_books_balance().await;
}

#[tokio::test]
async fn an_export_under_way_breaks_off_when_its_job_is_pruned() {
    let app = with_retention().await;
    let (job, _) = app.run_job(&search("results-1", 1)).await;
    let mut connection = app.connect().await;
    sqlx::query!(
        r#"
        insert into job_prospects (account_group_id, job_id, row_number, outcome, prospect_id)
        select account_group_id, job_id, number, 'duplicate', prospect_id
        from job_prospects, generate_series(2, 2500) as number
        where job_id = $1 and row_number = 1
        "#,
        job.as_str()
    )
    .execute(&mut connection)
    .await
    .unwrap();
    age(&mut connection, &job, 31).await;
    let path = app.path(&format!("prospecting/{job}/prospects"));
    let request = app
        .request("GET", &path)
        .header("Accept", "application/x-ndjson");
    let request = request.body(Body::empty()).unwrap();
    let mut body = app
        .router
        .clone()
        .oneshot(request)
        .await
        .unwrap()
        .into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(prune(&app).await, 1);
    assert!(
        body.frame().await.unwrap().is_err(),
        "no cut file passes for a whole one"
    );
}

/// Lets the last run have been so many hours ago.
async fn let_hours_pass(connection: &mut PgConnection, hours: i32) {
    sqlx::query!(
        r#"
        update upkeep_tasks
        set begun_at = begun_at - make_interval(hours => $1), finished_at = finished_at - make_interval(hours => $1)
        "#,
        hours,
    )
    .execute(connection)
    .await
    .unwrap();
}

async fn verify(app: &TestApp) -> Option<LastRun> {
    verify_ledger_daily(&app.worker).await.unwrap()
}

#[tokio::test]
async fn the_books_are_compared_once_a_day_and_everybody_learns_what_came_of_it() {
    let app = TestApp::start().await;
    app.run_job(&search("results-8", 8)).await;
    let mut connection = app.connect().await;
    let first = verify(&app).await.unwrap();
    assert_eq!(first.result, 0);
    sqlx::query!("update credit_accounts set balance = balance + 1")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(verify(&app).await, Some(first), "done for today");
    let_hours_pass(&mut connection, 25).await;
    let second = verify(&app).await.unwrap();
    assert_eq!(second.result, 1);
    assert!(second.finished_at > first.finished_at);
    assert_eq!(verify(&app).await, Some(second));
}

#[tokio::test]
async fn of_many_processes_one_compares_the_books() {
    let app = TestApp::start().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut connection = app.connect().await;
        tasks.spawn(async move {
            let task = prospector::db::upkeep::DailyTask::VerifyLedger;
            let turn = prospector::db::upkeep::begin_daily(&mut connection, task).await;
            turn.unwrap() == prospector::db::upkeep::Turn::Ours
        });
    }
    let ours = tasks.join_all().await.into_iter().filter(|ours| *ours);
    assert_eq!(ours.count(), 1);
    // It died: after an hour another one does it.
    assert_eq!(verify(&app).await, None);
    let mut connection = app.connect().await;
    let_hours_pass(&mut connection, 2).await;
    assert_eq!(verify(&app).await.unwrap().result, 0);
}

#[tokio::test]
async fn every_account_group_is_compared_however_many_there_are() {
    let app = TestApp::start().await;
    for _ in 0..45 {
        app.another_group(&Setup::default()).await;
    }
    let mut connection = app.connect().await;
    sqlx::query!("update credit_accounts set balance = balance + 1")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(verify(&app).await.unwrap().result, 46);
}
