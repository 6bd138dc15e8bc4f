//! Look-ups whose batches are answered in part: an answer is never lost, nor asked for again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use prospector::domain::id::JobId;
use prospector::domain::person::{EmailQuery, EmailStatus};
use prospector::upstream::email_finder::{BatchAnswers, EmailAnswer, EmailFinder, FinderAccount};
use prospector::upstream::error::{UpstreamError, UpstreamFault};
use serde_json::{Value, json};

use crate::support::app::{TestApp, search};
use crate::support::by_hand::{faults, make_all_due};
use crate::support::poisoned::{failure, with_finder};

/// Whom a call leaves without an answer, by their places, and why.
struct Round {
    left_out: Vec<usize>,
    fault: UpstreamFault,
    retry_after: Duration,
}

/// Everybody, because of this.
fn nobody_answered(fault: UpstreamFault, retry_after: u64) -> Round {
    all_but(&[], fault, retry_after)
}

fn all_but(answered: &[usize], fault: UpstreamFault, retry_after: u64) -> Round {
    let left_out = (0..10).filter(|place| !answered.contains(place));
    left_out_only(&left_out.collect::<Vec<_>>(), fault, retry_after)
}

fn left_out_only(left_out: &[usize], fault: UpstreamFault, retry_after: u64) -> Round {
    Round {
        left_out: left_out.to_vec(),
        fault,
        retry_after: Duration::from_secs(retry_after),
    }
}

/// Takes ten people a call, answers its first calls in part, and then all of them.
struct Patchy {
    rounds: Mutex<VecDeque<Round>>,
    /// Who was asked about, call by call.
    asked: Mutex<Vec<Vec<String>>>,
    answered: Mutex<HashSet<String>>,
}

impl Patchy {
    fn new(rounds: impl IntoIterator<Item = Round>) -> Arc<Self> {
        Arc::new(Self {
            rounds: Mutex::new(rounds.into_iter().collect()),
            asked: Mutex::default(),
            answered: Mutex::default(),
        })
    }

    fn calls(&self) -> Vec<usize> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(Vec::len).collect()
    }
}

#[async_trait]
impl EmailFinder for Patchy {
    fn batch_size(&self) -> u32 {
        10
    }

    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        let who: Vec<String> = people
            .iter()
            .map(|person| format!("{:?} {:?}", person.linkedin_url, person.name))
            .collect();
        self.asked.lock().unwrap().push(who.clone());
        let round = self.rounds.lock().unwrap().pop_front();
        let left_out = |place: &usize| {
            let round = round.as_ref();
            round.is_some_and(|round| round.left_out.contains(place))
        };
        let mut answered = Vec::new();
        // Answers come in no particular order.
        for place in (0..people.len()).rev().filter(|place| !left_out(place)) {
            let is_new = self.answered.lock().unwrap().insert(who[place].clone());
            assert!(is_new, "{} was answered before", who[place]);
            let answer = EmailAnswer::Found {
                email: format!("{place}@example.com"),
                status: EmailStatus::Valid,
            };
            answered.push((place, answer));
        }
        BatchAnswers {
            answered,
            stopped_by: round.map(|round| failure(round.fault, round.retry_after)),
        }
    }

    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        unreachable!()
    }
}

async fn app_with(finder: &Arc<Patchy>) -> TestApp {
    let mut app = TestApp::start().await;
    let finder = Arc::clone(finder) as Arc<dyn EmailFinder>;
    app.worker = with_finder(&app.worker, finder);
    app
}

fn search_with_emails(people: u32) -> Value {
    let mut body = search(&format!("look+ups+results-{people}"), 100);
    body["searchEmails"] = json!(true);
    body
}

/// Row numbers by e-mail status.
async fn rows_with(app: &TestApp, job: &JobId, email_status: &str) -> Vec<u64> {
    let rows = app.rows(job).await;
    let with = rows.iter().filter(|row| row["emailStatus"] == email_status);
    with.map(|row| row["row"].as_u64().unwrap()).collect()
}

