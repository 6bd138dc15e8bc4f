//! The daily quotas.

use axum::body::Body;
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::support::app::{Setup, TestApp, search};

#[tokio::test]
async fn each_kind_of_list_has_its_own_quota_and_the_classic_search_comes_unasked() {
    let mut setup = Setup::default();
    setup.quotas.linkedin_classic = 1_000;
    setup.quotas.sales_navigator = 2_500;
    setup.quotas.post_commenters = 0;
    setup.quotas.url_upload = 100;
    let app = TestApp::with(setup).await;
    let urls = ["linkedin.com/in/ada-testova", "linkedin.com/in/ben-sample"];
    app.run_job(&json!({"source": "url_upload", "urls": urls}))
        .await;
    let asked: DateTime<Utc> = Utc::now();
    for (query, list_type, quota_type, used, limit) in [
        ("", "LINKEDIN_CLASSIC", "linkedinClassicSearch", 0, 1_000),
        (
            "?listType=LINKEDIN_CLASSIC",
            "LINKEDIN_CLASSIC",
            "linkedinClassicSearch",
            0,
            1_000,
        ),
        (
            "?listType=SALES_NAVIGATOR",
            "SALES_NAVIGATOR",
            "salesNavigatorSearch",
            0,
            2_500,
        ),
        (
            "?listType=POST_COMMENTERS",
            "POST_COMMENTERS",
            "postCommenters",
            0,
            0,
        ),
        (
            "?listType=URL_UPLOAD",
            "URL_UPLOAD",
            "profileLookup",
            2,
            100,
        ),
    ] {
        let path = app.path(&format!("prospecting/quota{query}"));
        let answer = app.get(&path).await.expect_status(200);
        let quota = answer.data();
        assert_eq!(quota["listType"], list_type, "{query}");
        assert_eq!(quota["quotaType"], quota_type, "{query}");
        assert_eq!(quota["used"], used, "{query}");
        assert_eq!(quota["limit"], limit, "{query}");
        assert_eq!(quota["remaining"], limit - used, "{query}");
        assert_eq!(quota["exhausted"], limit == used, "{query}");
        let reset = quota["resetAt"].as_str().unwrap();
        assert!(reset.ends_with("T00:00:00.000Z"), "{reset}");
        let wait = reset.parse::<DateTime<Utc>>().unwrap() - asked;
        assert!((0..=86_400).contains(&wait.num_seconds()), "{wait}");
    }
}

#[tokio::test]
async fn a_quota_counts_what_was_fetched_and_never_falls_below_zero() {
    let mut setup = Setup::default();
    setup.quotas.linkedin_classic = 40;
    let app = TestApp::with(setup).await;
    app.start_job(&search("results-60", 100)).await;
    app.run_jobs_until_idle().await;
    let path = app.path("prospecting/quota");
    let quota = app.get(&path).await.expect_status(200);
    assert_eq!(
        (&quota.data()["used"], &quota.data()["remaining"]),
        (&json!(40), &json!(0))
    );
    let mut connection = app.connect().await;
    sqlx::query!("update quota_usage set used = 55")
        .execute(&mut connection)
        .await
        .unwrap();
    let quota = app.get(&path).await.expect_status(200);
    assert_eq!(
        (&quota.data()["used"], &quota.data()["remaining"]),
        (&json!(55), &json!(0))
    );
    assert_eq!(quota.data()["exhausted"], true);
    // Yesterday's use is no longer counted.
    sqlx::query!("update quota_usage set day = day - 1")
        .execute(&mut connection)
        .await
        .unwrap();
    let quota = app.get(&path).await.expect_status(200);
    assert_eq!(quota.data()["remaining"], 40);
}

#[tokio::test]
async fn an_unknown_kind_of_list_is_named_and_another_method_is_a_405() {
    let app = TestApp::start().await;
    for query in ["LINKEDIN", "linkedin_classic", ""] {
        let path = app.path(&format!("prospecting/quota?listType={query}"));
        let answer = app.get(&path).await.expect_status(400);
        assert_eq!(answer.field(), "listType", "{query}");
    }
    for (method, rest, allow) in [
        ("POST", "prospecting/quota", "GET,HEAD"),
        ("DELETE", "prospecting/quota", "GET,HEAD"),
        ("GET", "prospecting/estimate", "POST"),
    ] {
        let request = app.request(method, &app.path(rest));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("allow"), Some(allow), "{method} {rest}");
        answer.expect_status(405);
    }
}
