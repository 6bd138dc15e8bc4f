//! A provider that is down as a whole is left alone: starts are refused, jobs wait, nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use prospector::domain::id::LinkedinAccountId;
use prospector::domain::person::EmailQuery;
use prospector::upstream::email_finder::{BatchAnswers, EmailFinder, FinderAccount};
use prospector::upstream::error::{UpstreamError, UpstreamFault};
use prospector::upstream::provider::Standing;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search, wait_for};
use crate::support::by_hand::make_all_due;
use crate::support::faulty::{Fault, Faulty};
use crate::support::poisoned::{failure, with_finder};

/// Longer than any answer takes, shorter than tests want to wait for none.
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(2);

/// Longer than what a turn lasts beyond the time of its call, as it is by default.
const LONG_TIMEOUT: Duration = Duration::from_secs(4);

async fn faulty_app() -> (TestApp, Faulty) {
    faulty_app_with(UPSTREAM_TIMEOUT).await
}

async fn faulty_app_with(upstream_timeout: Duration) -> (TestApp, Faulty) {
    let faulty = Faulty::start().await;
    let setup = Setup {
        upstream_timeout,
        ..faulty.setup.clone()
    };
    (TestApp::with(setup).await, faulty)
}

/// Whether the start was refused without asking the provider.
fn is_left_alone(answer: &Answer) -> bool {
    if answer.status == 202 {
        return false;
    }
    assert_eq!((answer.status, answer.code()), (502, "UPSTREAM_ERROR"));
    let Some(wait) = answer.header("retry-after") else {
        return false;
    };
    let seconds: u64 = wait.parse().unwrap();
    assert!((1..=30).contains(&seconds));
    let details = answer.body["error"]["details"].as_str().unwrap();
    assert!(
        details.contains(&format!("Wait for {seconds} s")),
        "{details}"
    );
    assert!(details.contains("Nothing was stored"), "{details}");
    true
}

fn standing(app: &TestApp, account: &str) -> Standing {
    let account: LinkedinAccountId = account.parse().unwrap();
    app.worker.provider.standing(&account)
}

fn is_shut_off(app: &TestApp, account: &str) -> bool {
    matches!(standing(app, account), Standing::ShutOff { .. })
}

#[tokio::test]
async fn starts_are_refused_at_once_without_a_call_until_the_provider_is_well() {
    let (app, faulty) = faulty_app().await;
    let body = search("a", 10);
    let first = app.post_job_with_key(&body, "k").await.expect_status(202);
    // Another account, of which nothing is remembered.
    app.set_plan_and_account("starter", Some("acc_02test"))
        .await;
    let before = app.stored().await;

    faulty.fail(Fault::ServerError);
    wait_for(async || is_left_alone(&app.post_job(&search("b", 10)).await)).await;
    let calls = faulty.seen();
    assert_eq!(calls.len(), 4, "{calls:?}");
    for _ in 0..20 {
        assert!(is_left_alone(&app.post_job(&search("b", 10)).await));
    }
    let lists = app.get(&app.path("sales-navigator/lead-lists")).await;
    assert!(is_left_alone(&lists));
    assert_eq!(faulty.seen(), calls, "nobody was asked");
    assert_eq!(app.stored().await, before);
    let replay = app.post_job_with_key(&body, "k").await.expect_status(202);
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    assert_eq!(replay.data(), first.data());

    faulty.heal();
    wait_for(async || app.post_job(&search("b", 10)).await.status == 202).await;
    assert_eq!(faulty.seen().len(), calls.len() + 1, "one probe");
}

