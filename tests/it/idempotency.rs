//! The idempotency key: one job for one request, however often and simultaneously it is sent.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::request_as;
use crate::support::stored::Stored;

const SIMULTANEOUS: usize = 50;
/// From the second on, connections and statements are warm, and the requests closer together.
const ROUNDS: usize = 4;

/// Sends one start for each body at the same moment, all with one key.
async fn post_all_at_once(app: &Arc<TestApp>, bodies: Vec<Value>, key: &str) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(bodies.len()));
    let mut clients = JoinSet::new();
    for body in bodies {
        let (app, barrier, key) = (Arc::clone(app), Arc::clone(&barrier), key.to_owned());
        clients.spawn(async move {
            barrier.wait().await;
            app.post_job_with_key(&body, &key).await
        });
    }
    clients.join_all().await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn a_replay_is_a_202_while_the_job_has_work_to_do_and_a_200_afterwards() {
    let app = TestApp::start().await;
    let body = search("results-30", 100);
    let first = app.post_job_with_key(&body, "k").await.expect_status(202);
    assert!(!is_replay(&first));
    let queued = app.post_job_with_key(&body, "k").await.expect_status(202);
    assert!(is_replay(&queued));
    assert_eq!(queued.data(), first.data());
    assert_eq!(queued.header("location"), first.header("location"));

    app.run_jobs_until_idle().await;
    let ended = app.post_job_with_key(&body, "k").await.expect_status(200);
    assert!(is_replay(&ended));
    assert_eq!(ended.data()["status"], "completed");
    assert_eq!(ended.data()["jobId"], first.data()["jobId"]);
    assert_eq!(ended.data()["createdAt"], first.data()["createdAt"]);
    let expected = Stored {
        jobs: 1,
        reserved: 0,
    };
    assert_eq!(app.stored().await, expected);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict() {
    let app = TestApp::start().await;
    let body = search("a", 100);
    app.post_job_with_key(&body, "k").await.expect_status(202);
    let change = |field: &str, value: Value| {
        let mut changed = body.clone();
        changed[field] = value;
        changed
    };
    for other in [
        search("b", 100),
        change("maxResults", json!(99)),
        change("searchEmails", json!(true)),
        change("duplicates", json!("skip")),
        change("metadata", json!({"order": "17"})),
        json!({"source": "sales_navigator", "leadListId": "50000009"}),
    ] {
        let answer = app.post_job_with_key(&other, "k").await;
        assert_eq!(
            (answer.status, answer.code()),
            (409, "IDEMPOTENCY_CONFLICT"),
            "{other}"
        );
    }
    // Keys are taken as they are.
    app.post_job_with_key(&body, "K").await.expect_status(202);
    let expected = Stored {
        jobs: 2,
        reserved: 200,
    };
    assert_eq!(app.stored().await, expected);
}

#[tokio::test]
async fn equivalent_spellings_of_a_request_replay() {
    let app = TestApp::start().await;
    let url = "https://www.linkedin.com/search/results/people/?keywords=plant";
    let first = app
        .post_job_with_key(&json!({"source": "linkedin_search", "searchUrl": url, "metadata": {"a": "1", "b": "2"}}), "k")
        .await
        .expect_status(202);
    for same in [
        format!(
            r#"{{"metadata":{{"b":"2","a":"1"}},"searchUrl":"{url}","source":"linkedin_search"}}"#
        ),
        format!(
            r#" {{"source":"linkedin_search","searchUrl":"\t{}\n","maxResults":1e2,"searchEmails":false,
                "duplicates":"count","urls":null,"metadata":{{"\u0061":"1","b":"2"}}}} "#,
            &url["https://".len()..]
        ),
    ] {
        let answer = app.post_raw(same.clone(), Some("k")).await;
        assert!(is_replay(&answer), "{same}: {:#}", answer.body);
        assert_eq!(answer.data(), first.data());
    }

    let uploaded = app
        .post_job_with_key(
            &json!({"source": "url_upload", "urls": ["linkedin.com/in/ada", "linkedin.com/in/bo"]}),
            "urls",
        )
        .await
        .expect_status(202);
    let reordered = json!({
        "source": "url_upload", "maxResults": 7,
        "urls": ["https://fr.linkedin.com/in/BO/?trk=x", "linkedin.com/in/ada", "linkedin.com/in/bo"],
    });
    let answer = app.post_job_with_key(&reordered, "urls").await;
    assert!(is_replay(&answer), "{:#}", answer.body);
    assert_eq!(answer.data(), uploaded.data());
    assert_eq!(app.stored().await.jobs, 2);
}

