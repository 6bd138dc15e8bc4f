use std::collections::HashSet;
use std::mem::discriminant;

use super::*;
use crate::domain::permission::Permission;
use crate::domain::quota::ListType;

fn now() -> DateTime<Utc> {
    "2026-04-28T15:30:00.000Z".parse().unwrap()
}

#[rustfmt::skip]
fn every_error() -> Vec<(Error, u16, &'static str, Option<&'static str>)> {
    let secret = || -> crate::error::Cause { "password=hunter2".into() };
    let violations = Violations::of("source", "required", "source is required.");
    let retry_after = Duration::from_millis(1);
    let (list_type, reset_at) = (ListType::LinkedinClassic, now() + Duration::from_millis(30_600_001));
    vec![
        (Error::Invalid(violations), 400, "VALIDATION_ERROR", None),
        (Error::UnsupportedMediaType, 415, "VALIDATION_ERROR", None),
        (Error::Unauthenticated, 401, "UNAUTHORIZED", Some("www-authenticate: Bearer")),
        (Error::InsufficientCredits { needed: 200, available: 7 }, 402, "INSUFFICIENT_CREDITS", None),
        (Error::PermissionMissing(Permission::ProspectingWrite), 403, "FORBIDDEN", None),
        (Error::AccountGroupForbidden, 403, "FORBIDDEN", None),
        (Error::NotFound { what: "job" }, 404, "NOT_FOUND", None),
        (Error::NotFound { what: "route" }, 404, "NOT_FOUND", None),
        (Error::MethodNotAllowed, 405, "METHOD_NOT_ALLOWED", None),
        (Error::JobHasEnded, 422, "VALIDATION_ERROR", None),
        (Error::IdempotencyConflict, 409, "IDEMPOTENCY_CONFLICT", None),
        (Error::LinkedinNotConnected, 409, "LINKEDIN_NOT_CONNECTED", None),
        (Error::SalesNavigatorRequired, 409, "SALES_NAVIGATOR_REQUIRED", None),
        (Error::AccountGroupPaused, 409, "ACCOUNT_GROUP_PAUSED", None),
        (Error::PayloadTooLarge { limit: 1_048_576 }, 413, "PAYLOAD_TOO_LARGE", None),
        (Error::RateLimited { retry_after }, 429, "RATE_LIMITED", Some("retry-after: 1")),
        (Error::QuotaExhausted { list_type, reset_at }, 429, "QUOTA_EXHAUSTED", Some("retry-after: 30601")),
        (Error::Upstream(secret()), 502, "UPSTREAM_ERROR", None),
        (Error::UpstreamShutOff { retry_after }, 502, "UPSTREAM_ERROR", Some("retry-after: 1")),
        (Error::database_unavailable(secret()), 503, "UNAVAILABLE", Some("retry-after: 2")),
        (Error::Internal(secret()), 500, "INTERNAL_ERROR", None),
    ]
}

#[test]
fn every_error_has_its_status_code_and_headers() {
    for (error, status, code, header) in every_error() {
        let public = PublicError::of(&error, now());
        let seen = public
            .header
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(public.status.as_u16(), status, "{error:?}");
        assert_eq!(public.failure.code, code, "{error:?}");
        assert_eq!(seen.as_deref(), header, "{error:?}");
        assert_eq!(
            public.failure.fields.is_some(),
            code == "VALIDATION_ERROR",
            "{error:?}"
        );
        assert!(public.failure.message.ends_with('.'), "{error:?}");
        assert!(public.failure.details.ends_with('.'), "{error:?}");
    }
}

/// What the details of each error ask of the reader. Without a wildcard, so that no error is added
/// without one.
fn next_step(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "source is required",
        Error::UnsupportedMediaType => "Content-Type must be application/json",
        Error::Unauthenticated => "Send an active key",
        Error::InsufficientCredits { .. } => "Ask for fewer people, or have credits granted",
        Error::PermissionMissing(_) => "Use a key that has it",
        Error::AccountGroupForbidden => "Check the account group id",
        Error::NotFound { what: "route" } => "Check the path",
        Error::NotFound { .. } => "Check the id",
        Error::MethodNotAllowed => "Use one of the methods",
        Error::JobHasEnded => "read its rows, or start a new job",
        Error::IdempotencyConflict => "Send the first request again unchanged",
        Error::LinkedinNotConnected => "Connect a LinkedIn account",
        Error::SalesNavigatorRequired => "Connect a LinkedIn account that has one",
        Error::AccountGroupPaused => "Ask the operator to resume it",
        Error::PayloadTooLarge { .. } => "Send at most 1048576 bytes",
        Error::RateLimited { .. } => "Wait for 1 s",
        Error::QuotaExhausted { .. } => "Send the request again then",
        Error::Upstream(_) => "Send the request again in a moment",
        Error::UpstreamShutOff { .. } => "Wait for 1 s",
        Error::Unavailable { .. } => "Wait as long as the header Retry-After says",
        Error::Internal(_) => "Tell the operator the traceId",
    }
}

#[test]
fn the_details_of_every_error_name_the_next_step() {
    for (error, ..) in every_error() {
        let details = PublicError::of(&error, now()).failure.details;
        assert!(details.contains(next_step(&error)), "{error:?}: {details}");
    }
    let kinds: HashSet<_> = every_error()
        .iter()
        .map(|(error, ..)| discriminant(error))
        .collect();
    assert_eq!(kinds.len(), 20, "a new error joins the table");
}

#[test]
fn the_cause_of_a_fault_is_for_the_log_alone() {
    for (error, status, ..) in every_error() {
        let public = PublicError::of(&error, now());
        assert_eq!(public.failure.cause.is_some(), status >= 500, "{error:?}");
        let told = format!("{} {:?}", public.failure.message, public.failure.details);
        assert!(!told.contains("hunter2"), "{error:?}");
    }
    let cause = PublicError::of(&Error::database_unavailable("no route to host"), now())
        .failure
        .cause;
    assert_eq!(
        cause.unwrap(),
        "the database cannot be reached: no route to host"
    );
}

#[test]
fn details_name_what_the_reader_needs() {
    let details = |error| PublicError::of(&error, now()).failure.details;
    let credits = details(Error::InsufficientCredits {
        needed: 200,
        available: 7,
    });
    assert!(
        credits.contains("needs 200 credits and 7 are available"),
        "{credits}"
    );
    let permission = details(Error::PermissionMissing(Permission::ProspectsRead));
    assert!(permission.contains("prospects:read"), "{permission}");
    assert!(details(Error::LinkedinNotConnected).contains("reconnect"));
    let quota = details(Error::QuotaExhausted {
        list_type: ListType::UrlUpload,
        reset_at: now(),
    });
    assert!(
        quota.contains("URL_UPLOAD starts anew at 2026-04-28T15:30:00.000Z"),
        "{quota}"
    );
}

#[test]
fn seconds_to_wait_are_rounded_up_and_never_none() {
    for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
    }
}
