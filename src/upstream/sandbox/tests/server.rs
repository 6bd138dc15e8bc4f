//! Routes that must not be, input that makes no sense, a real socket.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::upstream::sandbox::tests::{get, post, request, search, send};
use crate::upstream::sandbox::{Sandbox, router};

#[tokio::test]
async fn writes_and_unknown_routes_answer_404() {
    let router = router();
    for (method, path) in [
        ("POST", "/v2/acc_x/posts/7300000000000000060/comments"),
        ("POST", "/v2/acc_x/posts/7300000000000000060/comments/c-1"),
        (
            "POST",
            "/v2/acc_x/linkedin/sales-navigator/lead-lists/7130000000000000045/save",
        ),
        ("DELETE", "/v2/accounts/acc_x"),
        ("PATCH", "/v2/acc_x/users/me"),
        ("POST", "/v2/acc_x/chats"),
        ("GET", "/"),
        ("GET", "/v2/acc_x/linkedin/search"),
        ("GET", "/enrich-person"),
    ] {
        let answer = send(&router, request(method, path, "{}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(answer.kind(), "api/resource_not_found");
        assert!(answer.json()["req_id"].is_string());
    }
    let path = "/v2/acc_x/linkedin/sales-navigator/search/people";
    let saving = json!({"save_search": {"name": "x"}, "load_saved_search": {"id": "52310060"}});
    assert_eq!(
        post(&router, path, saving).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_call_needs_a_key_and_an_account() {
    let router = router();
    for path in ["/v2/acc_x/users/me", "/v2/accounts/acc_x"] {
        let mut keyless = request("GET", path, "");
        keyless.headers_mut().remove("x-api-key");
        let answer = send(&router, keyless).await;
        assert_eq!(
            (answer.status.as_u16(), answer.kind().as_str()),
            (401, "api/missing_authorization")
        );
    }
    let answer = get(&router, "/v2/x/users/me").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "api/invalid_parameters")
    );
}

#[tokio::test]
async fn odd_windows_are_refused_or_cut() {
    let router = router();
    for window in [
        "limit=0",
        "limit=-1",
        "limit=x",
        "offset=99999999999",
        "offset=-1",
        "cursor=x",
    ] {
        let answer = search(&router, "w", window).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{window}");
    }
    let rows = search(&router, "w results-200", "limit=4000").await.rows();
    assert_eq!(rows.len(), 100);
    let past_the_end = search(&router, "w", "offset=4294967295&limit=100").await;
    assert!(past_the_end.rows().is_empty());
}

#[tokio::test]
async fn odd_bodies_do_no_harm() {
    let router = router();
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        r#"{"url":7}"#,
        r#"{"url":""}"#,
        r#"{"url":"https://evil.example/search"}"#,
        r#"{"url":"https://www.linkedin.com/search/results/people/?keywords=%FF%00"}"#,
        r#"{"url":"https://www.linkedin.com/sales/search/people?query=keywords:%25FF%29"}"#,
        r#"{"lead_list":{"include":["x"]}}"#,
        r#"{"load_saved_search":{"id":"é"}}"#,
        r#"{"data":[{}]}"#,
        r#"{"data":{"linkedin_url":"linkedin.com/in/%FF"}}"#,
        r#"{"data":{"full_name":"' ' -","company_name":"é"}}"#,
        &deep,
    ];
    for path in [
        "/v2/acc_x/linkedin/search",
        "/v2/acc_x/linkedin/sales-navigator/search",
        "/v2/acc_x/linkedin/sales-navigator/search/people",
        "/v2/acc_%FF/linkedin/search",
        "/v2/acc_x/linkedin/sales-navigator/lead-lists/%F0%9F%98%80",
        "/enrich-person",
        "/bulk-enrich-person",
    ] {
        for body in bodies {
            let answer = send(&router, request("POST", path, body.to_owned())).await;
            let is_fine =
                answer.status.as_u16() < 500 || answer.status == StatusCode::NOT_IMPLEMENTED;
            assert!(is_fine, "{path} {body}");
        }
    }
    let large = json!({"url": "x".repeat(1_100_000)});
    for path in ["/v2/acc_x/linkedin/search", "/bulk-enrich-person"] {
        let answer = post(&router, path, large.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.json().is_object());
    }
}

#[tokio::test]
async fn odd_ids_do_no_harm() {
    let router = router();
    for id in [
        "%00",
        "%FF",
        "-",
        "finder-down",
        "-finder-down",
        "x--finder-down",
        "ACo",
        "ACwAA",
        "ACoAA%F0%9F%98%80",
        "%C4%B0",
        "%C3%A9-abcdef",
    ] {
        let comments = format!("/v2/acc_x/posts/{id}/comments?cursor={id}");
        for path in [format!("/v2/acc_x/users/{id}"), comments] {
            assert!(get(&router, &path).await.status.as_u16() < 500, "{path}");
        }
    }
}

#[tokio::test]
async fn it_serves_a_real_socket_until_it_is_told_to_stop() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = sandbox.local_addr();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(sandbox.run(async move { stopped.await.unwrap_or_default() }));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "GET /v2/acc_x/users/me HTTP/1.1\r\nhost: sandbox\r\nx-api-key: k\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200");
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), servers.join_next()).await;
    ended.unwrap().unwrap().unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