#[tokio::test]
async fn a_key_of_other_bytes_is_refused_and_leaves_no_trace() {
    let app = TestApp::start().await;
    let longest = "k".repeat(255);
    let too_long = "k".repeat(256);
    let cases: [&[&[u8]]; 7] = [
        &[b""],
        &[b"a", b"a"],
        &[too_long.as_bytes()],
        &[b"a b"],
        &[b"a\tb"],
        &["é".as_bytes()],
        &[b"\xff"],
    ];
    for values in cases {
        let mut request = app
            .request("POST", &app.path("prospecting"))
            .header("Content-Type", "application/json");
        for value in values {
            request = request.header("Idempotency-Key", HeaderValue::from_bytes(value).unwrap());
        }
        let body = search("a", 10).to_string();
        let answer = app.send(request.body(body.into()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{values:?}"
        );
        assert_eq!(
            answer.body["error"]["fields"][0]["field"],
            "Idempotency-Key"
        );
    }
    app.assert_nothing_stored().await;
    for key in [longest.as_str(), "!~\"',;"] {
        app.post_job_with_key(&search("a", 10), key)
            .await
            .expect_status(202);
    }
}

#[tokio::test]
async fn a_refused_request_leaves_no_trace_of_its_key() {
    let app = TestApp::start().await;
    app.post_job_with_key(&search("a", 0), "k")
        .await
        .expect_status(400);
    app.set_plan_and_account("starter", None).await;
    app.post_job_with_key(&search("b", 10), "k")
        .await
        .expect_status(409);
    app.set_plan_and_account("starter", Some("acc_01test"))
        .await;
    app.assert_nothing_stored().await;
    let started = app
        .post_job_with_key(&search("c", 10), "k")
        .await
        .expect_status(202);
    assert!(!is_replay(&started));
}

#[tokio::test]
async fn a_replay_does_not_depend_on_what_a_new_job_would_need() {
    let app = TestApp::start().await;
    let body = search("a", 1_000);
    let first = app.post_job_with_key(&body, "k").await.expect_status(202);
    let before = app.stored().await;

    // One after the other, so that each next hindrance would be met first.
    app.use_up_credits().await;
    for (step, hindered) in [
        (None, (402, "INSUFFICIENT_CREDITS")),
        (Some("quota"), (429, "QUOTA_EXHAUSTED")),
        (
            Some("plan and disconnected account"),
            (409, "LINKEDIN_NOT_CONNECTED"),
        ),
        (Some("no account"), (409, "LINKEDIN_NOT_CONNECTED")),
        (Some("unreachable"), (502, "UPSTREAM_ERROR")),
        (Some("paused"), (409, "ACCOUNT_GROUP_PAUSED")),
    ] {
        match step {
            Some("quota") => app.use_up_quota("LINKEDIN_CLASSIC").await,
            Some("plan and disconnected account") => {
                app.set_plan_and_account("tester", Some("acc_disconnected"))
                    .await;
            }
            Some("no account") => app.set_plan_and_account("tester", None).await,
            Some("unreachable") => {
                app.set_plan_and_account("tester", Some("acc_unreachable"))
                    .await
            }
            Some(_) => app.pause().await,
            None => {}
        }
        let new = app.post_job_with_key(&body, "new").await;
        assert_eq!((new.status, new.code()), hindered, "{step:?}");
        let replay = app.post_job_with_key(&body, "k").await.expect_status(202);
        assert!(is_replay(&replay), "{step:?}");
        assert_eq!(replay.data(), first.data(), "{step:?}");
        let conflict = app.post_job_with_key(&search("b", 1), "k").await;
        assert_eq!(conflict.code(), "IDEMPOTENCY_CONFLICT", "{step:?}");
    }
    assert_eq!(app.stored().await, before);
}

#[tokio::test]
async fn a_key_belongs_to_its_account_group() {
    let app = TestApp::start().await;
    let (other, other_key) = app.another_group(&Setup::default()).await;
    let body = search("a", 10);
    let first = app.post_job_with_key(&body, "k").await.expect_status(202);
    let request = request_as(
        &other_key,
        "POST",
        &format!("/v1/accounts/{other}/prospecting"),
    )
    .header("Content-Type", "application/json")
    .header("Idempotency-Key", "k");
    let second = app
        .send(request.body(body.to_string().into()).unwrap())
        .await;
    assert!(!is_replay(&second));
    assert_ne!(second.expect_status(202).job_id(), first.job_id());
    assert_eq!(app.stored().await.jobs, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_requests_with_one_key_make_one_job() {
    let app = Arc::new(TestApp::start().await);
    for round in 1..=ROUNDS {
        let bodies = vec![search("a", 100); SIMULTANEOUS];
        let answers = post_all_at_once(&app, bodies, &format!("k{round}")).await;
        let jobs: HashSet<String> = answers
            .iter()
            .map(|answer| answer.clone().expect_status(202).job_id().to_string())
            .collect();
        assert_eq!(jobs.len(), 1);
        let created = answers.iter().filter(|answer| !is_replay(answer)).count();
        assert_eq!(created, 1, "all others are replays");
        let rounds = i64::try_from(round).unwrap();
        let expected = Stored {
            jobs: rounds,
            reserved: 100 * rounds,
        };
        assert_eq!(app.stored().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_simultaneous_requests_with_one_key_one_wins_and_the_other_conflicts() {
    let app = Arc::new(TestApp::start().await);
    let bodies = [search("a", 100), search("b", 300)];
    for round in 1..=ROUNDS {
        let before = app.stored().await;
        let all = (0..SIMULTANEOUS).map(|client| bodies[client % 2].clone());
        let answers = post_all_at_once(&app, all.collect(), &format!("k{round}")).await;
        let mut outcomes: BTreeMap<(u16, bool), usize> = BTreeMap::new();
        let mut jobs = HashSet::new();
        for answer in &answers {
            let outcome = (answer.status, is_replay(answer));
            *outcomes.entry(outcome).or_default() += 1;
            if answer.status == 202 {
                jobs.insert(answer.job_id());
            } else {
                assert_eq!(answer.code(), "IDEMPOTENCY_CONFLICT");
            }
        }
        let half = SIMULTANEOUS / 2;
        let expected = BTreeMap::from([
            ((202, false), 1),
            ((202, true), half - 1),
            ((409, false), half),
        ]);
        assert_eq!(outcomes, expected);
        assert_eq!(jobs.len(), 1);
        let after = app.stored().await;
        assert_eq!(after.jobs, before.jobs + 1);
        assert!(
            [100, 300].contains(&(after.reserved - before.reserved)),
            "{after:?}"
        );
    }
}
