//! Calls for one LinkedIn account: one at a time, with gaps, and none while it rests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prospector::db::linkedin_accounts::{
    CallOutcome, Standing, TurnFor, TurnOutcome, give_back_turn, take_turn,
};
use prospector::db::queue::{self, WaitOutcome, WaitUntil};
use prospector::domain::id::{AccountGroupId, JobId, LinkedinAccountId};
use prospector::domain::job::WaitingReason;
use prospector::domain::pacing::{Gap, Pacing};
use prospector::worker::pool::{PoolSignals, run_pool};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::app::{Setup, TestApp, search, wait_for};
use crate::support::by_hand::{self, Wanted};
use crate::support::faulty::{Fault, Faulty};
use crate::support::poisoned::{Poison, poisoned_app};
use crate::support::process::Program;
use crate::support::recorder::Recorder;

const HOUR: Duration = Duration::from_secs(60 * 60);
const HOLD: Duration = Duration::from_secs(60);

const fn gap(min_ms: u64, max_ms: u64) -> Gap {
    Gap {
        min: Duration::from_millis(min_ms),
        max: Duration::from_millis(max_ms),
    }
}

fn account() -> LinkedinAccountId {
    "acc_01test".parse().unwrap()
}

/// An app whose calls are taken down.
async fn paced(recorder: &Recorder, pacing: Pacing) -> TestApp {
    TestApp::with(setup(recorder, pacing)).await
}

fn setup(recorder: &Recorder, pacing: Pacing) -> Setup {
    Setup {
        provider: recorder.provider(),
        pacing,
        ..Setup::default()
    }
}

/// What the row of the account says.
#[derive(Debug)]
struct Row {
    is_held: bool,
    rests_for: Option<i64>,
    throttles: i32,
}

async fn row(connection: &mut PgConnection) -> Row {
    let row = sqlx::query!(
        r#"
        select turn_token is not null as "is_held!", throttles,
            round(extract(epoch from resting_until - now()))::bigint as rests_for
        from linkedin_accounts
        "#
    );
    let row = row.fetch_one(connection).await.unwrap();
    Row {
        is_held: row.is_held,
        rests_for: row.rests_for,
        throttles: row.throttles,
    }
}

/// The rest, the gap and every wait are over.
async fn let_time_pass(connection: &mut PgConnection) {
    for statement in [
        sqlx::query!("update linkedin_accounts set resting_until = now(), next_call_at = now()"),
        sqlx::query!("delete from linkedin_account_waiters"),
        sqlx::query!(
            "update prospecting_jobs set due_at = now(), waiting_reason = null where status = 'queued'"
        ),
        sqlx::query!("update lanes set parked = false, next_turn_at = now()"),
    ] {
        statement.execute(&mut *connection).await.unwrap();
    }
}

/// Runs workers until the job waits for the upstream; its status then.
async fn run_until_it_waits(app: &TestApp, job: &JobId) -> Value {
    app.run_jobs_until(async || !app.job(job).await["waiting"].is_null())
        .await;
    let status = app.job(job).await;
    assert_eq!(status["waiting"]["reason"], "upstream", "{status:#}");
    assert_eq!(status["status"], "queued");
    status
}

/// What `prospector jobs show` says of a job.
async fn shown(app: &TestApp, job: &JobId) -> (Value, String) {
    let (program, job) = (Program::on(&app.database), job.to_string());
    let showing = tokio::task::spawn_blocking(move || {
        let arguments = ["jobs", "show", &job];
        let text = String::from_utf8(program.run(&arguments).stdout).unwrap();
        (program.json(&arguments)["heldUpBy"].clone(), text)
    });
    showing.await.unwrap()
}

