//! Routes for operators and their machines. They need no key.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use std::time::Duration;

use crate::error::Error;
use crate::http::envelope::{Answer, Payload};
use crate::http::query::NoQuery;
use crate::http::router::HttpState;
use crate::service::readiness::check_readiness;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const OPENAPI: &str = include_str!("../../../openapi.yaml");

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

/// `GET /healthz`: the process lives.
///
/// # Errors
/// [`Error::Invalid`] when it came with a query.
pub async fn healthz(_: NoQuery) -> Result<Answer, Error> {
    Answer::ok(&Status { status: "ok" })
}

/// `GET /readyz`: the process can serve.
///
/// # Errors
/// [`Error::Unavailable`] while it cannot, or is going down.
pub async fn readyz(State(state): State<HttpState>, _: NoQuery) -> Result<Answer, Error> {
    if state.settings.draining.is_cancelled() {
        return Err(Error::Unavailable {
            reason: "the process is shutting down",
            retry_after: Duration::from_secs(5),
            source: None,
        });
    }
    check_readiness(&state.app).await?;
    Answer::ok(&Status { status: "ready" })
}

/// `GET /metrics`: what was measured, as Prometheus reads it.
///
/// # Errors
/// [`Error::Invalid`] when it came with a query; [`Error::NotFound`] when metrics are not shown here.
pub async fn metrics(State(state): State<HttpState>, _: NoQuery) -> Result<Response, Error> {
    let page = state.metrics.as_ref();
    let page = page.ok_or(Error::NotFound { what: "route" })?.write();
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROMETHEUS_TEXT));
    Ok(Payload::Verbatim.attach(response))
}

/// `GET /openapi.yaml`: the contract, as a file.
pub async fn openapi(_: NoQuery) -> Response {
    let mut response = OPENAPI.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    Payload::Verbatim.attach(response)
}
