//! The database goes away, stands still, and comes back.

use std::time::Duration;

use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search, wait_for};

fn assert_unavailable(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code()),
        (503, "UNAVAILABLE"),
        "{:#}",
        answer.body
    );
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let body = answer.body.to_string();
    for cause in ["postgres", "socket", "sqlx", "connection", "/dev/"] {
        assert!(!body.to_lowercase().contains(cause), "{body}");
    }
}

#[tokio::test]
async fn without_a_database_requests_get_a_503_and_after_its_return_they_succeed() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    let job = app.start_job(&search("a", 10)).await;
    proxy.cut();
    for _ in 0..3 {
        assert_unavailable(&app.get(&app.path(&format!("prospecting/{job}"))).await);
        assert_unavailable(&app.post_job_with_key(&search("b", 10), "k").await);
    }
    assert_unavailable(&app.get("/readyz").await);
    app.get("/healthz").await.expect_status(200);
    // What needs no database is answered as ever.
    let malformed = axum::http::Request::get(app.path("credits")).header("X-API-Key", "x");
    let malformed = malformed.body(axum::body::Body::empty()).unwrap();
    app.send(malformed).await.expect_status(401);

    proxy.restore();
    wait_for(async || app.get("/readyz").await.status == 200).await;
    for _ in 0..20 {
        assert_eq!(app.job(&job).await["status"], "queued");
    }
    let started = app
        .post_job_with_key(&search("b", 10), "k")
        .await
        .expect_status(202);
    assert_eq!(started.header("idempotent-replayed"), None);
    assert_eq!(app.stored().await.jobs, 2);
}

#[tokio::test]
async fn a_running_job_survives_the_loss_of_the_database_with_exact_counts() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    let expected =
        prospector::upstream::sandbox::population::rows_of_search("slow-60+results-200").len();
    let job = app.start_job(&search("slow-60+results-200", 200)).await;
    let mut cuts = 0;
    let mut connection = app.connect().await;
    app.run_jobs_until(async || {
        let row = sqlx::query!(
            r#"select page, ended_at is not null as "ended!" from prospecting_jobs where job_id = $1"#,
            job.as_str()
        );
        let row = row.fetch_one(&mut connection).await.unwrap();
        // In the midst of its first pages, and again later.
        if row.page > cuts * 3 && cuts < 2 && !row.ended {
            cuts += 1;
            proxy.cut();
            proxy.wait_until_turned_away(3).await;
            proxy.restore();
        }
        row.ended
    })
    .await;
    assert_eq!(cuts, 2);
    wait_for(async || app.get("/readyz").await.status == 200).await;
    let status = app.job(&job).await;
    assert_eq!(status["status"], "completed", "{status:#}");
    assert_eq!(status["counts"]["imported"], 200);
    assert_eq!(status["counts"]["fetched"], expected);
    assert_eq!(status["attempt"], 1);
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 200, "released": 0})
    );
    let rows = app.rows(&job).await;
    assert!(
        rows.iter()
            .enumerate()
            .all(|(index, row)| row["row"] == index + 1)
    );
    assert_eq!(rows.len(), 200);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_503_and_the_next_one_is_not_harmed() {
    let (app, proxy) = TestApp::behind_proxy(Setup {
        request_timeout: Duration::from_millis(500),
        ..Setup::default()
    })
    .await;
    let job = app.start_job(&search("a", 10)).await;
    proxy.stall();
    let began = std::time::Instant::now();
    assert_unavailable(&app.get(&app.path(&format!("prospecting/{job}"))).await);
    assert_unavailable(&app.post_job(&search("b", 10)).await);
    assert!(began.elapsed() < Duration::from_secs(10));
    proxy.restore();
    wait_for(async || app.get(&app.path("credits")).await.status == 200).await;
    assert_eq!(app.job(&job).await["status"], "queued");
}
