//! Jobs that go wrong again and again: each ends within bounds, and none holds others up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use prospector::db::queue::{self, WaitOutcome, WaitUntil};
use prospector::domain::id::JobId;
use prospector::domain::job::WaitingReason;
use prospector::domain::person::EmailQuery;
use prospector::upstream::email_finder::{BatchAnswers, EmailFinder, FinderAccount};
use prospector::upstream::error::{UpstreamError, UpstreamFault};
use prospector::worker::run::{Run, RunEnd, StopSignals};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::support::app::{Setup, TestApp, search};
use crate::support::by_hand::{
    Wanted, claim, faults, import_in_full, make_all_due, people, search_source, start,
    start_and_claim,
};
use crate::support::faulty::{Fault, Faulty};
use crate::support::poisoned::{Poison, failure, poisoned_app, with_finder};

async fn assert_all_agrees(app: &TestApp) {
    app.assert_books_balance().await;
    assert_eq!(faults(&mut app.connect().await).await, Vec::<String>::new());
}

/// Asserts that the job failed so, with a message that says what to do, and holds no credits.
async fn assert_failed(app: &TestApp, status: &Value, code: &str, charged: u32) {
    assert_eq!(status["status"], "failed", "{status:#}");
    assert_eq!(status["error"]["code"], code);
    let message = status["error"]["message"].as_str().unwrap();
    let next_steps = ["start a new job", "Tell the operator"];
    assert!(
        next_steps.iter().any(|step| message.contains(step)),
        "{message}"
    );
    assert_eq!(status["stopReason"], "error");
    assert_eq!(status["stages"]["import"]["status"], "failed");
    assert_eq!(status["stages"]["import"]["error"]["code"], code);
    assert_eq!(status["credits"]["charged"], charged);
    assert_eq!(app.credits().await["reserved"], 0);
    assert_all_agrees(app).await;
}

async fn is_waiting(app: &TestApp, job: &JobId) -> bool {
    app.job(job).await["waiting"]["reason"] == "upstream"
}