/// In how many seconds the job goes on.
fn resumes_in(status: &Value) -> i64 {
    let at = status["waiting"]["resumeAt"].as_str().unwrap();
    (at.parse::<DateTime<Utc>>().unwrap() - Utc::now()).num_seconds()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_jobs_of_four_groups_on_two_pools_call_their_account_one_at_a_time_with_gaps() {
    let recorder = Recorder::start().await;
    let pacing = gap(20, 60);
    let wanted = Setup {
        running_per_account_group: 2,
        ..setup(&recorder, Pacing::Turns(pacing))
    };
    let mut apps = vec![TestApp::with(wanted.clone()).await];
    for _ in 1..4 {
        let another = apps[0].beside(wanted.clone()).await;
        apps.push(another);
    }
    let slugs: Vec<String> = (0..6)
        .map(|number| format!("linkedin.com/in/pace-{number}"))
        .collect();
    let post = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000040/";
    let bodies = [
        json!({"source": "url_upload", "urls": slugs}),
        search("pace+results-60+slow-15", 100),
        json!({"source": "post_commenters", "postUrl": post}),
        json!({"source": "sales_navigator", "savedSearchId": "52310060"}),
    ];
    let mut jobs = Vec::new();
    for (number, app) in apps.iter().enumerate() {
        for body in [&bodies[number], &bodies[(number + 1) % 4]] {
            jobs.push((app, app.start_job(body).await));
        }
    }
    let signals = PoolSignals::default();
    let first = run_pool(Arc::clone(&apps[0].worker), signals.clone());
    let second = run_pool(Arc::clone(&apps[1].worker), signals.clone());
    let mut connection = apps[0].connect().await;
    let watching = async {
        wait_for(async || {
            let open = sqlx::query_scalar!(
                r#"select count(*) as "count!" from prospecting_jobs where ended_at is null"#
            );
            open.fetch_one(&mut connection).await.unwrap() == 0
        })
        .await;
        signals.shutdown.cancel();
    };
    let (first, second, ()) = tokio::join!(first, second, watching);
    first.and(second).unwrap();

    recorder.assert_one_at_a_time(pacing.min);
    for (app, job) in &jobs {
        let status = app.job(job).await;
        assert_eq!(status["status"], "completed", "{status:#}");
        assert_eq!(status["attempt"], 1, "waiting for a turn is no attempt");
    }
    let profiles = recorder.calls();
    let profiles = profiles.iter().filter(|call| call.path.contains("/users/"));
    assert_eq!(profiles.count(), 12, "no profile was asked for twice");
    assert!(!row(&mut connection).await.is_held);
    apps[0].assert_books_balance().await;
}

#[tokio::test]
async fn without_pacing_the_calls_of_an_account_may_overlap_and_nothing_is_written_about_it() {
    let recorder = Recorder::start().await;
    let app = paced(&recorder, Pacing::Off).await;
    let beside = app.beside(setup(&recorder, Pacing::Off)).await;
    app.start_job(&search("a+results-30+slow-300", 100)).await;
    beside
        .start_job(&search("b+results-30+slow-300", 100))
        .await;
    app.run_jobs_until_idle().await;
    let calls = recorder.calls();
    let overlap = calls
        .windows(2)
        .any(|pair| pair[0].ended > Some(pair[1].began));
    assert!(overlap, "{calls:#?}");
    let mut connection = app.connect().await;
    let rows = sqlx::query_scalar!(r#"select count(*) as "count!" from linkedin_accounts"#);
    assert_eq!(rows.fetch_one(&mut connection).await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_that_waits_for_a_long_gap_gives_its_worker_back_and_goes_on_as_the_same_attempt() {
    let recorder = Recorder::start().await;
    let app = paced(&recorder, Pacing::Turns(gap(600_000, 600_000))).await;
    let job = app.start_job(&search("gap+results-60", 100)).await;
    let mut connection = app.connect().await;
    for calls in 1..3 {
        let status = run_until_it_waits(&app, &job).await;
        assert_eq!(recorder.calls().len(), calls);
        assert!((540..=600).contains(&resumes_in(&status)), "{status:#}");
        assert_eq!(status["attempt"], 1);
        let (held_up_by, text) = shown(&app, &job).await;
        assert_eq!(held_up_by, "turn");
        assert!(
            text.contains("waits for its turn of its LinkedIn account"),
            "{text}"
        );
        let_time_pass(&mut connection).await;
    }
    let failures = sqlx::query_scalar!("select stalled_waits from prospecting_jobs");
    assert_eq!(failures.fetch_one(&mut connection).await.unwrap(), 0);
}

#[tokio::test]
async fn a_throttled_account_rests_for_hours_for_all_its_jobs_and_then_they_go_on() {
    for pacing in [Pacing::Off, Pacing::Turns(Gap::NONE)] {
        let recorder = Recorder::start().await;
        let app = paced(&recorder, pacing).await;
        let beside = app.beside(setup(&recorder, pacing)).await;
        let mut connection = app.connect().await;
        let first = app
            .start_job(&search("hit+throttle-2+results-40", 100))
            .await;
        let mut calls = 0;
        for rest in [2, 4] {
            let status = run_until_it_waits(&app, &first).await;
            let expected = rest * 3_600;
            assert!(
                (expected - 60..=expected).contains(&resumes_in(&status)),
                "{status:#}"
            );
            let (held_up_by, text) = shown(&app, &first).await;
            assert_eq!(held_up_by, "throttled");
            let nth = format!("(rest {} in a row)", rest / 2);
            assert!(text.contains(&nth), "{text}");
            let made = recorder.calls().len();
            assert!(made > calls, "{pacing:?}");
            calls = made;

            // Another group's job hears of it without a call, in another process.
            let second = beside.start_job(&search("other+results-40", 100)).await;
            let status = run_until_it_waits(&beside, &second).await;
            assert!((expected - 60..=expected + 60).contains(&resumes_in(&status)));
            assert_eq!(
                recorder.calls().len(),
                calls,
                "a resting account is not called"
            );
            beside.cancel(&second).await;
            let_time_pass(&mut connection).await;
        }
        let last = beside.start_job(&search("last+results-40", 100)).await;
        app.run_jobs_until_idle().await;
        let status = app.job(&first).await;
        assert_eq!(status["status"], "completed", "{status:#}");
        assert_eq!(status["counts"]["imported"], 40, "{status:#}");
        assert_eq!(beside.job(&last).await["status"], "completed");
        assert_eq!(row(&mut connection).await.throttles, 0, "a call succeeded");
        app.assert_books_balance().await;
    }
}

#[tokio::test]
async fn a_job_takes_no_turn_for_a_provider_that_is_left_alone() {
    let setup = Setup {
        pacing: Pacing::Turns(gap(600_000, 600_000)),
        ..Setup::default()
    };
    let poison = Poison::LeftAlone(Duration::from_secs(30));
    let (app, poisoned) = poisoned_app(setup, poison, 1).await;
    let mut connection = app.connect().await;
    let job = app.start_job(&search("poison+results-20", 100)).await;
    let status = run_until_it_waits(&app, &job).await;
    assert!((25..=36).contains(&resumes_in(&status)), "{status:#}");
    assert_eq!(poisoned.calls.load(Ordering::SeqCst), 0);
    let turns = sqlx::query_scalar!(r#"select count(*) as "count!" from linkedin_accounts"#);
    let turns = turns.fetch_one(&mut connection).await.unwrap();
    assert_eq!(turns, 0, "a turn without a call costs a gap");

    poisoned.is_healed.store(true, Ordering::SeqCst);
    by_hand::make_all_due(&mut connection).await;
    app.run_jobs_until(async || app.job(&job).await["status"] == "completed")
        .await;
}

#[tokio::test]
async fn gaps_within_a_page_are_not_taken_for_a_page_that_hangs() {
    let recorder = Recorder::start().await;
    let wanted = Setup {
        step_timeout: Duration::from_millis(2_000),
        ..setup(&recorder, Pacing::Turns(gap(2_500, 2_500)))
    };
    let app = TestApp::with(wanted).await;
    let post = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000040/";
    let body = json!({"source": "post_commenters", "postUrl": post});
    let job = app.start_job(&body).await;
    app.run_jobs_until(async || {
        let status = app.job(&job).await;
        status["counts"]["fetched"] != 0 || status["attempt"].as_u64() > Some(1)
    })
    .await;
    let status = app.job(&job).await;
    assert_eq!(status["attempt"], 1, "{status:#}");
}

#[tokio::test]
async fn a_call_that_panics_gives_its_turn_back() {
    let setup = Setup {
        pacing: Pacing::Turns(Gap::NONE),
        ..Setup::default()
    };
    let (app, poisoned) = poisoned_app(setup, Poison::Panic, 1).await;
    let mut connection = app.connect().await;
    app.start_job(&search("poison", 100)).await;
    app.run_jobs_until(async || {
        let has_panicked = poisoned.calls.load(Ordering::SeqCst) > 0;
        has_panicked && !row(&mut connection).await.is_held
    })
    .await;
}

#[tokio::test]
async fn a_users_request_that_is_dropped_gives_its_turn_back() {
    let faulty = Faulty::start().await;
    let app = TestApp::with(Setup {
        pacing: Pacing::Turns(Gap::NONE),
        ..faulty.setup.clone()
    })
    .await;
    let mut connection = app.connect().await;
    faulty.fail_below("/v2/acc_01test/", Fault::Silence);
    let path = app.path("sales-navigator/lead-lists");
    let is_under_way = async || {
        faulty
            .seen()
            .iter()
            .any(|line| line.contains("/v2/acc_01test/"))
    };
    tokio::select! {
        _ = app.get(&path) => panic!("nobody answers"),
        () = wait_for(is_under_way) => {}
    }
    wait_for(async || !row(&mut connection).await.is_held).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_its_turn_back() {
    let recorder = Recorder::start().await;
    let app = paced(&recorder, Pacing::Turns(Gap::NONE)).await;
    let job = app.start_job(&search("drop+slow-600000", 100)).await;
    let mut connection = app.connect().await;
    let mut is_cancelled = false;
    app.run_jobs_until(async || {
        if !is_cancelled && recorder.calls().len() == 1 {
            assert!(row(&mut connection).await.is_held);
            app.cancel(&job).await;
            is_cancelled = true;
        }
        is_cancelled && !row(&mut connection).await.is_held
    })
    .await;
}

#[tokio::test]
async fn a_users_request_waits_for_the_call_under_way_but_not_for_the_gap() {
    let recorder = Recorder::start().await;
    let long = gap(0, 1_200_000);
    let app = paced(&recorder, Pacing::Turns(long)).await;
    let mut connection = app.connect().await;
    let (token, me) = (Uuid::new_v4(), JobId::new());
    let whom = TurnFor::Job(&app.group, &me);
    let taken = take_turn(&mut connection, &account(), whom, token, HOLD, long).await;
    assert_eq!(taken.unwrap(), TurnOutcome::Taken);

    let path = app.path("sales-navigator/lead-lists");
    let asking = app.get(&path);
    let ending = async {
        let mut watching = app.connect().await;
        // The request stands in front of the turn: its transaction has read the account's row.
        wait_for(async || {
            let asked = sqlx::query_scalar!(
                r#"
                select count(*) as "count!" from pg_stat_activity
                where datname = current_database() and query like '%take_linkedin_turn_v1%'
                    and pid <> pg_backend_pid() and state = 'idle'
                "#
            );
            asked.fetch_one(&mut watching).await.unwrap() > 0
        })
        .await;
        assert_eq!(recorder.calls().len(), 0, "the account is busy");
        let outcome = CallOutcome::Succeeded;
        give_back_turn(&mut connection, &account(), Some(token), long, outcome)
            .await
            .unwrap();
    };
    let (answer, ()) = tokio::join!(asking, ending);
    answer.expect_status(200);
    assert_eq!(recorder.calls().len(), 1);

    sqlx::query!("update linkedin_accounts set resting_until = now() + interval '3 hours'")
        .execute(&mut app.connect().await)
        .await
        .unwrap();
    let answer = app.get(&path).await.expect_status(503);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3 * 3_600 - 60..=3 * 3_600).contains(&wait), "{wait}");
    assert_eq!(recorder.calls().len(), 1, "a resting account is not called");
}

/// The line of an account, by hand.
struct Line {
    connection: PgConnection,
    group: AccountGroupId,
}

impl Line {
    async fn start(app: &TestApp) -> Self {
        Self {
            connection: app.connect().await,
            group: app.group.clone(),
        }
    }

    async fn asks(&mut self, job: &JobId, token: Uuid) -> TurnOutcome {
        let whom = TurnFor::Job(&self.group, job);
        take_turn(
            &mut self.connection,
            &account(),
            whom,
            token,
            HOLD,
            Gap::NONE,
        )
        .await
        .unwrap()
    }

    async fn is_refused(&mut self, job: &JobId) -> Duration {
        match self.asks(job, Uuid::new_v4()).await {
            TurnOutcome::Wait(standing) => standing.wait,
            TurnOutcome::Taken => panic!("it was not its turn"),
        }
    }

    async fn gives_back(&mut self, token: Uuid, outcome: CallOutcome) -> Standing {
        give_back_turn(
            &mut self.connection,
            &account(),
            Some(token),
            Gap::NONE,
            outcome,
        )
        .await
        .unwrap()
    }

    async fn passes(&mut self, sql: Passing) {
        let statement = match sql {
            Passing::Turn => sqlx::query!("update linkedin_accounts set busy_until = now()"),
            Passing::Rest => sqlx::query!("update linkedin_accounts set resting_until = now()"),
            Passing::Grace => sqlx::query!(
                "update linkedin_account_waiters set expected_at = expected_at - interval '10 seconds'"
            ),
        };
        statement.execute(&mut self.connection).await.unwrap();
    }
}

/// What is over.
enum Passing {
    Turn,
    Rest,
    Grace,
}

#[tokio::test]
async fn whoever_asked_first_goes_first_unless_it_does_not_come() {
    let app = TestApp::start().await;
    let mut line = Line::start(&app).await;
    let jobs: Vec<JobId> = (0..4).map(|_| JobId::new()).collect();
    let held = Uuid::new_v4();
    assert_eq!(line.asks(&jobs[0], held).await, TurnOutcome::Taken);
    let second = line.is_refused(&jobs[1]).await;
    let third = line.is_refused(&jobs[2]).await;
    assert!(third > second, "{third:?} after {second:?}");
    line.gives_back(held, CallOutcome::Succeeded).await;

    line.is_refused(&jobs[2]).await;
    line.is_refused(&jobs[0]).await;
    let held = Uuid::new_v4();
    assert_eq!(line.asks(&jobs[1], held).await, TurnOutcome::Taken);
    line.gives_back(held, CallOutcome::Succeeded).await;
    // The third does not come in time, so the next one goes; it keeps its place all the same.
    line.passes(Passing::Grace).await;
    let held = Uuid::new_v4();
    assert_eq!(line.asks(&jobs[0], held).await, TurnOutcome::Taken);
    line.is_refused(&jobs[3]).await;
    line.is_refused(&jobs[2]).await;
    line.gives_back(held, CallOutcome::Succeeded).await;
    line.is_refused(&jobs[3]).await;
    let held = Uuid::new_v4();
    assert_eq!(line.asks(&jobs[2], held).await, TurnOutcome::Taken);
}

#[tokio::test]
async fn users_requests_keep_a_short_gap_and_leave_room_for_jobs() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let shortest = gap(600_000, 600_000);
    let mut asks = async |passed: i32| {
        let moved = sqlx::query!(
            "update linkedin_accounts set last_call_at = now() - make_interval(secs => $1)",
            f64::from(passed)
        );
        moved.execute(&mut connection).await.unwrap();
        let (token, whom) = (Uuid::new_v4(), TurnFor::Request);
        let asked = take_turn(&mut connection, &account(), whom, token, HOLD, shortest).await;
        if asked.as_ref().unwrap() == &TurnOutcome::Taken {
            let outcome = CallOutcome::Succeeded;
            give_back_turn(&mut connection, &account(), Some(token), Gap::NONE, outcome)
                .await
                .unwrap();
        }
        asked.unwrap()
    };
    assert_eq!(asks(0).await, TurnOutcome::Taken);
    let refused = asks(1).await;
    assert!(
        matches!(refused, TurnOutcome::Wait(standing) if standing.wait <= Duration::from_secs(4)),
        "{refused:?}"
    );
    assert_eq!(asks(6).await, TurnOutcome::Taken);
}

#[tokio::test]
async fn a_late_finisher_does_not_end_the_turn_of_another() {
    let app = TestApp::start().await;
    let mut line = Line::start(&app).await;
    let (late, next, third) = (JobId::new(), JobId::new(), JobId::new());
    let (lost, held) = (Uuid::new_v4(), Uuid::new_v4());
    assert_eq!(line.asks(&late, lost).await, TurnOutcome::Taken);
    line.is_refused(&next).await;
    line.passes(Passing::Turn).await;
    assert_eq!(line.asks(&next, held).await, TurnOutcome::Taken);

    line.gives_back(lost, CallOutcome::Succeeded).await;
    assert!(row(&mut line.connection).await.is_held);
    line.is_refused(&third).await;
    line.gives_back(held, CallOutcome::Succeeded).await;
    assert!(!row(&mut line.connection).await.is_held);
    assert_eq!(line.asks(&third, held).await, TurnOutcome::Taken);
}

#[tokio::test]
async fn rests_double_up_to_a_day_and_begin_anew_after_a_success() {
    let app = TestApp::start().await;
    let mut line = Line::start(&app).await;
    let (job, token) = (JobId::new(), Uuid::new_v4());
    let throttled = CallOutcome::Throttled { asked: None };
    for (outcome, hours) in [
        (throttled, 2),
        (throttled, 4),
        (CallOutcome::Failed, 0),
        (throttled, 8),
        (throttled, 16),
        (throttled, 24),
        (throttled, 24),
        (CallOutcome::Succeeded, 0),
        (throttled, 2),
        (
            CallOutcome::Throttled {
                asked: Some(7 * HOUR),
            },
            7,
        ),
    ] {
        assert_eq!(line.asks(&job, token).await, TurnOutcome::Taken);
        let standing = line.gives_back(token, outcome).await;
        assert_eq!(standing.rests, hours > 0);
        let rest = row(&mut line.connection)
            .await
            .rests_for
            .unwrap_or(0)
            .max(0);
        assert_eq!(rest, hours * 3_600, "{outcome:?}");
        // Calls that were under way when the rest began neither lengthen nor end it.
        for late in [throttled, CallOutcome::Succeeded] {
            if hours > 0 {
                line.gives_back(Uuid::new_v4(), late).await;
                let after = row(&mut line.connection).await.rests_for.unwrap();
                assert!((rest - 5..=rest).contains(&after), "{late:?}");
            }
        }
        line.passes(Passing::Rest).await;
    }
}

#[tokio::test]
async fn the_patience_with_an_upstream_stands_still_while_its_account_rests() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let job = by_hand::start(&mut connection, &app.group, &Wanted::default()).await;
    let mut wait = async |until: WaitUntil| {
        sqlx::query!("update prospecting_jobs set due_at = now()")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query!("update lanes set parked = false, next_turn_at = now()")
            .execute(&mut connection)
            .await
            .unwrap();
        let lease = by_hand::try_claim(&mut connection, 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(lease.job, job);
        let reason = Some(WaitingReason::Upstream);
        let outcome = queue::wait_job(&mut connection, &lease, reason, until).await;
        let spent = sqlx::query_scalar!(
            r#"
            select round(extract(epoch from due_at - progressed_at) / 3600)::integer as "hours!"
            from prospecting_jobs
            "#
        );
        (
            outcome.unwrap(),
            spent.fetch_one(&mut connection).await.unwrap(),
        )
    };
    let failed = wait(WaitUntil::After(Duration::ZERO)).await;
    assert_eq!(failed, (WaitOutcome::Waiting, 0));
    let rested = wait(WaitUntil::AccountFree(100 * HOUR)).await;
    assert_eq!(rested, (WaitOutcome::Waiting, 0));
    // The wait was cut short here, so the failure seems to lie ahead: it is moved where it belongs.
    let mut connection = app.connect().await;
    sqlx::query!("update prospecting_jobs set progressed_at = now() - interval '23 hours'")
        .execute(&mut connection)
        .await
        .unwrap();
    let rested = wait(WaitUntil::AccountFree(2 * HOUR)).await;
    assert_eq!(rested, (WaitOutcome::Waiting, 23));
    sqlx::query!("update prospecting_jobs set progressed_at = now() - interval '25 hours'")
        .execute(&mut connection)
        .await
        .unwrap();
    let rested = wait(WaitUntil::AccountFree(HOUR)).await;
    assert_eq!(rested, (WaitOutcome::Waiting, 25));
    sqlx::query!("update prospecting_jobs set progressed_at = now() - interval '25 hours'")
        .execute(&mut connection)
        .await
        .unwrap();
    let failed = wait(WaitUntil::After(Duration::ZERO)).await.0;
    assert_eq!(failed, WaitOutcome::OutOfPatience);
}
