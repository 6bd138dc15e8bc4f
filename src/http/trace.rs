//! The outermost layer: gives each request its trace id and log line, each answer its envelope.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, Span, field};

use crate::domain::id::TraceId;
use crate::domain::trace::{JobTrace, TraceParent};
use crate::error::Error;
use crate::http::client_address::client_address;
use crate::http::envelope::Payload;
use crate::http::error::whole_seconds;
use crate::http::metrics::MeasuredRequest;
use crate::http::rate_limit::BucketState;
use crate::http::router::HttpSettings;
use crate::http::traceparent::trace_parent_of_headers;
use crate::telemetry::spans::{continue_trace, trace_parent_of};

/// What inner layers leave for the outermost one, so that it is there whatever becomes of them.
#[derive(Debug, Clone, Default)]
pub struct Exchange(Arc<OnceLock<BucketState>>);

impl Exchange {
    /// Every answer to this request will carry the state of its key's bucket.
    pub fn set_rate_limit(&self, state: BucketState) {
        self.0.get_or_init(|| state);
    }
}

/// Runs a request within its span and puts its answer into the envelope.
pub async fn trace(
    State(settings): State<Arc<HttpSettings>>,
    mut request: Request,
    next: Next,
) -> Response {
    let trace_id = TraceId::new();
    let measured = MeasuredRequest::begin(&request);
    let parent = trace_parent_of_headers(request.headers());
    let span = span_of(
        &request,
        &trace_id,
        measured.route,
        parent.as_ref(),
        &settings,
    );
    let exchange = Exchange::default();
    request.extensions_mut().insert(exchange.clone());
    let trace = JobTrace {
        trace_id: Some(trace_id.clone()),
        // Without an exporter here, a process that has one goes on from the client's span.
        parent: trace_parent_of(&span).or(parent),
    };
    request.extensions_mut().insert(trace);
    let line = LogLine::new(span.clone(), measured);
    let response = next.run(request).instrument(span.clone()).await;
    let response = span.in_scope(|| finish(response, &trace_id, &exchange, &settings));
    line.write(response.status());
    response
}

/// At error level, so that the log lines of faults carry the trace id however little is logged.
fn span_of(
    request: &Request,
    trace_id: &TraceId,
    route: &'static str,
    parent: Option<&TraceParent>,
    settings: &HttpSettings,
) -> Span {
    let span = tracing::error_span!(
        "request",
        %trace_id,
        method = %request.method(),
        route,
        account_group = field::Empty,
        api_key = field::Empty,
        w3c_trace_id = field::Empty,
        w3c_parent_id = field::Empty,
    );
    if let Some(parent) = parent {
        continue_trace(&span, parent);
        span.record("w3c_trace_id", &parent.trace_id);
        span.record("w3c_parent_id", &parent.parent_id);
    }
    // Addresses are people's data where clients are people, so no ordinary line shows them.
    let address = client_address(request, &settings.trusted_proxies);
    span.in_scope(|| tracing::debug!(client = %address, "request received"));
    span
}

fn finish(
    response: Response,
    trace_id: &TraceId,
    exchange: &Exchange,
    settings: &HttpSettings,
) -> Response {
    let (payload, response) = match response.extensions().get::<Payload>().cloned() {
        Some(payload) => (payload, response),
        // An answer that no code here made has no business on the wire.
        None => in_place_of(&response),
    };
    if let Payload::Failure(failure) = &payload
        && let Some(cause) = &failure.cause
    {
        tracing::error!(code = failure.code, cause, "request failed");
    }
    let mut response = payload.render(trace_id, response);
    let headers = response.headers_mut();
    set(headers, HeaderName::from_static("x-trace-id"), trace_id);
    if let Some(state) = exchange.0.get() {
        set_rate_limit(headers, *state, settings.rate_limit_per_minute);
    }
    if settings.sandbox {
        set(headers, HeaderName::from_static("x-sandbox"), "true");
    }
    if settings.draining.is_cancelled() {
        set(headers, CONNECTION, "close");
    }
    response
}

fn in_place_of(foreign: &Response) -> (Payload, Response) {
    let status = foreign.status();
    let response =
        Error::internal(format!("an answer without envelope, status {status}")).into_response();
    let payload = response.extensions().get::<Payload>().cloned();
    (payload.unwrap_or(Payload::Verbatim), response)
}

fn set_rate_limit(headers: &mut HeaderMap, state: BucketState, per_minute: u32) {
    let BucketState { remaining, full_in } = state;
    let full_in_secs = full_in.as_nanos().div_ceil(1_000_000_000);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let full_at = whole_seconds(since_epoch.unwrap_or_default() + full_in);
    let policy = format!("\"default\";q={per_minute};w=60");
    let now = format!("\"default\";r={remaining};t={full_in_secs}");
    set(headers, HeaderName::from_static("ratelimit-policy"), policy);
    set(headers, HeaderName::from_static("ratelimit"), now);
    set(
        headers,
        HeaderName::from_static("x-ratelimit-limit"),
        per_minute,
    );
    set(
        headers,
        HeaderName::from_static("x-ratelimit-remaining"),
        remaining,
    );
    set(
        headers,
        HeaderName::from_static("x-ratelimit-reset"),
        full_at,
    );
}

/// Sets a header to a text that is known to be fit for one.
fn set(headers: &mut HeaderMap, name: HeaderName, value: impl Display) {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        headers.insert(name, value);
    }
}

/// The one line in the log, and the measure; also for a request whose client went away before its
/// answer.
struct LogLine {
    span: Span,
    measured: MeasuredRequest,
    started: Instant,
    status: Option<StatusCode>,
}

/// Asked every few seconds by machines, so that a line for each good answer would hide the others.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

impl LogLine {
    fn new(span: Span, measured: MeasuredRequest) -> Self {
        Self {
            span,
            measured,
            started: Instant::now(),
            status: None,
        }
    }

    fn write(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.measured.end(self.status, duration);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let is_probe = PROBES.contains(&self.measured.route);
        self.span.in_scope(|| match self.status {
            Some(status) if is_probe && status.is_success() => {
                tracing::debug!(status = status.as_u16(), duration_ms, "request answered");
            }
            Some(status) => {
                tracing::info!(status = status.as_u16(), duration_ms, "request answered");
            }
            None => tracing::info!(duration_ms, "request abandoned by its client"),
        });
    }
}
