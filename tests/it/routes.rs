//! The routes as a whole: the document's, no others, and those that need no key.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use prospector::http::router::{Access, ROUTES};

use crate::support::app::{TestApp, search};
use crate::support::openapi::{OpenApi, Operation};

fn concrete(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| {
        let is_parameter = part.starts_with('{');
        if is_parameter {
            "507f1f77bcf86cd799439011"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn ask(app: &TestApp, method: &str, path: &str) -> crate::support::answer::Answer {
    let request = Request::builder().method(method).uri(path);
    app.send(request.body(Body::empty()).unwrap()).await
}

#[test]
fn the_routes_are_those_of_the_document_and_no_others() {
    let documented: BTreeSet<Operation> = OpenApi::get().operations().into_iter().collect();
    let served: BTreeSet<Operation> = ROUTES
        .iter()
        .map(|route| Operation {
            method: route.method.to_string(),
            template: route.pattern.to_owned(),
        })
        .collect();
    assert_eq!(served, documented);
    assert_eq!(served.len(), ROUTES.len(), "no route twice");
}

#[test]
fn the_document_says_of_each_route_whether_it_needs_a_key() {
    for route in &ROUTES {
        let operation = &OpenApi::get().document()["paths"][route.pattern]
            [route.method.as_str().to_lowercase()];
        let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(is_open, route.access == Access::Open, "{}", route.pattern);
    }
}

#[tokio::test]
async fn an_unknown_route_is_a_404_in_the_envelope() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/accounts",
        "/healthz/",
        "/Healthz",
        "/openapi.json",
        "/%FF",
        "/v1/accounts/x/y/z/a/b",
        &format!("{}/", app.path("credits")),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = ask(&app, method, path).await;
            assert_eq!(
                (answer.status, answer.code()),
                (404, "NOT_FOUND"),
                "{method} {path}"
            );
            assert_eq!(answer.body["success"], false);
            assert_eq!(answer.header("x-sandbox"), Some("true"));
        }
    }
}

#[tokio::test]
async fn a_method_that_the_route_does_not_know_is_a_405_that_lists_those_it_knows() {
    let app = TestApp::start().await;
    for route in &ROUTES {
        let path = concrete(route.pattern);
        let of_path = ROUTES.iter().filter(|other| other.pattern == route.pattern);
        let mut known: BTreeSet<&str> = of_path.map(|route| route.method.as_str()).collect();
        if known.contains("GET") {
            known.insert("HEAD");
        }
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW",
        ] {
            if known.contains(method) || method == "HEAD" {
                continue;
            }
            let answer = ask(&app, method, &path).await;
            assert_eq!(
                (answer.status, answer.code()),
                (405, "METHOD_NOT_ALLOWED"),
                "{method} {path}"
            );
            let allow = answer.header("allow").unwrap();
            let allowed: BTreeSet<&str> = allow.split(',').map(str::trim).collect();
            assert_eq!(allowed, known, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_service_routes_answer_without_a_key() {
    let app = TestApp::start().await;
    assert_eq!(
        ask(&app, "GET", "/healthz").await.expect_status(200).data()["status"],
        "ok"
    );
    assert_eq!(
        ask(&app, "GET", "/readyz").await.expect_status(200).data()["status"],
        "ready"
    );
    let request = Request::get("/openapi.yaml").body(Body::empty()).unwrap();
    let document = app.send(request).await.expect_status(200);
    assert_eq!(document.header("content-type"), Some("application/yaml"));
}

#[tokio::test]
async fn a_database_without_its_migrations_is_alive_and_not_ready() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let undo =
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::raw_sql(undo).execute(&mut connection).await.unwrap();
    let answer = ask(&app, "GET", "/readyz").await;
    assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"));
    assert!(answer.header("retry-after").is_some());
    ask(&app, "GET", "/healthz").await.expect_status(200);
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.yaml",
        &app.path("credits"),
        &app.path(&format!("prospecting/{job}")),
        &app.path(&format!("prospecting/{job}/prospects")),
    ] {
        let get = app.get(path).await.expect_status(200);
        let head = app.request("HEAD", path).body(Body::empty()).unwrap();
        let head = app.send(head).await.expect_status(200);
        for name in [
            "content-type",
            "content-length",
            "etag",
            "ratelimit-policy",
            "cache-control",
        ] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}
