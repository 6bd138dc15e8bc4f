//! What a start would come to.

use axum::body::Body;
use prospector::domain::plan::Plan;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};

impl TestApp {
    async fn estimate(&self, body: impl Into<Body>) -> Answer {
        let request = self
            .request("POST", &self.path("prospecting/estimate"))
            .header("Content-Type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn estimate_of(&self, body: &Value) -> Value {
        let answer = self.estimate(body.to_string()).await;
        answer.expect_status(200).data().clone()
    }

    async fn jobs_stored(&self) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query_scalar!(r#"select count(*) as "count!" from prospecting_jobs"#)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_estimate_says_what_a_start_then_does_and_stores_nothing() {
    let app = TestApp::start().await;
    let mut capped = search("a", 2_500);
    capped["searchEmails"] = json!(true);
    let urls = [
        "linkedin.com/in/a-b",
        "LINKEDIN.com/in/A-B/",
        "linkedin.com/in/c",
    ];
    let plain = json!({"source": "post_commenters", "postUrl":
        "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/"});
    for (body, max_results, is_capped, distinct_urls, needed, list_type) in [
        (capped, 1_000, true, Value::Null, 2_000, "LINKEDIN_CLASSIC"),
        (
            json!({"source": "url_upload", "urls": urls, "maxResults": 1}),
            2,
            false,
            json!(2),
            2,
            "URL_UPLOAD",
        ),
        (plain, 100, false, Value::Null, 100, "POST_COMMENTERS"),
    ] {
        let before = app.credits().await;
        let estimate = app.estimate_of(&body).await;
        assert_eq!(
            estimate,
            json!({
                "maxResults": max_results,
                "maxResultsCappedByPlan": is_capped,
                "distinctUrls": distinct_urls,
                "credits": {"needed": needed, "available": before["available"], "sufficient": true},
                "quota": {"listType": list_type, "remaining": 100_000, "exhausted": false},
                "days": 1,
                "linkedinConnected": true,
            })
        );
        assert_eq!(app.credits().await, before, "nothing is reserved");
        let jobs = app.jobs_stored().await;
        let job = app.start_job(&body).await;
        assert_eq!(app.jobs_stored().await, jobs + 1);
        let status = app.job(&job).await;
        assert_eq!(status["maxResults"], max_results);
        assert_eq!(status["credits"]["reserved"], needed);
    }
}

#[tokio::test]
async fn what_would_refuse_a_start_is_part_of_the_answer() {
    let mut setup = Setup {
        plan: Plan::Tester,
        credits: 99,
        linkedin_account: Some("acc_disconnected"),
        ..Setup::default()
    };
    setup.quotas.linkedin_classic = 0;
    let app = TestApp::with(setup).await;
    let estimate = app.estimate_of(&search("a", 100)).await;
    assert_eq!(
        estimate,
        json!({
            "maxResults": 100,
            "maxResultsCappedByPlan": false,
            "distinctUrls": null,
            "credits": {"needed": 100, "available": 99, "sufficient": false},
            "quota": {"listType": "LINKEDIN_CLASSIC", "remaining": 0, "exhausted": true},
            "days": null,
            "linkedinConnected": false,
        })
    );
    let exact = app.estimate_of(&search("a", 99)).await;
    assert_eq!(exact["credits"]["sufficient"], true);

    let app = TestApp::with(Setup {
        linkedin_account: None,
        ..Setup::default()
    })
    .await;
    let estimate = app.estimate_of(&search("a", 1)).await;
    assert_eq!(estimate["linkedinConnected"], false);
}

#[tokio::test]
async fn the_days_are_those_that_the_quota_then_takes() {
    let mut setup = Setup::default();
    setup.quotas.url_upload = 100;
    let app = TestApp::with(setup).await;
    let upload = |number: u32| {
        let urls: Vec<String> = (0..number)
            .map(|number| format!("linkedin.com/in/someone-{number}"))
            .collect();
        json!({"source": "url_upload", "urls": urls})
    };
    for (profiles, days) in [(1, 1), (100, 1), (101, 2), (1_000, 10)] {
        assert_eq!(app.estimate_of(&upload(profiles)).await["days"], days);
    }
    app.run_job(&upload(1)).await;
    for (profiles, days) in [(99, 1), (100, 2), (1_000, 11)] {
        assert_eq!(app.estimate_of(&upload(profiles)).await["days"], days);
    }

    // A job of three days waits for two resets.
    let job = app.start_job(&upload(250)).await;
    let mut connection = app.connect().await;
    for fetched in [99, 199] {
        app.run_jobs_until(async || app.job(&job).await["waiting"]["reason"] == "quota")
            .await;
        assert_eq!(app.job(&job).await["counts"]["fetched"], fetched);
        for statement in [
            sqlx::query!("delete from quota_usage"),
            sqlx::query!(
                "update prospecting_jobs set due_at = now(), waiting_reason = null where status = 'queued'"
            ),
            sqlx::query!("update lanes set parked = false, next_turn_at = now()"),
        ] {
            statement.execute(&mut connection).await.unwrap();
        }
    }
    app.run_jobs_until_idle().await;
    assert_eq!(app.job(&job).await["status"], "completed");
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_a_502_as_for_a_start() {
    let app = TestApp::with(Setup {
        linkedin_account: Some("acc_unreachable"),
        ..Setup::default()
    })
    .await;
    let answer = app.estimate(search("a", 1).to_string()).await;
    assert_eq!(answer.expect_status(502).code(), "UPSTREAM_ERROR");
}

#[tokio::test]
async fn a_body_is_checked_exactly_as_that_of_a_start() {
    let app = TestApp::start().await;
    let many_urls = json!({"source": "url_upload", "urls": vec!["nope"; 130]});
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"source":"linkedin_search","source":"url_upload"}"#.to_owned(),
        json!({"source": "sales_navigator", "limt": 1, "maxResults": 0}).to_string(),
        many_urls.to_string(),
    ] {
        let start = app.post_raw(body.clone(), None).await.expect_status(400);
        let estimate = app.estimate(body.clone()).await.expect_status(400);
        assert_eq!(estimate.body["error"], start.body["error"], "{body}");
    }
    let many = app.estimate(many_urls.to_string()).await;
    let details = many.body["error"]["details"].as_str().unwrap().to_owned();
    assert!(details.ends_with(" And 110 more."), "{details}");

    let request = app.request("POST", &app.path("prospecting/estimate?dry=1"));
    let request = request.header("Content-Type", "application/json");
    let answer = app.send(request.body("{}".into()).unwrap()).await;
    let fields = answer.expect_status(400).body["error"]["fields"].clone();
    assert_eq!(
        (&fields[0]["field"], &fields[1]["field"]),
        (&json!("dry"), &json!("source"))
    );
    let plain = app.request("POST", &app.path("prospecting/estimate"));
    let answer = app.send(plain.body("{}".into()).unwrap()).await;
    answer.expect_status(415);
    assert_eq!(app.jobs_stored().await, 0);
}

#[tokio::test]
async fn an_idempotency_key_means_nothing_to_an_estimate() {
    let app = TestApp::start().await;
    app.post_job_with_key(&search("a", 10), "order-1")
        .await
        .expect_status(202);
    for key in ["order-1", "order-2", "not a key"] {
        let request = app
            .request("POST", &app.path("prospecting/estimate"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key);
        let body = search("b", 20).to_string();
        let answer = app.send(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.expect_status(200).data()["maxResults"], 20, "{key}");
    }
    app.post_job_with_key(&search("b", 20), "order-2")
        .await
        .expect_status(202);
    assert_eq!(app.jobs_stored().await, 2);
}
