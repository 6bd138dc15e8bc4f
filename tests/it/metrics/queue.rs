//! The figures of the queue.

use std::time::Duration;

use prospector::db::queue_sample::{OpenState, QueueSample, sample_queue};
use prospector::domain::job::WaitingReason;
use prospector::domain::start_request::SourceKind;
use prospector::service::queue_meter::measure_queue;
use sqlx::PgConnection;

use crate::fairness::queue_many;
use crate::metrics::page::{page, series};
use crate::support::app::{Setup, TestApp, search};
use crate::support::by_hand::{Wanted, search_source, start_and_claim};

async fn sampled(app: &TestApp) -> QueueSample {
    let mut sample = sample_queue(&mut app.connect().await).await.unwrap();
    sample.jobs.sort_by_key(|(state, ..)| format!("{state:?}"));
    sample
}

#[tokio::test]
async fn jobs_are_counted_by_where_they_stand_and_the_longest_due_one_is_timed() {
    let app = TestApp::start().await;
    assert_eq!(sampled(&app).await, QueueSample::default());
    let mut connection = app.connect().await;
    start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(app.start_job(&search("results-3", 3)).await);
    }
    app.let_job_wait(&jobs[0], 3600.0).await;
    sqlx::query!(
        "update prospecting_jobs set due_at = now() - interval '90 seconds' where job_id = $1",
        jobs[1].as_str(),
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let sample = sampled(&app).await;
    let search = SourceKind::LinkedinSearch;
    let expected = [
        (OpenState::Queued, search, 2),
        (OpenState::Running, search, 1),
        (OpenState::Waiting(WaitingReason::Upstream), search, 1),
    ];
    assert_eq!(sample.jobs, expected);
    assert_eq!(sample.due, 2);
    let oldest = sample.oldest_due.unwrap();
    assert!((90..120).contains(&oldest.as_secs()), "{oldest:?}");
}

/// How often the table of jobs was read from one end to the other.
async fn whole_reads(connection: &mut PgConnection) -> i64 {
    sqlx::query!("select pg_stat_force_next_flush()")
        .execute(&mut *connection)
        .await
        .unwrap();
    let reads = sqlx::query_scalar!(
        r#"select seq_scan as "reads!" from pg_stat_user_tables where relname = 'prospecting_jobs'"#
    );
    reads.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn counting_never_reads_the_jobs_that_have_ended() {
    let app = TestApp::with(Setup {
        credits: 1_000_000,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    queue_many(
        &mut connection,
        &app.group,
        20_000,
        &search_source("results-3"),
    )
    .await;
    let end = async |connection: &mut PgConnection, number: i64| {
        sqlx::query!(
            r#"
            update prospecting_jobs
            set status = 'cancelled', import_status = 'cancelled', stop_reason = 'cancelled', ended_at = now(),
                credits_released = credits_reserved
            where ctid in (select ctid from prospecting_jobs where status = 'queued' limit $1)
            "#,
            number,
        )
        .execute(connection)
        .await
        .unwrap();
    };
    end(&mut connection, 10_000).await;
    sqlx::query!("analyze prospecting_jobs")
        .execute(&mut connection)
        .await
        .unwrap();
    // The statistics know of ten thousand queued jobs, where there are only five left.
    end(&mut connection, 9_995).await;
    let mut counting = app.connect().await;
    for _ in 0..8 {
        let before = whole_reads(&mut counting).await;
        let sample = sample_queue(&mut counting).await.unwrap();
        assert_eq!(sample.due, 5);
        assert_eq!(whole_reads(&mut counting).await, before);
    }
}

#[tokio::test]
async fn figures_of_a_database_that_is_away_are_unknown_and_the_page_comes_at_once() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    app.start_job(&search("results-3", 3)).await;
    let names = [
        "prospector_jobs{state=\"queued\",source=\"linkedin_search\"}",
        "prospector_jobs{state=\"waiting_quota\",source=\"url_upload\"}",
        "prospector_queue_due_jobs",
        "prospector_queue_oldest_due_seconds",
    ];
    measure_queue(&app.app.database).await.unwrap();
    let shown = series(&page(&app).await);
    assert_eq!(
        names[..3]
            .iter()
            .map(|name| shown[*name])
            .collect::<Vec<_>>(),
        [1.0, 0.0, 1.0]
    );
    assert!(shown["prospector_queue_sampled_timestamp_seconds"] > 1.7e9);

    proxy.cut();
    assert!(measure_queue(&app.app.database).await.is_err());
    let shown = tokio::time::timeout(Duration::from_secs(1), page(&app)).await;
    let shown = series(&shown.expect("the page asks no database"));
    assert!(names.iter().all(|name| shown[*name].is_nan()), "{shown:?}");

    proxy.restore();
    measure_queue(&app.app.database).await.unwrap();
    assert_eq!(series(&page(&app).await)[names[2]], 1.0);
}