/// As if nothing had gone forward for so long.
async fn forget_progress(connection: &mut PgConnection, hours: i32) {
    sqlx::query!(
        "update prospecting_jobs set progressed_at = now() - make_interval(hours => $1)",
        hours,
    )
    .execute(connection)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_upstream_that_fails_parks_the_job_which_goes_on_by_itself_when_it_is_due() {
    // A little more than a run waits for by itself.
    let poison = Poison::ServerError(Duration::from_millis(5_100));
    let (app, poisoned) = poisoned_app(Setup::default(), poison, 1).await;
    let job = app.start_job(&search("poison+results-30", 100)).await;
    let mut seen = None;
    app.run_jobs_until(async || {
        let status = app.job(&job).await;
        if status["waiting"]["reason"] == "upstream" && seen.is_none() {
            poisoned.is_healed.store(true, Ordering::SeqCst);
            seen = Some(status.clone());
        }
        status["status"] == "completed"
    })
    .await;
    let seen = seen.unwrap();
    assert_eq!(seen["status"], "queued");
    assert!(seen["waiting"]["resumeAt"].as_str() > seen["updatedAt"].as_str());
    assert_eq!(poisoned.calls.load(Ordering::SeqCst), 1);
    let status = app.job(&job).await;
    assert_eq!(status["counts"]["imported"], 30);
    assert_eq!(status["attempt"], 1, "a wait is no new attempt");
    assert_all_agrees(&app).await;
}

#[tokio::test]
async fn after_a_day_of_failures_without_progress_the_job_fails() {
    let poison = Poison::ServerError(Duration::from_secs(60));
    let (app, poisoned) = poisoned_app(Setup::default(), poison, 4).await;
    let mut connection = app.connect().await;
    let job = app.start_job(&search("poison", 100)).await;
    app.run_jobs_until(async || is_waiting(&app, &job).await)
        .await;

    forget_progress(&mut connection, 23).await;
    make_all_due(&mut connection).await;
    let before = app.job(&job).await;
    app.run_jobs_until(async || {
        let status = app.job(&job).await;
        status["waiting"]["reason"] == "upstream" && status["updatedAt"] != before["updatedAt"]
    })
    .await;

    forget_progress(&mut connection, 25).await;
    make_all_due(&mut connection).await;
    app.run_jobs_until_idle().await;
    assert_failed(&app, &app.job(&job).await, "UPSTREAM_UNAVAILABLE", 0).await;
    assert_eq!(poisoned.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_days_that_a_job_stood_in_the_queue_do_not_count_against_the_upstream() {
    let poison = Poison::ServerError(Duration::from_secs(60));
    let (app, _) = poisoned_app(Setup::default(), poison, 4).await;
    let mut connection = app.connect().await;
    let job = app.start_job(&search("poison", 100)).await;
    forget_progress(&mut connection, 100).await;
    app.run_jobs_until_idle().await;
    assert!(is_waiting(&app, &job).await, "{:#}", app.job(&job).await);
}

#[tokio::test]
async fn a_job_that_breaks_its_worker_fails_after_five_attempts_and_the_pool_keeps_its_size() {
    let (app, poisoned) = poisoned_app(Setup::default(), Poison::Panic, 2).await;
    let mut connection = app.connect().await;
    let job = app.start_job(&search("poison", 100)).await;
    app.run_jobs_until(async || {
        make_all_due(&mut connection).await;
        app.job(&job).await["status"] == "failed"
    })
    .await;
    let status = app.job(&job).await;
    assert_failed(&app, &status, "TOO_MANY_ATTEMPTS", 0).await;
    assert_eq!(status["attempt"], 5);
    assert_eq!(poisoned.calls.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn the_more_often_a_run_breaks_the_later_comes_the_next_one() {
    let (app, _) = poisoned_app(Setup::default(), Poison::Panic, 1).await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        source: search_source("poison"),
        ..Wanted::default()
    };
    start(&mut connection, &app.group, &wanted).await;
    for (attempt, longest) in (1..).zip([1.0, 2.0, 4.0, 8.0]) {
        let lease = claim(&mut connection).await;
        let stop = StopSignals {
            lost: CancellationToken::new(),
            finish_page: CancellationToken::new(),
            give_up_page: CancellationToken::new(),
        };
        let run = Run::new(&app.worker, &lease, stop);
        let panicked = AssertUnwindSafe(run.carry_on()).catch_unwind().await;
        assert!(panicked.is_err());
        assert_eq!(run.break_off_after_panic().await, RunEnd::BrokenOff);
        let broken = sqlx::query!(
            r#"
            select attempt, extract(epoch from due_at - updated_at)::float8 as "wait!"
            from prospecting_jobs
            where status = 'queued' and attempt > 0
            "#
        );
        let broken = broken.fetch_one(&mut connection).await.unwrap();
        assert_eq!(broken.attempt, attempt);
        // The two times are read one after the other.
        let expected = longest / 2.0 - 0.2..longest + 0.2;
        assert!(expected.contains(&broken.wait), "{}", broken.wait);
        make_all_due(&mut connection).await;
    }
}

#[tokio::test]
async fn a_pool_that_runs_broken_jobs_still_runs_as_many_others_at_once() {
    let setup = Setup::default();
    let (app, poisoned) = poisoned_app(setup.clone(), Poison::Panic, 2).await;
    let mut connection = app.connect().await;
    let broken = app.start_job(&search("poison", 100)).await;
    let mut others = Vec::new();
    let mut both_ran = false;
    app.run_jobs_until(async || {
        make_all_due(&mut connection).await;
        // Two slots, both of which the broken job has had by now.
        if poisoned.calls.load(Ordering::SeqCst) >= 3 && others.is_empty() {
            for _ in 0..2 {
                let (group, _) = app.another_group(&setup).await;
                let wanted = Wanted {
                    source: search_source("slow-400+results-60"),
                    ..Wanted::default()
                };
                let job = start(&mut connection, &group, &wanted).await;
                app.app.wake_up.job_queued();
                others.push(job.to_string());
            }
        }
        let running = sqlx::query!(
            r#"
            select count(*) filter (where status = 'running') as "running!",
                count(*) filter (where status = 'completed') as "completed!"
            from prospecting_jobs where job_id = any($1)
            "#,
            &others,
        );
        let row = running.fetch_one(&mut connection).await.unwrap();
        both_ran |= row.running == 2;
        row.completed == 2 && app.job(&broken).await["status"] == "failed"
    })
    .await;
    assert!(both_ran, "every slot was free for others");
    let attempts = sqlx::query_scalar!(
        "select max(attempt) from prospecting_jobs where job_id = any($1)",
        &others,
    );
    let attempts = attempts.fetch_one(&mut connection).await.unwrap();
    assert_eq!(attempts, Some(1), "the others lost nothing");
    assert_all_agrees(&app).await;
}

#[tokio::test]
async fn a_page_that_hangs_is_cut_off_and_the_job_fails_after_five_attempts() {
    let setup = Setup {
        step_timeout: Duration::from_millis(150),
        ..Setup::default()
    };
    let (app, poisoned) = poisoned_app(setup, Poison::Hang, 1).await;
    let mut connection = app.connect().await;
    let job = app.start_job(&search("poison", 100)).await;
    app.run_jobs_until(async || {
        make_all_due(&mut connection).await;
        app.job(&job).await["status"] == "failed"
    })
    .await;
    let status = app.job(&job).await;
    assert_failed(&app, &status, "TOO_MANY_ATTEMPTS", 0).await;
    assert_eq!(status["attempt"], 5);
    assert_eq!(poisoned.calls.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_job_over_its_days_fails_and_keeps_the_people_whom_it_imported() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..12), None).await;
    queue::wait_job(
        &mut connection,
        &lease,
        None,
        WaitUntil::After(Duration::ZERO),
    )
    .await
    .unwrap();
    sqlx::query!("update prospecting_jobs set started_at = now() - interval '31 days'")
        .execute(&mut connection)
        .await
        .unwrap();
    app.run_jobs_until_idle().await;
    let status = app.job(&lease.job).await;
    assert_failed(&app, &status, "TIME_LIMIT", 12).await;
    assert_eq!(
        status["credits"],
        json!({"reserved": 100, "charged": 12, "released": 88})
    );
    let rows = app.rows(&lease.job).await;
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row["outcome"] == "imported"));
}

/// A finder that always asks to come back in a minute.
struct Throttled;

#[async_trait]
impl EmailFinder for Throttled {
    fn batch_size(&self) -> u32 {
        10
    }

    async fn find(&self, _: &[EmailQuery]) -> BatchAnswers {
        BatchAnswers {
            answered: Vec::new(),
            stopped_by: Some(failure(UpstreamFault::RateLimited, Duration::from_secs(60))),
        }
    }

    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_finder_that_asks_to_wait_for_a_day_is_given_up_and_the_job_completes() {
    let mut app = TestApp::start().await;
    app.worker = with_finder(&app.worker, Arc::new(Throttled));
    let mut connection = app.connect().await;
    let mut body = search("results-9", 100);
    body["searchEmails"] = json!(true);
    let job = app.start_job(&body).await;
    app.run_jobs_until(async || is_waiting(&app, &job).await)
        .await;
    forget_progress(&mut connection, 25).await;
    make_all_due(&mut connection).await;
    app.run_jobs_until_idle().await;

    let status = app.job(&job).await;
    assert_eq!(status["status"], "completed", "{status:#}");
    assert_eq!(status["error"], Value::Null);
    let enrichment = &status["stages"]["enrichment"];
    assert_eq!(enrichment["status"], "failed");
    assert_eq!(enrichment["error"]["code"], "EMAIL_FINDER_UNAVAILABLE");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 9, "released": 191})
    );
    assert_all_agrees(&app).await;
}

