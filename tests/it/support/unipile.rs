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
use tower::ServiceExt;

use crate::support::app::Setup;

/// What is answered to a path with its query, `None` for an account that is well.
type Answering = fn(&str) -> Option<(u16, String)>;

/// The setup of an app whose provider answers so, for as long as the test runs.
pub(crate) async fn provider_that_answers(answering: Answering) -> Setup {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(answering);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let router = router.clone();
            let service = service_fn(move |request| router.clone().oneshot(request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Ends with an error where the client closes first, which it may.
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Setup {
        provider: Provider::Unipile {
            url: url.parse().unwrap(),
            key: "s3cret".parse().unwrap(),
        },
        finder: Finder::None,
        ..Setup::default()
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
