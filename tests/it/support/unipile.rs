//! A LinkedIn provider that answers as a test says, spoken to by the real client.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prospector::config::{Finder, Provider};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::app::Setup;

/// What is answered to a path with its query, `None` for an account that is well.
type Answering = fn(&str) -> Option<(u16, String)>;

/// The provider, for as long as it is held.
pub(crate) struct AnsweringProvider {
    /// Of an app that asks this provider.
    pub(crate) setup: Setup,
    _serving: JoinSet<()>,
}

impl AnsweringProvider {
    pub(crate) async fn start(answering: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, answering));
        let setup = Setup {
            provider: Provider::Unipile {
                url: url.parse().unwrap(),
                key: "s3cret".parse().unwrap(),
            },
            finder: Finder::None,
            ..Setup::default()
        };
        Self {
            setup,
            _serving: serving,
        }
    }
}

async fn serve(listener: TcpListener, answering: Answering) {
    let router = Router::new().fallback(answer).with_state(answering);
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        let service = service_fn(move |request| router.clone().oneshot(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // Ends with an error where the client closes first, which it may.
        connections.spawn(async move { drop(connection.await) });
    }
}

async fn answer(State(answering): State<Answering>, request: Request) -> Response {
    let path = request.uri().to_string();
    let well = || {
        let products = json!({"classic": "running", "sales_navigator": "running"});
        let account = json!({"object": "Account", "status": "running",
            "metadata": {"products_connection_status": products}});
        (200, account.to_string())
    };
    let (status, body) = answering(&path).unwrap_or_else(well);
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
