//! Starts that are well formed and refused for the state of things, without a trace.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::start_of_each_source;

#[tokio::test]
async fn missing_credits_are_a_402_that_says_how_many() {
    let app = TestApp::with(Setup {
        credits: 150,
        ..Setup::default()
    })
    .await;
    let mut body = search("a", 100);
    body["searchEmails"] = json!(true);
    let answer = app
        .post_job_with_key(&body, "too-dear")
        .await
        .expect_status(402);
    assert_eq!(answer.code(), "INSUFFICIENT_CREDITS");
    let details = answer.body["error"]["details"].as_str().unwrap();
    assert!(
        details.contains("200") && details.contains("150"),
        "{details}"
    );
    app.assert_nothing_stored().await;

    // What others hold is not available, and the key of the refused request is free.
    app.post_job_with_key(&search("b", 100), "too-dear")
        .await
        .expect_status(202);
    let answer = app.post_job(&search("c", 51)).await.expect_status(402);
    let details = answer.body["error"]["details"].as_str().unwrap();
    assert!(
        details.contains("51") && details.contains("50"),
        "{details}"
    );
    app.start_job(&search("c", 50)).await;
}

#[tokio::test]
async fn without_a_connected_account_no_source_starts() {
    for account in [None, Some("acc_disconnected")] {
        let app = TestApp::with(Setup {
            linkedin_account: account,
            ..Setup::default()
        })
        .await;
        for body in start_of_each_source() {
            let answer = app.post_job(&body).await;
            assert_eq!(
                (answer.status, answer.code()),
                (409, "LINKEDIN_NOT_CONNECTED"),
                "{account:?}"
            );
        }
        app.assert_nothing_stored().await;
    }
}

#[tokio::test]
async fn without_the_seat_only_sales_navigator_is_refused() {
    let app = TestApp::with(Setup {
        linkedin_account: Some("acc_no_sales_navigator"),
        ..Setup::default()
    })
    .await;
    for body in start_of_each_source() {
        let answer = app.post_job(&body).await;
        if body["source"] == "sales_navigator" {
            assert_eq!(
                (answer.status, answer.code()),
                (409, "SALES_NAVIGATOR_REQUIRED")
            );
        } else {
            answer.expect_status(202);
        }
    }
    assert_eq!(app.stored().await.jobs, 3);
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_502_and_nothing_is_stored() {
    let app = TestApp::with(Setup {
        linkedin_account: Some("acc_unreachable"),
        ..Setup::default()
    })
    .await;
    for body in start_of_each_source() {
        let answer = app.post_job_with_key(&body, "once").await;
        assert_eq!((answer.status, answer.code()), (502, "UPSTREAM_ERROR"));
    }
    app.assert_nothing_stored().await;
    app.set_plan_and_account("starter", Some("acc_01test"))
        .await;
    app.post_job_with_key(&search("a", 1), "once")
        .await
        .expect_status(202);
}

#[tokio::test]
async fn a_paused_account_group_starts_nothing_and_shows_what_it_has() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    app.pause().await;
    let before = app.stored().await;
    for body in start_of_each_source() {
        let answer = app.post_job(&body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (409, "ACCOUNT_GROUP_PAUSED")
        );
    }
    assert_eq!(app.stored().await, before);
    assert_eq!(app.job(&job).await["status"], "queued");
}

fn seconds_to_midnight(now: DateTime<Utc>) -> i64 {
    86_400 - now.timestamp().rem_euclid(86_400)
}

#[tokio::test]
async fn a_used_up_quota_is_a_429_until_midnight_for_its_kind_of_list_alone() {
    let app = TestApp::start().await;
    app.use_up_quota("LINKEDIN_CLASSIC").await;
    let before = Utc::now();
    let answer = app.post_job(&search("a", 10)).await.expect_status(429);
    let after = Utc::now();
    assert_eq!(answer.code(), "QUOTA_EXHAUSTED");
    let wait: i64 = answer.header("retry-after").unwrap().parse().unwrap();
    if before.date_naive() == after.date_naive() {
        let expected = seconds_to_midnight(after)..=seconds_to_midnight(before);
        assert!(expected.contains(&wait), "{wait}, not in {expected:?}");
    }
    app.assert_nothing_stored().await;
    let others: Vec<Value> = start_of_each_source().into_iter().skip(1).collect();
    for body in &others {
        app.start_job(body).await;
    }
}
