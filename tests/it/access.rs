//! Who may call what, on every route.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderValue, Request};
use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::id::{AccountGroupId, JobId};
use prospector::domain::permission::Permission;
use prospector::http::client_address::PeerAddress;
use prospector::http::router::{Access, ROUTES, Route};
use prospector::service::authentication::flush_last_uses;
use serde_json::Value;
use uuid::Uuid;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::openapi::{OpenApi, escape};
use crate::support::requests::request_as;

/// Every route that asks for a key.
fn protected() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.access != Access::Open)
}

fn path_of(route: &Route, group: &AccountGroupId, job: &JobId) -> String {
    let path = route.pattern.replace("{accountGroupId}", group.as_str());
    path.replace("{jobId}", job.as_str())
        .replace("{providerId}", "ACoAAA")
}

/// What the document says that the route needs.
fn permission_of(route: &Route) -> Option<Permission> {
    let method = route.method.as_str().to_lowercase();
    let operation = format!("/paths/{}/{method}/x-permission", escape(route.pattern));
    let named = OpenApi::get().document().pointer(&operation)?;
    Some(named.as_str().unwrap().parse().unwrap())
}

fn without_trace_id(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("traceId").unwrap();
    body
}

/// Sends a request as it is, with a body that means something where one is read, each from an
/// address of its own: what one address may guess is another test's subject.
async fn ask(app: &TestApp, request: Builder) -> Answer {
    static CLIENTS: AtomicU32 = AtomicU32::new(0);
    let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
    let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + client));
    let request = request
        .header("Content-Type", "application/json")
        .extension(PeerAddress(address));
    let body = search("a", 10).to_string();
    app.send(request.body(Body::from(body)).unwrap()).await
}

#[track_caller]
fn assert_unauthorized(answer: &Answer, what: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (401, "UNAUTHORIZED"),
        "{what}"
    );
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
    assert_eq!(answer.header("ratelimit"), None, "{what}");
}

impl TestApp {
    async fn revoked_key(&self) -> ApiKeySecret {
        let groups = [&self.group];
        let (id, secret) = self
            .make_key(KeyKind::Test, &groups, &Permission::ALL)
            .await;
        let mut connection = self.connect().await;
        sqlx::query!(
            "update api_keys set revoked_at = now() where api_key_id = $1",
            id
        )
        .execute(&mut connection)
        .await
        .unwrap();
        secret
    }

    async fn expired_key(&self) -> ApiKeySecret {
        let groups = [&self.group];
        let (id, secret) = self
            .make_key(KeyKind::Test, &groups, &Permission::ALL)
            .await;
        let mut connection = self.connect().await;
        sqlx::query!(
            "update api_keys set expires_at = now() where api_key_id = $1",
            id
        )
        .execute(&mut connection)
        .await
        .unwrap();
        secret
    }

