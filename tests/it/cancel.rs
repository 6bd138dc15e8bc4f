//! Cancelling: from the answer on nothing more is imported or charged.

use std::time::Duration;

use axum::body::Body;
use prospector::db::queue::{self, Fenced, PageOutcome, WaitUntil};
use prospector::domain::id::JobId;
use prospector::domain::job::{JobErrorCode, StopReason, WaitingReason};
use prospector::domain::plan::Plan;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::support::app::{Setup, TestApp, search};
use crate::support::by_hand::{
    Wanted, claim, faults, import, import_in_full, people, start, start_and_claim,
};

impl TestApp {
    fn cancel_path(&self, job: &JobId) -> String {
        self.path(&format!("prospecting/{job}/cancel"))
    }

    /// Cancels a job that has not ended and returns its status right after.
    pub(crate) async fn cancel(&self, job: &JobId) -> Value {
        let request = self.request("POST", &self.cancel_path(job));
        let answer = self.send(request.body(Body::empty()).unwrap()).await;
        let answer = answer.expect_status(200);
        assert_eq!(
            answer.data(),
            &json!({"jobId": job, "status": "cancelled"}),
            "what a cancel answers"
        );
        self.job(job).await
    }

    async fn assert_all_agrees(&self) {
        self.assert_books_balance().await;
        let faults = faults(&mut self.connect().await).await;
        assert_eq!(faults, Vec::<String>::new());
    }
}

fn assert_cancelled_while_importing(status: &Value, stage_of_emails: &str) {
    assert_eq!(status["status"], "cancelled");
    assert_eq!(status["stopReason"], "cancelled");
    assert_eq!(status["error"], Value::Null);
    assert_eq!(status["waiting"], Value::Null);
    assert_eq!(status["stages"]["import"]["status"], "cancelled");
    assert_eq!(status["stages"]["enrichment"]["status"], stage_of_emails);
    assert!(status["completedAt"].is_string());
}

#[tokio::test]
async fn a_queued_job_is_cancelled_and_gives_its_whole_reservation_back() {
    let app = TestApp::start().await;
    let mut body = search("results-60", 100);
    body["searchEmails"] = json!(true);
    let job = app.start_job(&body).await;
    assert_eq!(app.credits().await["reserved"], 200);

    let status = app.cancel(&job).await;
    assert_cancelled_while_importing(&status, "skipped");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 0, "released": 200})
    );
    assert_eq!(app.credits().await["reserved"], 0);
    assert_eq!(app.credits().await["balance"], 10_000);

    app.run_jobs_until_idle().await;
    assert_eq!(app.job(&job).await, status, "no worker takes it any more");
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn cancelling_again_answers_the_same_and_changes_nothing() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-60", 100)).await;
    let first = app.cancel(&job).await;
    assert_eq!(app.cancel(&job).await, first);
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_and_does_not_wait_any_more() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..7), None).await;
    let until = WaitUntil::After(Duration::from_secs(3_600));
    queue::wait_job(&mut connection, &lease, Some(WaitingReason::Quota), until)
        .await
        .unwrap();
    assert_eq!(app.job(&lease.job).await["waiting"]["reason"], "quota");

    let status = app.cancel(&lease.job).await;
    assert_cancelled_while_importing(&status, "skipped");
    assert_eq!(status["counts"]["imported"], 7);
    assert_eq!(
        status["credits"],
        json!({"reserved": 100, "charged": 7, "released": 93})
    );
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn a_running_job_is_cancelled_keeps_its_people_and_takes_no_further_page() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..25), None).await;

    let status = app.cancel(&lease.job).await;
    assert_cancelled_while_importing(&status, "skipped");
    let late = import(&mut connection, &lease, 2, &people(25..50), None).await;
    assert_eq!(late.unwrap(), PageOutcome::LeaseLost);
    assert_eq!(app.job(&lease.job).await, status);
    assert_eq!(app.rows(&lease.job).await.len(), 25);
    assert_eq!(app.credits().await["balance"], 10_000 - 25);
    assert_eq!(app.credits().await["reserved"], 0);
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn a_job_cancelled_during_its_lookups_keeps_a_completed_import() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        search_emails: true,
        ..Wanted::default()
    };
    let lease = start_and_claim(&mut connection, &app.group, &wanted).await;
    let ended = Some(StopReason::SourceExhausted);
    let ends = import_in_full(&mut connection, &lease, 1, &people(0..5), ended).await;
    assert_eq!(ends, (true, false), "the look-ups are to come");

    let status = app.cancel(&lease.job).await;
    assert_eq!(status["status"], "cancelled");
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(status["stages"]["import"]["status"], "completed");
    assert_eq!(status["stages"]["enrichment"]["status"], "cancelled");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 5, "released": 195})
    );
    assert!(
        queue::find_run(&mut connection, &lease)
            .await
            .unwrap()
            .is_none()
    );
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn completed_and_failed_jobs_cannot_be_cancelled() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let (completed, before) = app.run_job(&search("results-3", 10)).await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    let failed = queue::fail_job(&mut connection, &lease, JobErrorCode::SourceRefused).await;
    assert_eq!(failed.unwrap(), Fenced::Done);
    for job in [&completed, &lease.job] {
        let request = app.request("POST", &app.cancel_path(job));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.expect_status(422).code(), "VALIDATION_ERROR");
    }
    assert_eq!(app.job(&completed).await, before);
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn jobs_of_another_account_group_are_not_found_and_not_touched() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let job = start(&mut connection, &other, &Wanted::default()).await;
    for unknown in [&job, &JobId::new()] {
        let request = app.request("POST", &app.cancel_path(unknown));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.expect_status(404).code(), "NOT_FOUND");
    }
    assert_eq!(claim(&mut connection).await.job, job);
}

