//! The reference page and what it loads.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tokio::task::spawn_blocking;
use tower::ServiceExt;

use crate::support::app::TestApp;
use crate::support::binary::Serving;
use crate::support::browser::Browser;
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
        "/docs/index.html?v=2",
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

#[tokio::test]
async fn a_browser_shows_the_start_with_its_fields_and_examples_and_asks_this_service_alone() {
    let app = TestApp::start().await;
    let serving = Serving::start(&app.database).await;
    let service = format!("http://{}", serving.address);
    let Some(mut browser) = spawn_blocking(Browser::start).await.unwrap() else {
        println!("skipped: this machine has no Chromium and no Chrome");
        return;
    };
    let address = service.clone();
    let browser = spawn_blocking(move || {
        read_about_the_start(&mut browser, &address);
        browser
    });
    let requests = browser.await.unwrap().requests.clone();
    for path in ["/docs", "/docs/swagger-ui-bundle.js", "/openapi.yaml"] {
        assert!(
            requests
                .iter()
                .any(|sent| sent.split('#').next() == Some(&format!("{service}{path}"))),
            "{path} is not among {requests:?}"
        );
    }
    let elsewhere =
        |sent: &&String| !sent.starts_with(&format!("{service}/")) && !sent.starts_with("data:");
    let elsewhere: Vec<&String> = requests.iter().filter(elsewhere).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

/// Opens the start on the page, and looks for its fields and examples.
fn read_about_the_start(browser: &mut Browser, service: &str) {
    browser.go_to(&format!(
        "{service}/docs#/prospecting/start_prospecting_job"
    ));
    let start = "document.getElementById('operations-prospecting-start_prospecting_job')";
    let body = format!("{start}?.querySelector('.opblock-section-request-body')");
    browser.wait_until(&format!(
        "{body}?.querySelector('.model-example') instanceof Element"
    ));
    let shown = |browser: &mut Browser| {
        let text = browser.evaluate(&format!("{start}.innerText"));
        text.as_str().unwrap().to_owned()
    };
    let text = shown(browser);
    for shown in [
        "Start a prospecting job",
        "/v1/accounts/{accountGroupId}/prospecting",
        "Idempotency-Key",
        "INSUFFICIENT_CREDITS",
        "https://www.linkedin.com/search/results/people/?keywords=head%20of%20sales",
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    let document = OpenApi::get().document();
    let operation = &document["paths"]["/v1/accounts/{accountGroupId}/prospecting"]["post"];
    let content = &operation["requestBody"]["content"]["application/json"];
    for example in content["examples"].as_object().unwrap().values() {
        let summary = example["summary"].as_str().unwrap();
        assert!(text.contains(summary), "{summary} is not in {text}");
    }

    // The tab beside the examples, and in it the fields of every source.
    browser.evaluate(&format!(
        "[...{body}.querySelectorAll('[role=tab]')].find(tab => tab.innerText === 'Schema').click()"
    ));
    browser.wait_until(&format!(
        "[...{body}.querySelectorAll('button')].some(button => button.innerText === 'Expand all')"
    ));
    browser.evaluate(&format!(
        "[...{body}.querySelectorAll('button')].find(button => button.innerText === 'Expand all').click()"
    ));
    browser.wait_until(&format!("{body}.innerText.includes('savedSearchId')"));
    let text = shown(browser);
    for field in [
        "source",
        "searchUrl",
        "savedSearchId",
        "leadListId",
        "postUrl",
        "urls",
        "maxResults",
        "searchEmails",
        "duplicates",
        "metadata",
    ] {
        assert!(text.contains(field), "{field} is not in {text}");
    }
}
