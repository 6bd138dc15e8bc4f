//! What can go wrong in a use case, in the words of the business.
//!
//! Knows nothing of HTTP: `http::error` turns each variant into status, code and headers. Public
//! messages are made there; the private cause of an [`Error::Unavailable`] or [`Error::Internal`]
//! only ever reaches the log.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::permission::Permission;
use crate::domain::quota::ListType;
use crate::domain::violation::Violations;

/// The private cause of a fault.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Body, path, query or header not valid.
    #[error("the request is not valid")]
    Invalid(Violations),
    /// The body is of a type that the API does not read.
    #[error("the content type is not supported")]
    UnsupportedMediaType,
    /// Key missing, malformed, unknown, expired, revoked or of the other kind.
    #[error("no valid API key")]
    Unauthenticated,
    #[error("{needed} credits needed, {available} available")]
    InsufficientCredits { needed: i64, available: i64 },
    #[error("the API key lacks the permission {}", .0.as_str())]
    PermissionMissing(Permission),
    /// The account group does not exist, or the key may not see it.
    #[error("no access to the account group")]
    AccountGroupForbidden,
    /// What was asked for does not exist (for the caller). `what` is `job` or `route`.
    #[error("no such {what}")]
    NotFound { what: &'static str },
    #[error("the route does not know this method")]
    MethodNotAllowed,
    /// The same idempotency key came with another request.
    #[error("the idempotency key belongs to another request")]
    IdempotencyConflict,
    #[error("no connected LinkedIn account")]
    LinkedinNotConnected,
    #[error("the LinkedIn account has no Sales Navigator seat")]
    SalesNavigatorRequired,
    /// A job that is completed or failed cannot be cancelled.
    #[error("the job has ended")]
    JobHasEnded,
    #[error("the account group is paused")]
    AccountGroupPaused,
    #[error("the body is larger than {limit} bytes")]
    PayloadTooLarge { limit: usize },
    #[error("too many requests")]
    RateLimited { retry_after: Duration },
    #[error("the quota for {} is used up", .list_type.as_str())]
    QuotaExhausted {
        list_type: ListType,
        reset_at: DateTime<Utc>,
    },
    /// The LinkedIn provider is down or answers nonsense; nothing was stored or reserved.
    #[error("the LinkedIn provider failed")]
    Upstream(#[source] Cause),
    /// The LinkedIn provider failed again and again and is not asked for now; nothing was stored or
    /// reserved.
    #[error("the LinkedIn provider is left alone after repeated failures")]
    UpstreamShutOff { retry_after: Duration },
    /// A passing fault of ours: database unreachable, overload, time-out, shutting down.
    #[error("{reason}")]
    Unavailable {
        reason: &'static str,
        retry_after: Duration,
        #[source]
        source: Option<Cause>,
    },
    #[error("internal error")]
    Internal(#[source] Cause),
}

impl Error {
    /// The database is away or overloaded.
    #[must_use]
    pub fn database_unavailable(source: impl Into<Cause>) -> Self {
        Self::Unavailable {
            reason: "the database cannot be reached",
            retry_after: Duration::from_secs(2),
            source: Some(source.into()),
        }
    }

    /// A fault that nobody foresaw.
    #[must_use]
    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal(source.into())
    }
}