#[tokio::test]
async fn a_start_repeated_after_the_cancel_finds_the_cancelled_job() {
    let app = TestApp::start().await;
    let body = search("results-60", 100);
    let started = app.post_job_with_key(&body, "once").await;
    let job = started.expect_status(202).job_id();
    app.cancel(&job).await;
    let again = app.post_job_with_key(&body, "once").await;
    assert_eq!(again.header("Idempotent-Replayed"), Some("true"));
    let again = again.expect_status(200);
    assert_eq!(again.job_id(), job);
    assert_eq!(again.data()["status"], "cancelled");
    assert_eq!(app.credits().await["reserved"], 0);
}

#[tokio::test]
async fn a_body_is_ignored() {
    let app = TestApp::start().await;
    for body in ["{\"reason\": \"mistake\"}", "no JSON", ""] {
        let job = app.start_job(&search("results-60", 100)).await;
        let request = app
            .request("POST", &app.cancel_path(&job))
            .header("Content-Type", "text/plain");
        let answer = app.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.expect_status(200).data()["status"], "cancelled");
    }
}

/// Commits pages until the lease is lost, then says how many were committed.
async fn import_until_cancelled(
    connection: &mut PgConnection,
    lease: &queue::Lease,
    first: u32,
) -> u32 {
    let mut page = 0;
    loop {
        let numbers = first + page * 5..first + page * 5 + 5;
        let imported = import(&mut *connection, lease, page + 1, &people(numbers), None).await;
        match imported.unwrap() {
            PageOutcome::Committed { .. } => page += 1,
            PageOutcome::LeaseLost => return page,
            PageOutcome::AlreadyDone => panic!("nobody else commits pages"),
            PageOutcome::ErasureKeyMissing => panic!("nobody was erased"),
        }
    }
}

#[tokio::test]
async fn a_page_meets_a_cancel_and_is_in_before_it_or_not_at_all() {
    let app = TestApp::with(Setup {
        credits: 100_000,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        max_results: 1_000,
        ..Wanted::default()
    };
    let mut interrupted = 0;
    for round in 0..40 {
        let lease = start_and_claim(&mut connection, &app.group, &wanted).await;
        let importing = import_until_cancelled(&mut connection, &lease, round * 10_000);
        let cancelling = async {
            tokio::time::sleep(Duration::from_micros(rand::random_range(0..40_000))).await;
            app.cancel(&lease.job).await
        };
        let (pages, right_after) = tokio::join!(importing, cancelling);
        let in_the_end = app.job(&lease.job).await;
        assert_eq!(in_the_end, right_after, "nothing happens after the answer");
        assert_eq!(in_the_end["counts"]["imported"], pages * 5);
        assert_eq!(in_the_end["credits"]["charged"], pages * 5);
        assert_eq!(in_the_end["stopReason"], "cancelled");
        interrupted += u32::from(pages > 0);
    }
    assert!(interrupted > 0, "some cancels came between pages");
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn workers_import_and_charge_nothing_after_a_cancel() {
    let app = TestApp::with(Setup {
        plan: Plan::Scale,
        credits: 100_000,
        lease: Duration::from_millis(1_500),
        running_per_account_group: 4,
        ..Setup::default()
    })
    .await;
    let mut open = Vec::new();
    for number in 0..16 {
        // 80 pages of 50 ms and more: each job is still at work long after all cancels.
        let keywords = format!("cancelled{number}+slow-50+results-2000");
        let mut body = search(&keywords, 2_000);
        body["searchEmails"] = json!(number % 2 == 0);
        open.push(app.start_job(&body).await);
    }
    let mut cancelled = Vec::new();
    app.run_jobs_until(async || {
        let Some(job) = open.pop() else { return true };
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..60))).await;
        let status = app.cancel(&job).await;
        assert_cancelled_while_importing(&status, "skipped");
        cancelled.push((job, status));
        false
    })
    .await;
    // The pool has drained: whatever was under way has come to its end.
    let mut imported = 0;
    for (job, right_after) in cancelled {
        let in_the_end = app.job(&job).await;
        assert_eq!(in_the_end, right_after);
        imported += in_the_end["counts"]["imported"].as_u64().unwrap();
        let rows = app.rows(&job).await.len();
        let counts = &in_the_end["counts"];
        assert_eq!(
            rows as u64,
            counts["imported"].as_u64().unwrap() + counts["duplicates"].as_u64().unwrap()
        );
    }
    assert!(imported > 0, "some cancels came while pages were coming in");
    assert_eq!(app.credits().await["balance"], 100_000 - imported);
    assert_eq!(app.credits().await["reserved"], 0);
    app.assert_all_agrees().await;
}

#[tokio::test]
async fn a_cancel_gives_the_call_in_flight_up_at_once() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("slow-60000+results-60", 60)).await;
    let began = std::time::Instant::now();
    // The pool is down only when its last run has let go.
    app.run_jobs_until(async || {
        let is_running = app.job(&job).await["status"] == "running";
        if is_running {
            app.cancel(&job).await;
        }
        is_running
    })
    .await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    app.assert_all_agrees().await;
}
