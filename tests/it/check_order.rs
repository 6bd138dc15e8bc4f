//! In which order a request is checked, and requests that are odd in their very bytes.

use axum::body::Body;
use axum::http::Request;
use prospector::domain::permission::Permission;
use prospector::http::body::BODY_BYTES_MAX;

use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::request_as;
use crate::support::socket::exchange;

#[tokio::test]
async fn a_request_with_several_faults_is_told_the_first_in_the_contracts_order() {
    let app = TestApp::start().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let reader = app.key_with(&[Permission::ProspectingRead]).await;
    let start = app.path("prospecting");
    let start_of = |group: &str| format!("/v1/accounts/{group}/prospecting");
    let too_long = (BODY_BYTES_MAX + 1).to_string();
    let bare = |method: &str, path: &str| Request::builder().method(method).uri(path);
    let as_reader = |path: &str| request_as(&reader, "POST", path);

    let cases = [
        (
            "no route",
            bare("POST", "/v1/x").header("Content-Length", &too_long),
            404,
        ),
        (
            "no method",
            bare("PATCH", &start).header("Content-Length", &too_long),
            405,
        ),
        (
            "size before key",
            bare("POST", &start).header("Content-Length", &too_long),
            413,
        ),
        ("key before path", bare("POST", &start_of("x")), 401),
        ("path before group", as_reader(&start_of("x")), 400),
        ("permission before body", as_reader(&start), 403),
        (
            "permission before header",
            as_reader(&start).header("Idempotency-Key", ""),
            403,
        ),
        (
            "permission before query",
            as_reader(&format!("{start}?x=1")),
            403,
        ),
        (
            "group before body",
            app.request("POST", &start_of(other.as_str())),
            403,
        ),
    ];
    for (name, request, status) in cases {
        let request = request.header("Content-Type", "text/plain");
        let answer = app.send(request.body(Body::from("{")).unwrap()).await;
        assert_eq!(answer.status, status, "{name}: {:#}", answer.body);
    }
    let answer = app
        .send(
            as_reader(&start_of(other.as_str()))
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .expect_status(403);
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("account group"),
        "group before permission: {message}"
    );
    app.assert_nothing_stored().await;
}

#[tokio::test]
async fn new_work_is_refused_for_state_before_quota_before_credits() {
    let app = TestApp::with(Setup {
        credits: 10,
        ..Setup::default()
    })
    .await;
    let body = search("a", 100);
    app.post_job_with_key(&search("b", 1), "k")
        .await
        .expect_status(202);
    assert_eq!(app.post_job(&body).await.code(), "INSUFFICIENT_CREDITS");
    app.use_up_quota("LINKEDIN_CLASSIC").await;
    assert_eq!(app.post_job(&body).await.code(), "QUOTA_EXHAUSTED");
    app.pause().await;
    assert_eq!(app.post_job(&body).await.code(), "ACCOUNT_GROUP_PAUSED");
    assert_eq!(
        app.post_job_with_key(&body, "k").await.code(),
        "IDEMPOTENCY_CONFLICT"
    );
    let invalid = app.post_job_with_key(&search("a", 0), "k").await;
    assert_eq!(invalid.code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn ids_of_any_other_form_are_a_400_that_names_them() {
    let app = TestApp::start().await;
    let upper = app.group.as_str().to_uppercase();
    let longer = format!("{}0", app.group);
    for wrong in [
        "%00",
        "%F0%9F%A6%80",
        "%FF",
        "x",
        "%2F",
        "..%2f",
        &longer,
        &upper[..23],
    ] {
        let answer = app.get(&format!("/v1/accounts/{wrong}/credits")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{wrong}"
        );
        assert_eq!(
            answer.body["error"]["fields"][0]["field"], "accountGroupId",
            "{wrong}"
        );
        for rest in ["", "/prospects"] {
            let answer = app
                .get(&app.path(&format!("prospecting/{wrong}{rest}")))
                .await;
            assert_eq!(
                (answer.status, answer.code()),
                (400, "VALIDATION_ERROR"),
                "{wrong}"
            );
            assert_eq!(
                answer.body["error"]["fields"][0]["field"], "jobId",
                "{wrong}"
            );
        }
    }
}

#[tokio::test]
async fn bytes_that_no_client_library_sends_do_no_harm() {
    let app = TestApp::start().await;
    let listening = app.listen().await;
    let (path, key) = (app.path("credits"), app.key.reveal());
    let request = |path: &[u8], header: &[u8]| {
        let parts: [&[u8]; 5] = [
            b"GET ",
            path,
            b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            header,
            b"\r\n\r\n",
        ];
        parts.concat()
    };
    let good = request(
        path.as_bytes(),
        format!("authorization: Bearer {key}").as_bytes(),
    );
    let long = format!("x-api-key: sk_test_{}", "A".repeat(10_240));
    for (bytes, status) in [
        (
            request(path.as_bytes(), b"authorization: Bearer sk_test_\0\0"),
            400,
        ),
        (request(path.as_bytes(), b"x-api-key: \0"), 400),
        (
            request(path.as_bytes(), b"authorization: Bearer \xff\xfe"),
            401,
        ),
        (request(path.as_bytes(), long.as_bytes()), 401),
        (request(b"/v1/accounts/\0/credits", b"x: y"), 400),
        (
            request(
                "/v1/accounts/🦀/credits".as_bytes(),
                format!("x-api-key: {key}").as_bytes(),
            ),
            400,
        ),
        (
            request(
                b"/v1/accounts/\xff\xfe/credits",
                format!("x-api-key: {key}").as_bytes(),
            ),
            400,
        ),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let answer = exchange(listening.address, bytes).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown}: {answer}"
        );
        let answer = exchange(listening.address, good.clone()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "after {shown}: {answer}"
        );
    }
}