#[tokio::test]
async fn a_profile_is_not_given_up_for_waits_in_which_nobody_asked_for_it() {
    let faulty = Faulty::start().await;
    let app = TestApp::with(faulty.setup.clone()).await;
    let mut connection = app.connect().await;
    let urls = json!({"source": "url_upload", "urls": ["linkedin.com/in/once-bea"]});
    let job = app.start_job(&urls).await;
    for _ in 0..3 {
        let lease = claim(&mut connection).await;
        let until = WaitUntil::LetIn(Duration::ZERO);
        let reason = Some(WaitingReason::Upstream);
        let waited = queue::wait_job(&mut connection, &lease, reason, until).await;
        assert_eq!(waited.unwrap(), WaitOutcome::Waiting);
        make_all_due(&mut connection).await;
    }
    let asked = || {
        let lines = faulty.seen();
        lines.iter().filter(|line| line.contains("/users/")).count()
    };
    // Its own failures begin only now. The account's health is well all the while.
    faulty.fail_below("/v2/acc_01test/", Fault::ServerError);
    app.run_jobs_until(async || {
        let has_failed = asked() == 5 && is_waiting(&app, &job).await;
        has_failed || app.job(&job).await["status"] == "completed"
    })
    .await;
    assert!(is_waiting(&app, &job).await, "{:#}", app.job(&job).await);

    make_all_due(&mut connection).await;
    app.run_jobs_until(async || app.job(&job).await["status"] == "completed")
        .await;
    let counts = &app.job(&job).await["counts"];
    assert_eq!(
        counts["failed"], 1,
        "it failed before a wait and after it: {counts:#}"
    );
    assert_all_agrees(&app).await;
}
