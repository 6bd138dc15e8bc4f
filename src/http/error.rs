//! What a client sees of an error: the only place that turns one into status, code, message,
//! details and headers. Codes are stable forever; causes never leave the log.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::violation::{Violation, Violations};
use crate::error::Error;
use crate::http::envelope::{Failure, Payload};

/// An error as the wire carries it.
#[derive(Debug)]
pub struct PublicError {
    pub status: StatusCode,
    pub header: Option<(HeaderName, HeaderValue)>,
    pub failure: Failure,
}

impl PublicError {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        details: impl Into<String>,
    ) -> Self {
        Self {
            status,
            header: None,
            failure: Failure {
                code,
                message: message.into(),
                details: details.into(),
                fields: None,
                cause: None,
            },
        }
    }

    fn conflict(code: &'static str, message: &'static str, details: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, message, details)
    }

    fn invalid(status: StatusCode, message: &'static str, violations: &Violations) -> Self {
        Self::new(status, "VALIDATION_ERROR", message, violations.to_string())
            .with_fields(violations.listed().to_vec())
    }

    fn with_fields(mut self, fields: Vec<Violation>) -> Self {
        self.failure.fields = Some(fields);
        self
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        self.with_header(RETRY_AFTER, whole_seconds(wait))
    }

    /// Reads an error. `now` tells how long a quota stays used up.
    #[must_use]
    pub fn of(error: &Error, now: DateTime<Utc>) -> Self {
        let mut public = match error {
            Error::Invalid(violations) => invalid_request(violations),
            Error::UnsupportedMediaType => unsupported_media_type(),
            Error::Unauthenticated => unauthenticated(),
            Error::InsufficientCredits { needed, available } => {
                insufficient_credits(*needed, *available)
            }
            Error::PermissionMissing(permission) => permission_missing(permission.as_str()),
            Error::AccountGroupForbidden => account_group_forbidden(),
            Error::NotFound { what } => not_found(what),
            Error::MethodNotAllowed => method_not_allowed(),
            Error::JobHasEnded => job_has_ended(),
            Error::IdempotencyConflict => idempotency_conflict(),
            Error::LinkedinNotConnected => linkedin_not_connected(),
            Error::SalesNavigatorRequired => sales_navigator_required(),
            Error::AccountGroupPaused => account_group_paused(),
            Error::PayloadTooLarge { limit } => payload_too_large(*limit),
            Error::RateLimited { retry_after } => rate_limited(*retry_after),
            Error::QuotaExhausted {
                list_type,
                reset_at,
            } => quota_exhausted(list_type.as_str(), *reset_at, now),
            Error::Upstream(_) => upstream_failed(),
            Error::UpstreamShutOff { retry_after } => upstream_shut_off(*retry_after),
            Error::Unavailable { retry_after, .. } => unavailable(*retry_after),
            Error::Internal(_) => internal(),
        };
        if public.status.is_server_error() {
            public.failure.cause = Some(chain(error));
        }
        public
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let public = PublicError::of(&self, Utc::now());
        let mut response = public.status.into_response();
        if let Some((name, value)) = public.header {
            response.headers_mut().insert(name, value);
        }
        Payload::Failure(Arc::new(public.failure)).attach(response)
    }
}

/// Whole seconds, rounded up, at least 1: nobody who waits that long comes too early.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1)
}

/// The error and its causes, outermost first.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        write!(text, ": {cause}").unwrap_or_default();
        source = cause.source();
    }
    text
}

fn invalid_request(violations: &Violations) -> PublicError {
    PublicError::invalid(
        StatusCode::BAD_REQUEST,
        "The request is not valid.",
        violations,
    )
}

fn unsupported_media_type() -> PublicError {
    let violations = Violations::of(
        "Content-Type",
        "unsupported",
        "Content-Type must be application/json, in UTF-8 and without a Content-Encoding.",
    );
    PublicError::invalid(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body is of a type that this API does not read.",
        &violations,
    )
}

