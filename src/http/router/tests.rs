use axum::body::Body;
use axum::http::HeaderMap;
use tower::ServiceExt;

use super::*;
use crate::domain::api_key::{ApiKeySecret, KeyKind};
use crate::domain::id::TraceId;
use crate::http::envelope::Answer;
use crate::http::test_support::{json_of, settings, state, text_of};

const START: &str = "/v1/accounts/507f1f77bcf86cd799439011/prospecting";

struct Seen {
    status: u16,
    headers: HeaderMap,
    body: serde_json::Value,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap()
    }
}

/// Sends a request and checks what holds for every answer.
async fn send(api: Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Seen {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let headers = response.headers().clone();
    let (status, body) = json_of(response).await;
    let seen = Seen {
        status,
        headers,
        body,
    };
    let trace_id = seen.body["traceId"].as_str().unwrap();
    assert!(trace_id.parse::<TraceId>().is_ok());
    assert_eq!(seen.header("x-trace-id"), Some(trace_id));
    assert_eq!(
        seen.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    seen
}

fn whole() -> Router {
    router(state(settings()))
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_named_before_a_key_is_asked_for() {
    for path in ["/", "/v1", "/healthz/", "/%FF", "/v1/account"] {
        let seen = send(whole(), "GET", path, &[]).await;
        assert_eq!((seen.status, seen.code()), (404, "NOT_FOUND"), "{path}");
    }
    for (method, path, allow) in [
        ("PUT", START, "POST,GET,HEAD"),
        ("OPTIONS", START, "POST,GET,HEAD"),
        ("BREW", START, "POST,GET,HEAD"),
        ("POST", &format!("{START}/quota"), "GET,HEAD"),
        ("GET", &format!("{START}/estimate"), "POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("DELETE", &format!("{START}/x"), "GET,HEAD"),
    ] {
        let seen = send(whole(), method, path, &[("content-length", "9999999")]).await;
        assert_eq!(
            (seen.status, seen.code()),
            (405, "METHOD_NOT_ALLOWED"),
            "{method} {path}"
        );
        assert_eq!(seen.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn an_announced_size_is_refused_before_the_key_and_the_key_before_the_path() {
    let seen = send(whole(), "POST", START, &[("content-length", "1048577")]).await;
    assert_eq!((seen.status, seen.code()), (413, "PAYLOAD_TOO_LARGE"));
    for path in [
        START,
        "/v1/accounts/%FF/prospecting",
        "/v1/accounts/%00/prospecting",
        "/v1/accounts//prospecting",
    ] {
        let seen = send(whole(), "POST", path, &[("content-length", "1048576")]).await;
        assert_eq!((seen.status, seen.code()), (401, "UNAUTHORIZED"), "{path}");
        assert_eq!(seen.header("www-authenticate"), Some("Bearer"));
        assert_eq!(seen.header("ratelimit"), None);
    }
}

#[tokio::test]
async fn every_bad_key_gets_the_same_answer() {
    let missing = send(whole(), "POST", START, &[]).await;
    let other_kind = ApiKeySecret::new(KeyKind::Test);
    for key in ["", "sk_live_x", other_kind.reveal()] {
        let seen = send(whole(), "POST", START, &[("x-api-key", key)]).await;
        assert_eq!(
            (seen.status, &seen.body["error"]),
            (401, &missing.body["error"])
        );
    }
}

#[tokio::test]
async fn every_keyed_route_of_the_table_asks_for_a_key_and_no_other_does() {
    for route in &ROUTES {
        let id = "507f1f77bcf86cd799439011";
        let path = route
            .pattern
            .replace("{accountGroupId}", id)
            .replace("{jobId}", id)
            .replace("{file}", "start.js")
            .replace("{providerId}", id);
        let request = Request::builder().method(&route.method).uri(&path);
        let response = whole()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let is_refused = response.status() == 401;
        assert_eq!(is_refused, route.access != Access::Open, "{path}");
        assert_eq!(
            route.access != Access::Open,
            path.starts_with("/v1/"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_process_that_only_works_serves_the_service_routes_alone() {
    let mut worker = (*settings()).clone();
    worker.served_routes = ServedRoutes::ServiceOnly;
    let worker = router(state(Arc::new(worker)));
    assert_eq!(
        send(worker.clone(), "GET", "/healthz", &[]).await.status,
        200
    );
    assert_eq!(send(worker, "POST", START, &[]).await.status, 404);
}

#[tokio::test]
async fn a_process_that_is_going_down_lives_but_is_not_ready_and_ends_its_connections() {
    let settings = settings();
    let api = router(state(Arc::clone(&settings)));
    settings.draining.cancel();
    let alive = send(api.clone(), "GET", "/healthz", &[]).await;
    assert_eq!(alive.body["data"]["status"], "ok");
    assert_eq!(alive.header("connection"), Some("close"));
    let ready = send(api, "GET", "/readyz", &[]).await;
    assert_eq!((ready.status, ready.code()), (503, "UNAVAILABLE"));
    assert_eq!(ready.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn the_sandbox_says_so_on_every_answer() {
    let mut sandbox = (*settings()).clone();
    sandbox.sandbox = true;
    let api = router(state(Arc::new(sandbox)));
    for path in ["/healthz", "/nowhere", START] {
        let seen = send(api.clone(), "GET", path, &[]).await;
        assert_eq!(seen.header("x-sandbox"), Some("true"), "{path}");
    }
    assert_eq!(
        send(whole(), "GET", "/healthz", &[])
            .await
            .header("x-sandbox"),
        None
    );
}

#[tokio::test]
async fn the_contract_is_served_as_it_is_and_head_has_no_body() {
    let request = |method| Request::builder().method(method).uri("/openapi.yaml");
    let get = request("GET").body(Body::empty()).unwrap();
    let response = whole().oneshot(get).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/yaml");
    assert!(response.headers().contains_key("x-trace-id"));
    assert!(text_of(response).await.contains("openapi: 3"));
    let head = Request::head("/healthz").body(Body::empty()).unwrap();
    let response = whole().oneshot(head).await.unwrap();
    assert_ne!(response.headers()["content-length"], "0");
    assert_eq!(text_of(response).await, "");
}

#[tokio::test]
async fn panics_time_outs_and_foreign_answers_come_in_the_envelope() {
    let panic = || async {
        if std::hint::black_box(true) {
            panic!("secret of the handler");
        }
        Answer::ok(&())
    };
    let api = Router::new()
        .route("/panic", get(panic))
        .route("/stuck", get(std::future::pending::<Result<Answer, Error>>))
        .route("/foreign", get(|| async { "plain text" }));
    let api = with_layers(api, settings());
    let panicked = send(api.clone(), "GET", "/panic", &[]).await;
    assert_eq!((panicked.status, panicked.code()), (500, "INTERNAL_ERROR"));
    assert!(!panicked.body.to_string().contains("secret"));
    let stuck = send(api.clone(), "GET", "/stuck", &[]).await;
    assert_eq!((stuck.status, stuck.code()), (503, "UNAVAILABLE"));
    assert_eq!(stuck.header("retry-after"), Some("5"));
    let foreign = send(api, "GET", "/foreign", &[]).await;
    assert_eq!((foreign.status, foreign.code()), (500, "INTERNAL_ERROR"));
}

#[tokio::test]
async fn an_answer_shows_its_keys_bucket_even_when_it_comes_of_a_time_out() {
    let stuck = |request: Request| async move {
        let taken = TokenBuckets::new(600, 120).take((), std::time::Instant::now());
        let exchange: &crate::http::trace::Exchange = request.extensions().get().unwrap();
        if let crate::http::rate_limit::Taken::Yes(state) = taken {
            exchange.set_rate_limit(state);
        }
        std::future::pending::<Result<Answer, Error>>().await
    };
    let api = with_layers(Router::new().route("/stuck", get(stuck)), settings());
    let seen = send(api, "GET", "/stuck", &[]).await;
    assert_eq!(seen.status, 503);
    assert_eq!(
        seen.header("ratelimit-policy"),
        Some("\"default\";q=600;w=60")
    );
    assert_eq!(seen.header("ratelimit"), Some("\"default\";r=119;t=1"));
    assert_eq!(seen.header("x-ratelimit-limit"), Some("600"));
    assert_eq!(seen.header("x-ratelimit-remaining"), Some("119"));
    let reset: i64 = seen.header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!((0..=2).contains(&(reset - chrono::Utc::now().timestamp())));
}
