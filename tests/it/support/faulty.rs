//! A server between the program and a sandbox, which a test can let fail.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use prospector::config::Provider;
use prospector::http::server::{ServerLimits, serve};
use prospector::upstream::http;
use prospector::upstream::sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::app::Setup;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    ServerError,
    /// HTML with status 200.
    Nonsense,
    /// No answer until the fault is another one.
    Silence,
}

/// The sandbox, as long as it has no fault.
pub(crate) struct Faulty {
    pub(crate) setup: Setup,
    state: Arc<Switch>,
    _serving: JoinSet<()>,
}

struct Switch {
    sandbox: String,
    client: reqwest::Client,
    /// The fault, and the beginning of the paths that it strikes.
    fault: watch::Sender<Option<(Fault, &'static str)>>,
    seen: Mutex<Vec<String>>,
}

impl Faulty {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::bind((Ipv4Addr::LOCALHOST, 0).into())
            .await
            .unwrap();
        let state = Arc::new(Switch {
            sandbox: format!("http://{}", sandbox.local_addr()),
            client: http::client(Duration::from_secs(20)).unwrap(),
            fault: watch::Sender::new(None),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let limits = ServerLimits {
            connections: 256,
            write_timeout: Duration::from_secs(20),
        };
        let mut serving = JoinSet::new();
        serving.spawn(async { sandbox.run(std::future::pending()).await.unwrap() });
        serving.spawn(async move {
            let never = CancellationToken::new();
            serve(listener, api, limits, never, Duration::ZERO).await;
        });
        let provider = Provider::Sandbox {
            url: Some(url.parse().unwrap()),
        };
        Self {
            setup: Setup {
                provider,
                ..Setup::default()
            },
            state,
            _serving: serving,
        }
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.fail_below("/", fault);
    }

    /// Lets only those calls fail whose path begins so.
    pub(crate) fn fail_below(&self, path: &'static str, fault: Fault) {
        self.state.fault.send_replace(Some((fault, path)));
    }

    pub(crate) fn heal(&self) {
        self.state.fault.send_replace(None);
    }

    /// Methods and paths of the calls so far, failed ones included.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

async fn answer(
    State(switch): State<Arc<Switch>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let line = format!("{method} {}", uri.path());
    switch.seen.lock().unwrap().push(line);
    let mut faults = switch.fault.subscribe();
    loop {
        let fault = *faults.borrow_and_update();
        match fault.filter(|(_, below)| uri.path().starts_with(below)) {
            None => return forward(&switch, method, &uri, headers, body).await,
            Some((Fault::ServerError, _)) => {
                return (StatusCode::SERVICE_UNAVAILABLE, Html("<html>")).into_response();
            }
            Some((Fault::Nonsense, _)) => return Html("<html>").into_response(),
            Some((Fault::Silence, _)) => faults.changed().await.unwrap(),
        }
    }
}

async fn forward(
    switch: &Switch,
    method: Method,
    uri: &Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    headers.remove("host");
    let url = format!("{}{uri}", switch.sandbox);
    let request = switch.client.request(method, url);
    let response = request.headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = Body::from(response.bytes().await.unwrap());
    let mut forwarded = (status, body).into_response();
    for (name, value) in &headers {
        if !matches!(
            name.as_str(),
            "transfer-encoding" | "content-length" | "connection"
        ) {
            forwarded.headers_mut().append(name, value.clone());
        }
    }
    forwarded
}