fn unauthenticated() -> PublicError {
    PublicError::new(
        StatusCode::UNAUTHORIZED,
        "UNAUTHORIZED",
        "The request came without a valid API key.",
        "Send an active key of this service in the header Authorization: Bearer <key>.",
    )
    .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn insufficient_credits(needed: i64, available: i64) -> PublicError {
    PublicError::new(
        StatusCode::PAYMENT_REQUIRED,
        "INSUFFICIENT_CREDITS",
        "The account group has not enough credits for this job.",
        format!(
            "The job needs {needed} credits and {available} are available. Ask for fewer people, or have credits granted, and send the request again."
        ),
    )
}

fn permission_missing(permission: &str) -> PublicError {
    PublicError::new(
        StatusCode::FORBIDDEN,
        "FORBIDDEN",
        "The API key may not do this.",
        format!("The key lacks the permission {permission}. Use a key that has it."),
    )
}

fn account_group_forbidden() -> PublicError {
    PublicError::new(
        StatusCode::FORBIDDEN,
        "FORBIDDEN",
        "The API key may not use this account group.",
        "Check the account group id in the path, or use a key that was made for this account group.",
    )
}

fn not_found(what: &str) -> PublicError {
    let details = match what {
        "route" => "Check the path; GET /openapi.yaml lists every route.",
        _ => "Check the id, and that it belongs to the account group in the path.",
    };
    PublicError::new(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        format!("There is no such {what}."),
        details,
    )
}

fn method_not_allowed() -> PublicError {
    PublicError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "This route does not know the method.",
        "Use one of the methods that the header Allow lists.",
    )
}

fn job_has_ended() -> PublicError {
    let violations = Violations::of(
        "jobId",
        "job_has_ended",
        "jobId names a job that is completed or failed already: read its rows, or start a new job.",
    );
    PublicError::invalid(
        StatusCode::UNPROCESSABLE_ENTITY,
        "The job has ended and cannot be cancelled.",
        &violations,
    )
}

fn idempotency_conflict() -> PublicError {
    PublicError::conflict(
        "IDEMPOTENCY_CONFLICT",
        "This Idempotency-Key came with another request before.",
        "Send the first request again unchanged, or use a new key for a new job.",
    )
}

fn linkedin_not_connected() -> PublicError {
    PublicError::conflict(
        "LINKEDIN_NOT_CONNECTED",
        "The account group has no connected LinkedIn account.",
        "Connect a LinkedIn account, or reconnect the one it has at the provider, and send the request again.",
    )
}

fn sales_navigator_required() -> PublicError {
    PublicError::conflict(
        "SALES_NAVIGATOR_REQUIRED",
        "The connected LinkedIn account has no Sales Navigator seat.",
        "Connect a LinkedIn account that has one, or use the source linkedin_search.",
    )
}

fn account_group_paused() -> PublicError {
    PublicError::conflict(
        "ACCOUNT_GROUP_PAUSED",
        "An operator paused this account group.",
        "Ask the operator to resume it, and send the request again.",
    )
}

fn payload_too_large(limit: usize) -> PublicError {
    PublicError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "PAYLOAD_TOO_LARGE",
        "The body is too large.",
        format!("Send at most {limit} bytes; split a large list of URLs over several jobs."),
    )
}

fn rate_limited(retry_after: Duration) -> PublicError {
    let seconds = whole_seconds(retry_after);
    PublicError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "RATE_LIMITED",
        "There were too many requests.",
        format!(
            "Wait for {seconds} s, as the header Retry-After says, and send the request again."
        ),
    )
    .retry_after(retry_after)
}

fn quota_exhausted(list_type: &str, reset_at: DateTime<Utc>, now: DateTime<Utc>) -> PublicError {
    let until = reset_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    PublicError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "QUOTA_EXHAUSTED",
        "The account group's quota for this kind of list is used up.",
        format!("The quota {list_type} starts anew at {until}. Send the request again then."),
    )
    .retry_after((reset_at - now).to_std().unwrap_or_default())
}

fn upstream_failed() -> PublicError {
    PublicError::new(
        StatusCode::BAD_GATEWAY,
        "UPSTREAM_ERROR",
        "The LinkedIn provider gave no usable answer.",
        "Nothing was stored and no credit was reserved. Send the request again in a moment.",
    )
}

fn upstream_shut_off(retry_after: Duration) -> PublicError {
    let seconds = whole_seconds(retry_after);
    PublicError::new(
        StatusCode::BAD_GATEWAY,
        "UPSTREAM_ERROR",
        "The LinkedIn provider gave no usable answer.",
        format!(
            "The provider failed again and again, so it is left alone for now. Nothing was stored and no credit was reserved. Wait for {seconds} s, as the header Retry-After says, and send the request again."
        ),
    )
    .retry_after(retry_after)
}

fn unavailable(retry_after: Duration) -> PublicError {
    PublicError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        "The service cannot answer at the moment.",
        "Wait as long as the header Retry-After says and send the request again, a start with the same Idempotency-Key.",
    )
    .retry_after(retry_after)
}

fn internal() -> PublicError {
    PublicError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR",
        "The service failed to carry out the request.",
        "Tell the operator the traceId, under which the log shows the cause. Send a start again only with the same Idempotency-Key.",
    )
}

#[cfg(test)]
mod tests;