async fn assert_all_agrees(app: &TestApp) {
    app.assert_books_balance().await;
    assert_eq!(faults(&mut app.connect().await).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_batch_left_out_is_asked_again_and_what_it_answered_is_not() {
    use UpstreamFault::{RateLimited, ServerError, Unprocessable};
    let finder = Patchy::new([
        // The third of ten meets the rate limit, and some calls were under way.
        all_but(&[0, 1, 3, 4], RateLimited, 0),
        left_out_only(&[0], Unprocessable, 0),
        nobody_answered(ServerError, 0),
        left_out_only(&[1, 9], ServerError, 0),
    ]);
    let app = app_with(&finder).await;
    let (job, status) = app.run_job(&search_with_emails(25)).await;

    assert_eq!(status["stages"]["enrichment"]["status"], "completed");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 50, "released": 150})
    );
    assert_eq!(status["attempt"], 1);
    assert_eq!(rows_with(&app, &job, "valid").await.len(), 25);
    // 4 of 25, 9 of 21, none, 8 of 12, and the 4 that are left.
    assert_eq!(finder.calls(), [10, 10, 10, 10, 4]);
    assert_all_agrees(&app).await;
}

#[tokio::test]
async fn a_job_that_waits_for_the_finder_keeps_the_answers_it_got() {
    let finder = Patchy::new([left_out_only(&[2, 7], UpstreamFault::RateLimited, 60)]);
    let app = app_with(&finder).await;
    let job = app.start_job(&search_with_emails(10)).await;
    app.run_jobs_until(async || app.job(&job).await["waiting"]["reason"] == "upstream")
        .await;
    assert_eq!(rows_with(&app, &job, "pending").await, [3, 8]);
    let status = app.job(&job).await;
    assert_eq!(status["stages"]["enrichment"]["progress"], 0.8);
    assert_eq!(status["credits"]["charged"], 18);

    make_all_due(&mut app.connect().await).await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["status"], "completed", "{status:#}");
    assert_eq!(status["credits"]["charged"], 20);
    assert_eq!(finder.calls(), [10, 2]);
    assert_all_agrees(&app).await;
}

#[tokio::test]
async fn a_finder_that_gives_out_in_the_midst_of_a_batch_is_paid_for_what_it_answered() {
    for (fault, code) in [
        (UpstreamFault::OutOfQuota, "EMAIL_FINDER_QUOTA"),
        (UpstreamFault::KeyRefused, "EMAIL_FINDER_KEY"),
        (UpstreamFault::Refused, "EMAIL_FINDER_UNAVAILABLE"),
    ] {
        let finder = Patchy::new([all_but(&[0, 5], fault, 0)]);
        let app = app_with(&finder).await;
        let (job, status) = app.run_job(&search_with_emails(12)).await;
        assert_eq!(status["status"], "completed");
        assert_eq!(status["counts"]["imported"], 12);
        assert_eq!(status["counts"]["emailsFound"], 2);
        assert_eq!(status["stages"]["enrichment"]["status"], "failed");
        assert_eq!(status["stages"]["enrichment"]["error"]["code"], code);
        assert_eq!(
            status["credits"],
            json!({"reserved": 200, "charged": 14, "released": 186})
        );
        assert_eq!(rows_with(&app, &job, "valid").await, [1, 6]);
        assert_eq!(rows_with(&app, &job, "failed").await.len(), 10);
        assert_eq!(finder.calls(), [10]);
        assert_all_agrees(&app).await;
    }
}

#[tokio::test]
async fn one_person_whom_the_finder_never_answers_for_costs_only_their_own_answer() {
    let always = || (0..100).map(|_| left_out_only(&[0], UpstreamFault::Unprocessable, 0));
    let finder = Patchy::new(always());
    let app = app_with(&finder).await;
    let (job, status) = app.run_job(&search_with_emails(30)).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["counts"]["emailsFound"], 29);
    assert_eq!(status["credits"]["charged"], 59);
    assert_eq!(
        status["stages"]["enrichment"]["error"]["code"],
        "EMAIL_FINDER_UNAVAILABLE"
    );
    assert_eq!(rows_with(&app, &job, "failed").await, [1]);
    // In the end they are asked about alone, five times.
    assert_eq!(finder.calls(), [10, 10, 10, 3, 1, 1, 1, 1, 1]);
    assert_all_agrees(&app).await;
}
