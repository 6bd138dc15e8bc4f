//! The server as its clients see it.

use std::collections::HashSet;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

mod finder;
mod linkedin;
mod population;
mod search;
mod server;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()["data"].as_array().unwrap().clone()
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("x-api-key", "k")
        .header("x-key", "k")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

async fn get(router: &Router, path: &str) -> Answer {
    send(router, request("GET", path, "")).await
}

async fn post(router: &Router, path: &str, body: Value) -> Answer {
    send(router, request("POST", path, body.to_string())).await
}

async fn search(router: &Router, keywords: &str, window: &str) -> Answer {
    let query: String = url::form_urlencoded::byte_serialize(keywords.as_bytes()).collect();
    let url = format!("https://www.linkedin.com/search/results/people/?keywords={query}&origin=X");
    let path = format!("/v2/acc_x/linkedin/search?{window}");
    post(router, &path, json!({"url": url})).await
}

/// All rows of a list, page by page by offset.
async fn walk(router: &Router, path: &str, body: Value, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let window = format!("{path}?limit={limit}&offset={}", rows.len());
        let answer = post(router, &window, body.clone()).await;
        assert!(answer.json().get("next_cursor").is_none());
        let page = answer.rows();
        if page.is_empty() {
            assert_eq!(answer.json()["total_count"], rows.len());
            return rows;
        }
        assert!(page.len() <= limit);
        rows.extend(page);
    }
}

fn different(rows: &[Value], key: &str) -> HashSet<String> {
    let values = rows.iter().filter_map(|row| row[key].as_str());
    values.map(str::to_owned).collect()
}
