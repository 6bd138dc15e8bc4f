//! What is measured of requests, and the page that shows all metrics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use metrics::{counter, gauge, histogram};

use crate::http::router::ROUTES;

/// Writes the page. Made by the composition root, which alone knows how metrics are kept.
#[derive(Clone)]
pub struct MetricsPage(Arc<dyn Fn() -> String + Send + Sync>);

impl MetricsPage {
    #[must_use]
    pub fn new(write: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    #[must_use]
    pub fn write(&self) -> String {
        (self.0)()
    }
}

impl fmt::Debug for MetricsPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MetricsPage")
    }
}

/// One request under way, by labels that only have values from closed lists.
#[derive(Debug)]
pub struct MeasuredRequest {
    pub route: &'static str,
    method: &'static str,
}

impl MeasuredRequest {
    #[must_use]
    pub fn begin(request: &Request) -> Self {
        gauge!("prospector_http_requests_in_flight").increment(1.0);
        let matched = request.extensions().get::<MatchedPath>();
        Self {
            route: matched.map_or("none", |path| pattern(path.as_str())),
            method: method(request.method()),
        }
    }

    /// Without a status when its client went away before it had one.
    pub fn end(&self, status: Option<StatusCode>, duration: Duration) {
        gauge!("prospector_http_requests_in_flight").decrement(1.0);
        let status = match status {
            Some(status) => status.as_str().to_owned(),
            None => "abandoned".to_owned(),
        };
        counter!(
            "prospector_http_requests_total",
            "route" => self.route, "method" => self.method, "status" => status
        )
        .increment(1);
        histogram!("prospector_http_request_seconds", "route" => self.route, "method" => self.method)
            .record(duration.as_secs_f64());
    }
}

fn pattern(matched: &str) -> &'static str {
    let mut patterns = ROUTES.iter().map(|route| route.pattern);
    patterns
        .find(|pattern| *pattern == matched)
        .unwrap_or("none")
}

/// Clients may send any word as a method.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

/// A connection, counted while it is open.
pub struct OpenConnection(());

impl OpenConnection {
    #[must_use]
    pub fn counted() -> Self {
        gauge!("prospector_http_connections").increment(1.0);
        Self(())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!("prospector_http_connections").decrement(1.0);
    }
}