    async fn last_use(&self, key: Uuid) -> Option<chrono::DateTime<chrono::Utc>> {
        let mut connection = self.connect().await;
        sqlx::query_scalar!(
            "select last_used_at from api_keys where api_key_id = $1",
            key
        )
        .fetch_one(&mut connection)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn every_route_refuses_every_key_that_is_not_valid_in_the_same_words() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    let live = app
        .make_key(KeyKind::Live, &[&app.group], &Permission::ALL)
        .await
        .1;
    let keys = [
        (
            "unknown",
            ApiKeySecret::new(KeyKind::Test).reveal().to_owned(),
        ),
        ("revoked", app.revoked_key().await.reveal().to_owned()),
        ("expired", app.expired_key().await.reveal().to_owned()),
        ("of the other kind", live.reveal().to_owned()),
        ("malformed", "sk_test_abc".to_owned()),
        (
            "cut off",
            app.key.reveal()[..app.key.reveal().len() - 1].to_owned(),
        ),
        ("empty", String::new()),
        ("of 10 KB", format!("sk_test_{}", "A".repeat(10_240))),
    ];
    let mut bodies = Vec::new();
    for route in protected() {
        let path = path_of(route, &app.group, &job);
        let request = || Request::builder().method(&route.method).uri(&path);
        let answer = ask(&app, request()).await;
        assert_unauthorized(&answer, &format!("no key: {path}"));
        bodies.push(without_trace_id(&answer));
        for (name, key) in &keys {
            let bearer = request().header("Authorization", format!("Bearer {key}"));
            let plain = request().header("X-API-Key", key);
            for request in [bearer, plain] {
                let answer = ask(&app, request).await;
                assert_unauthorized(&answer, &format!("{name}: {path}"));
                bodies.push(without_trace_id(&answer));
            }
        }
        let basic = request().header("Authorization", format!("Basic {}", app.key.reveal()));
        let bytes = HeaderValue::from_bytes(b"Bearer sk_test_\xff\xfe").unwrap();
        for request in [basic, request().header("Authorization", bytes)] {
            assert_unauthorized(&ask(&app, request).await, &path);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one message for all");
    assert_eq!(app.stored().await.jobs, 1);
}

#[tokio::test]
async fn every_route_takes_a_valid_key_in_either_header() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    for route in protected() {
        let path = path_of(route, &app.group, &job);
        let permissions = permission_of(route).map_or(Permission::ALL.to_vec(), |one| vec![one]);
        let key = app.key_with(&permissions).await;
        let request = || Request::builder().method(&route.method).uri(&path);
        let bearer = request().header("Authorization", format!("bearer {}", key.reveal()));
        let plain = request().header("X-API-Key", key.reveal());
        for request in [bearer, plain] {
            let answer = ask(&app, request).await;
            assert!(
                ![401, 403, 404].contains(&answer.status),
                "{path}: {:#}",
                answer.body
            );
            assert!(answer.header("ratelimit").is_some(), "{path}");
        }
    }
}

#[tokio::test]
async fn every_route_asks_for_the_permission_that_the_document_names() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    for route in protected() {
        let Some(needed) = permission_of(route) else {
            continue;
        };
        let others = Permission::ALL.into_iter().filter(|one| *one != needed);
        let key = app.key_with(&others.collect::<Vec<_>>()).await;
        let path = path_of(route, &app.group, &job);
        let answer = ask(&app, request_as(&key, route.method.as_str(), &path)).await;
        assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{path}");
        let details = answer.body["error"]["details"].as_str().unwrap();
        assert!(details.contains(needed.as_str()), "{path}: {details}");
    }
    assert_eq!(app.stored().await.jobs, 1);
}

#[tokio::test]
async fn an_account_group_of_others_and_one_that_does_not_exist_look_the_same() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    let (other, other_key) = app.another_group(&Setup::default()).await;
    let both = app
        .make_key(KeyKind::Test, &[&app.group, &other], &Permission::ALL)
        .await
        .1;
    let mut bodies = Vec::new();
    for route in protected().filter(|route| route.pattern.contains("{accountGroupId}")) {
        let method = route.method.as_str();
        for group in [&other, &AccountGroupId::new()] {
            let path = path_of(route, group, &job);
            let answer = ask(&app, app.request(method, &path)).await;
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{path}");
            bodies.push(without_trace_id(&answer));
        }
        if route.pattern.contains("{jobId}") {
            // The job of another group, by a key for its own group and by one for both.
            let path = path_of(route, &other, &job);
            for key in [&other_key, &both] {
                let answer = ask(&app, request_as(key, method, &path)).await;
                assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
            }
            let unknown = path_of(route, &app.group, &JobId::new());
            ask(&app, app.request(method, &unknown))
                .await
                .expect_status(404);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "nothing tells whether a group exists");
    assert_eq!(app.stored().await.jobs, 1);
}

#[tokio::test]
async fn the_last_use_of_a_key_is_stored_at_most_once_a_minute() {
    let app = TestApp::start().await;
    let (id, key) = app
        .make_key(KeyKind::Test, &[&app.group], &Permission::ALL)
        .await;
    let credits = app.path("credits");
    let use_key = async || {
        ask(&app, request_as(&key, "GET", &credits))
            .await
            .expect_status(200);
        flush_last_uses(&app.app).await.unwrap();
        app.last_use(id).await
    };
    assert_eq!(app.last_use(id).await, None);
    let first = use_key().await;
    assert!(first.is_some());
    assert_eq!(use_key().await, first, "within the minute");
    let mut connection = app.connect().await;
    sqlx::query!("update api_keys set last_used_at = last_used_at - interval '61 seconds'")
        .execute(&mut connection)
        .await
        .unwrap();
    assert!(use_key().await >= first);
}