/// A job meets a provider that fails so, waits, and goes on by itself.
async fn a_running_job_waits(fault: Fault, upstream_timeout: Duration) {
    let (app, faulty) = faulty_app_with(upstream_timeout).await;
    let job = app.start_job(&search("results-60", 100)).await;
    let health_calls = faulty.seen().len();
    faulty.fail(fault);
    let mut waited = None;
    app.run_jobs_until(async || {
        let status = app.job(&job).await;
        if waited.is_none() && status["waiting"]["reason"] == "upstream" {
            // The account's health is remembered, but does not count now.
            assert!(is_left_alone(&app.post_job(&search("b", 10)).await));
            waited = Some((status.clone(), faulty.seen()));
            faulty.heal();
        }
        status["status"] == "completed"
    })
    .await;
    let (status, calls) = waited.unwrap();
    assert_eq!(status["status"], "queued");
    assert!(status["waiting"]["resumeAt"].as_str() > status["updatedAt"].as_str());
    let calls = calls.len() - health_calls;
    assert_eq!(calls, 4, "three tries and a check");
    let status = app.job(&job).await;
    assert_eq!(status["counts"]["imported"], 60, "{status:#}");
    assert_eq!(status["attempt"], 1, "a wait is no new attempt");
    assert_eq!(standing(&app, "acc_01test"), Standing::Trusted);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn a_running_job_waits_out_server_errors_and_goes_on_by_itself() {
    a_running_job_waits(Fault::ServerError, UPSTREAM_TIMEOUT).await;
}

#[tokio::test]
async fn a_running_job_waits_out_nonsense_and_goes_on_by_itself() {
    a_running_job_waits(Fault::Nonsense, UPSTREAM_TIMEOUT).await;
}

#[tokio::test]
async fn a_running_job_waits_out_silence_and_goes_on_by_itself() {
    a_running_job_waits(Fault::Silence, LONG_TIMEOUT).await;
}

#[tokio::test]
async fn of_many_callers_when_the_pause_is_over_the_provider_sees_one() {
    let (app, faulty) = faulty_app().await;
    let provider = &app.worker.provider;
    let accounts: Vec<LinkedinAccountId> = (0..60)
        .map(|number| format!("acc_{number}test").parse().unwrap())
        .collect();
    faulty.fail(Fault::ServerError);
    wait_for(async || {
        for account in &accounts[..2] {
            assert!(provider.account_health(account).await.is_err());
        }
        is_shut_off(&app, "acc_2test")
    })
    .await;
    faulty.fail(Fault::Silence);
    wait_for(async || standing(&app, "acc_2test") == Standing::OnTrial).await;
    let before = faulty.seen().len();
    let asking = accounts
        .iter()
        .map(|account| provider.account_health(account));
    let results = futures_util::future::join_all(asking).await;
    assert_eq!(faulty.seen().len(), before + 1);
    let refused = |fault| fault == UpstreamFault::CircuitOpen;
    let faults = results.into_iter().map(|result| result.unwrap_err().fault);
    assert_eq!(faults.filter(|fault| refused(*fault)).count(), 59);

    faulty.heal();
    wait_for(async || provider.account_health(&accounts[0]).await.is_ok()).await;
    assert_eq!(faulty.seen().len(), before + 2);
    for account in &accounts {
        assert_eq!(provider.standing(account), Standing::Trusted);
    }
}

#[tokio::test]
async fn many_searches_that_fail_at_once_open_nothing() {
    let setup = Setup {
        running_per_account_group: 16,
        ..Setup::default()
    };
    let app = TestApp::with(setup.clone()).await;
    let mut jobs = Vec::new();
    for number in 0..12 {
        let words = ["fail-4", "html", "broken-json", "limit-1"][number % 4];
        let keywords = format!("{words}+crowd+{number}+results-30");
        jobs.push(app.start_job(&search(&keywords, 100)).await);
    }
    app.run_jobs_until(async || {
        // Starts go through all the while, also for accounts that nothing is remembered of.
        let account = format!("acc_{}", rand::random::<u32>());
        app.set_plan_and_account("starter", Some(&account)).await;
        app.post_job(&search("results-1", 1))
            .await
            .expect_status(202);
        let mut ended = true;
        for job in &jobs {
            ended &= app.job(job).await["status"] == "completed";
        }
        ended
    })
    .await;
    for job in &jobs {
        assert_eq!(app.job(job).await["attempt"], 1);
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_reached_stands_alone() {
    let app = TestApp::start().await;
    wait_for(async || {
        app.set_plan_and_account("starter", Some("acc_unreachable"))
            .await;
        let refused = app.post_job(&search("a", 10)).await;
        app.set_plan_and_account("starter", Some("acc_01test"))
            .await;
        app.post_job(&search("a", 1)).await.expect_status(202);
        is_left_alone(&refused)
    })
    .await;
    let (job, status) = app.run_job(&search("results-30", 30)).await;
    assert_eq!(status["status"], "completed", "{job}");
    assert_eq!(status["attempt"], 1);
}

fn with_emails(keywords: &str) -> Value {
    let mut body = search(keywords, 100);
    body["searchEmails"] = json!(true);
    body
}

#[tokio::test]
async fn a_job_that_finds_the_finder_left_alone_waits_for_it_and_gets_its_addresses() {
    let (app, faulty) = faulty_app().await;
    faulty.fail_below("/bulk-enrich-person", Fault::ServerError);
    // Each of these two gets its five tries; the second one's failures are the finder's own.
    for keywords in ["one+results-20", "two+results-20"] {
        let (_, status) = app.run_job(&with_emails(keywords)).await;
        let enrichment = &status["stages"]["enrichment"];
        assert_eq!(status["status"], "completed");
        assert_eq!(enrichment["error"]["code"], "EMAIL_FINDER_UNAVAILABLE");
        assert_eq!(status["credits"]["charged"], status["counts"]["imported"]);
    }
    let asked = || {
        faulty
            .seen()
            .iter()
            .filter(|line| line.contains("enrich"))
            .count()
    };
    assert_eq!(asked(), 10);

    let job = app.start_job(&with_emails("three+results-20")).await;
    let mut has_waited = false;
    app.run_jobs_until(async || {
        let status = app.job(&job).await;
        if status["waiting"]["reason"] == "upstream" {
            has_waited = true;
            faulty.heal();
        }
        status["status"] == "completed"
    })
    .await;
    assert!(has_waited);
    let status = app.job(&job).await;
    assert_eq!(
        status["stages"]["enrichment"]["status"], "completed",
        "{status:#}"
    );
    assert_eq!(status["attempt"], 1);
    let imported = status["counts"]["imported"].as_u64().unwrap();
    assert_eq!(status["credits"]["charged"], 2 * imported);
    assert!(status["counts"]["emailsFound"].as_u64().unwrap() > 0);
    assert_eq!(asked(), 11);
    app.assert_books_balance().await;
}

/// A finder that is left alone whenever it is asked. It counts how often.
#[derive(Default)]
struct LeftAlone(AtomicU32);

#[async_trait]
impl EmailFinder for LeftAlone {
    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        unreachable!("jobs do not check")
    }

    fn batch_size(&self) -> u32 {
        10
    }

    async fn find(&self, _: &[EmailQuery]) -> BatchAnswers {
        self.0.fetch_add(1, Ordering::SeqCst);
        let wait = Duration::from_secs(30);
        BatchAnswers {
            answered: Vec::new(),
            stopped_by: Some(failure(UpstreamFault::CircuitOpen, wait)),
        }
    }
}

#[tokio::test]
async fn a_job_does_not_wait_for_a_finder_more_often_than_a_call_is_tried() {
    let mut app = TestApp::start().await;
    let finder = Arc::new(LeftAlone::default());
    app.worker = with_finder(&app.worker, Arc::clone(&finder) as Arc<dyn EmailFinder>);
    let mut connection = app.connect().await;
    let job = app.start_job(&with_emails("results-9")).await;
    app.run_jobs_until(async || {
        make_all_due(&mut connection).await;
        app.job(&job).await["status"] == "completed"
    })
    .await;
    assert_eq!(finder.0.load(Ordering::SeqCst), 6, "five waits");
    let status = app.job(&job).await;
    let enrichment = &status["stages"]["enrichment"];
    assert_eq!(enrichment["status"], "failed");
    assert_eq!(enrichment["error"]["code"], "EMAIL_FINDER_UNAVAILABLE");
    assert_eq!(status["error"], Value::Null);
    assert_eq!(app.rows(&job).await.len(), 9, "the people stay");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 9, "released": 191})
    );
    app.assert_books_balance().await;
}

#[tokio::test]
async fn a_job_that_is_cancelled_during_its_probe_holds_nobody_up() {
    let faulty = Faulty::start().await;
    let app = TestApp::with(faulty.setup.clone()).await;
    let job = app.start_job(&search("results-60", 100)).await;
    faulty.fail(Fault::ServerError);
    let mut seen = None;
    app.run_jobs_until(async || {
        if seen.is_none() && is_shut_off(&app, "acc_01test") {
            faulty.fail(Fault::Silence);
            seen = Some(faulty.seen().len());
        }
        // The job's probe is under way: far from its time-out when it is dropped.
        if seen.is_some_and(|before| faulty.seen().len() > before) {
            let path = app.path(&format!("prospecting/{job}/cancel"));
            let cancel = app.request("POST", &path).body(Body::empty()).unwrap();
            app.send(cancel).await.expect_status(200);
            return true;
        }
        false
    })
    .await;
    assert_eq!(standing(&app, "acc_01test"), Standing::OnTrial);
    faulty.heal();
    app.post_job(&search("b", 10)).await.expect_status(202);
    assert_eq!(standing(&app, "acc_01test"), Standing::Trusted);
}
