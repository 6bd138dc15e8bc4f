//! The reference page and what it loads.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::app::TestApp;
use crate::support::openapi::OpenApi;

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    let status = head.status.as_u16();
    let checked = OpenApi::get().check_response("GET", path, status, &head.headers, &bytes);
    assert_eq!(checked, Ok(()));
    (status, head.headers, bytes)
}

#[tokio::test]
async fn the_page_loads_from_this_service_alone() {
    let app = TestApp::start().await;
    let (status, headers, page) = get(&app, "/docs", &[]).await;
    assert_eq!(status, 200);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
    assert!(!policy.contains("http") && !policy.contains("unsafe"));
    let page = String::from_utf8(page).unwrap();
    assert!(!page.contains("//"), "no other host is named");
    let loaded: Vec<&str> = page
        .split(['"'])
        .filter(|text| text.starts_with("docs/"))
        .collect();
    assert_eq!(
        loaded,
        [
            "docs/swagger-ui.css",
            "docs/swagger-ui-bundle.js",
            "docs/start.js"
        ]
    );
    for path in loaded {
        let (status, headers, body) = get(&app, &format!("/{path}"), &[]).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(body.is_ascii() || std::str::from_utf8(&body).is_ok());
    }
}

#[tokio::test]
async fn its_files_are_sent_packed_or_not_at_all_where_that_is_enough() {
    let app = TestApp::start().await;
    let path = "/docs/swagger-ui-bundle.js";
    let (_, plain, script) = get(&app, path, &[]).await;
    assert!(!plain.contains_key("content-encoding"));
    let (_, packed, gzip) = get(&app, path, &[("Accept-Encoding", "br, gzip")]).await;
    assert_eq!(packed["content-encoding"], "gzip");
    assert_eq!(packed["vary"], "accept-encoding");
    assert!(gzip.len() < script.len() / 2);
    let tag = packed["etag"].to_str().unwrap();
    assert_eq!(plain["etag"], tag);
    let (status, _, body) = get(&app, path, &[("If-None-Match", tag)]).await;
    assert_eq!((status, body.len()), (304, 0));
    let (status, ..) = get(&app, path, &[("If-None-Match", "W/\"0\"")]).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn another_file_is_an_unknown_route() {
    let app = TestApp::start().await;
    for path in [
        "/docs/",
        "/docs/index.html",
        "/docs/..%2Fopenapi.yaml",
        "/docs/a/b",
    ] {
        let answer = app
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.expect_status(404).code(), "NOT_FOUND", "{path}");
    }
}
