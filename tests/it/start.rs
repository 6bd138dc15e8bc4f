//! Starting a job: what is accepted, and which bodies are refused without a trace.

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use prospector::domain::plan::Plan;
use prospector::http::body::BODY_BYTES_MAX;
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::start_of_each_source;
use crate::support::stored::Stored;

const SEARCH: &str = r#""source":"linkedin_search","searchUrl":"https://www.linkedin.com/search/results/people/?keywords=a""#;

fn field_names(answer: &Answer) -> Vec<&str> {
    let fields = answer.body["error"]["fields"].as_array().unwrap();
    fields
        .iter()
        .map(|field| field["field"].as_str().unwrap())
        .collect()
}

impl TestApp {
    async fn post_as(&self, content_type: &[&str], body: impl Into<Body>) -> Answer {
        let mut request = self.request("POST", &self.path("prospecting"));
        for value in content_type {
            request = request.header("Content-Type", *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }
}

/// A body without an announced length, in two parts.
fn chunked(bytes: usize) -> Body {
    let half = Bytes::from(vec![b' '; bytes / 2]);
    let rest = Bytes::from(vec![b' '; bytes - half.len()]);
    Body::from_stream(stream::iter([Ok::<_, std::io::Error>(half), Ok(rest)]))
}

#[tokio::test]
async fn every_source_is_accepted_and_its_job_can_be_read_where_location_says() {
    let app = TestApp::start().await;
    for (index, body) in start_of_each_source().iter().enumerate() {
        let started = app.post_job(body).await.expect_status(202);
        assert_eq!(started.data()["status"], "queued");
        assert_eq!(started.header("idempotent-replayed"), None);
        assert_eq!(started.header("x-sandbox"), Some("true"));
        let location = started.header("location").unwrap();
        assert_eq!(
            location,
            app.path(&format!("prospecting/{}", started.job_id()))
        );
        let job = app.get(location).await.expect_status(200);
        assert_eq!(job.header("etag"), Some(r#"W/"1""#));
        assert_eq!(job.data()["jobId"], started.data()["jobId"]);
        assert_eq!(job.data()["createdAt"], started.data()["createdAt"]);
        assert_eq!(job.data()["source"], body["source"]);
        assert_eq!(job.data()["status"], "queued");
        assert_eq!(
            job.data()["maxResults"],
            if index == 4 { 2 } else { 100 },
            "the default, or the distinct URLs"
        );
    }
    let expected = Stored {
        jobs: 5,
        reserved: 402,
    };
    assert_eq!(app.stored().await, expected);
}

#[tokio::test]
async fn whole_numbers_in_other_spelling_and_null_fields_are_accepted() {
    let app = TestApp::start().await;
    for (max_results, effective) in [
        ("1", 1),
        ("1e3", 1_000),
        ("5.0", 5),
        ("9007199254740991", 1_000),
        ("null", 100),
    ] {
        let body = format!(
            r#"{{{SEARCH},"maxResults":{max_results},"urls":null,"leadListId":null,"metadata":null}}"#
        );
        let job = app.post_raw(body, None).await.expect_status(202).job_id();
        assert_eq!(
            app.job(&job).await["maxResults"],
            effective,
            "{max_results}"
        );
    }
}

#[tokio::test]
async fn the_reservation_is_the_most_that_the_job_can_cost() {
    let app = TestApp::with(Setup {
        plan: Plan::Tester,
        ..Setup::default()
    })
    .await;
    let mut with_emails = search("a", 5_000);
    with_emails["searchEmails"] = json!(true);
    app.start_job(&with_emails).await;
    assert_eq!(
        app.stored().await.reserved,
        200,
        "capped by the plan, twice the price"
    );
    let urls: Vec<String> = (0..150)
        .flat_map(|n| {
            [
                format!("linkedin.com/in/p{n}"),
                format!("https://fr.linkedin.com/in/P{n}/"),
            ]
        })
        .collect();
    app.start_job(&json!({"source": "url_upload", "urls": urls, "maxResults": 3}))
        .await;
    assert_eq!(
        app.stored().await.reserved,
        200 + 150,
        "distinct profiles, no plan's cap"
    );
    let credits = json!({"plan": "tester", "balance": 10_000, "reserved": 350, "available": 9_650});
    assert_eq!(app.credits().await, credits);
}

#[tokio::test]
async fn a_body_that_cannot_be_used_is_refused_with_the_field_named() {
    let app = TestApp::start().await;
    let deep = format!(
        r#"{{{SEARCH},"metadata":{}1{}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let uploads = |count: usize| {
        json!({"source": "url_upload", "urls": vec!["linkedin.com/in/ada"; count]}).to_string()
    };
    let with = |more: &str| format!("{{{SEARCH},{more}}}");
    let cases = [
        (with(r#""maxResults":"100""#), "maxResults"),
        (with(r#""maxResults":0"#), "maxResults"),
        (with(r#""maxResults":-1"#), "maxResults"),
        (with(r#""maxResults":1.5"#), "maxResults"),
        (with(r#""maxResults":18446744073709551616"#), "maxResults"),
        (with(r#""maxResults":1e999"#), "body"),
        (with(r#""maxResults":9007199254740992"#), "maxResults"),
        (with(r#""maxResults":true"#), "maxResults"),
        (with(r#""maxResults":10,"maxResults":10"#), "maxResults"),
        (with(r#""maxResult":10"#), "maxResult"),
        (with(r#""savedSearchId":"123""#), "savedSearchId"),
        (with(r#""urls":["linkedin.com/in/a"]"#), "urls"),
        (with(r#""searchEmails":"yes""#), "searchEmails"),
        (with(r#""duplicates":"drop""#), "duplicates"),
        (with(r#""metadata":{"a":1}"#), "metadata.a"),
        (with(r#""metadata":{"a":"x","a":"x"}"#), "metadata.a"),
        (with(r#""metadata":{"a":"\u0000"}"#), "metadata.a"),
        (uploads(0), "urls"),
        (uploads(1_001), "urls"),
        (
            r#"{"source":"url_upload","urls":["linkedin.com/in/a",7]}"#.to_owned(),
            "urls[1]",
        ),
        (r#"{"source":"linkedin_search"}"#.to_owned(), "searchUrl"),
        (r#"{"source":"instagram"}"#.to_owned(), "source"),
        ("{}".to_owned(), "source"),
        ("[]".to_owned(), "body"),
        ("null".to_owned(), "body"),
        (String::new(), "body"),
        (format!("{{{SEARCH}"), "body"),
        (format!("{{{SEARCH}}}}}"), "body"),
        (deep, "body"),
        (nested, "body"),
    ];
    for (body, field) in cases {
        let answer = app.post_raw(body.clone(), None).await;
        let shown = &body[..body.len().min(200)];
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{shown}"
        );
        assert_eq!(field_names(&answer), [field], "{shown}");
        let details = answer.body["error"]["details"].as_str().unwrap();
        assert!(details.contains(field), "{details}");
    }
    app.assert_nothing_stored().await;
}

#[tokio::test]
async fn all_violations_are_reported_together() {
    let app = TestApp::start().await;
    let body = format!(r#"{{{SEARCH},"maxResults":0,"typo":1,"postUrl":"x","duplicates":7}}"#);
    let request = app
        .request("POST", &format!("{}?dry=1", app.path("prospecting")))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "");
    let answer = app.send(request.body(body.into()).unwrap()).await;
    let mut named = field_names(&answer.clone().expect_status(400))
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    named.sort();
    let expected = [
        "Idempotency-Key",
        "dry",
        "duplicates",
        "maxResults",
        "postUrl",
        "typo",
    ];
    assert_eq!(named, expected);
    app.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_sales_navigator_url_as_search_is_told_which_fields_to_use() {
    let app = TestApp::start().await;
    let answer = app
        .post_job(&json!({"source": "linkedin_search", "searchUrl": "https://www.linkedin.com/sales/search/people?query=(x)"}))
        .await
        .expect_status(400);
    let details = answer.body["error"]["details"].as_str().unwrap();
    assert!(
        details.contains("savedSearchId") && details.contains("leadListId"),
        "{details}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let app = TestApp::start().await;
    let begun = Bytes::from(format!("{{{SEARCH}}}"));
    let broken = stream::iter([
        Ok(begun),
        Err(std::io::Error::other("the client went away")),
    ]);
    let answer = app.post_raw(Body::from_stream(broken), None).await;
    assert_eq!(field_names(&answer.expect_status(400)), ["body"]);
    app.assert_nothing_stored().await;
}

#[tokio::test]
async fn another_content_type_is_a_415_with_the_code_of_a_validation_error() {
    let app = TestApp::start().await;
    let json = "application/json";
    for content_type in [
        vec![],
        vec!["text/plain"],
        vec!["application/x-www-form-urlencoded"],
        vec!["application/json; charset=latin1"],
        vec!["application/jsonx"],
        vec![json, json],
    ] {
        let answer = app.post_as(&content_type, format!("{{{SEARCH}}}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (415, "VALIDATION_ERROR"),
            "{content_type:?}"
        );
        assert_eq!(field_names(&answer), ["Content-Type"]);
    }
    app.assert_nothing_stored().await;
    for content_type in ["Application/JSON", "application/json;charset=\"UTF-8\""] {
        app.post_as(&[content_type], format!("{{{SEARCH}}}"))
            .await
            .expect_status(202);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let app = TestApp::start().await;
    let announced: Request<Body> = app
        .request("POST", &app.path("prospecting"))
        .header("Content-Type", "application/json")
        .header("Content-Length", BODY_BYTES_MAX + 1)
        .body(Body::empty())
        .unwrap();
    for answer in [
        app.send(announced).await,
        app.post_raw(chunked(BODY_BYTES_MAX + 1), None).await,
    ] {
        assert_eq!((answer.status, answer.code()), (413, "PAYLOAD_TOO_LARGE"));
    }
    app.assert_nothing_stored().await;

    let mut body = format!("{{{SEARCH}}}");
    body.push_str(&" ".repeat(BODY_BYTES_MAX - body.len()));
    app.post_raw(body, None).await.expect_status(202);
}
