//! Why a call to an upstream failed.

use std::time::Duration;

/// A call to an upstream that brought no usable answer.
///
/// Display is fit for logs: it names provider, operation and cause, never a key or a person.
#[derive(Debug, thiserror::Error)]
#[error("{provider} {operation}: {fault} ({detail})")]
pub struct UpstreamError {
    /// `unipile`, `hunter`, `prospeo`...
    pub provider: &'static str,
    /// The trait's method: `search_page`, `profile`, `find`...
    pub operation: &'static str,
    pub fault: UpstreamFault,
    /// Status, error type and request id as far as known, or the transport's fault.
    pub detail: String,
    /// How long the upstream asks to stay away.
    pub retry_after: Option<Duration>,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    #[error("no answer in time")]
    TimedOut,
    #[error("not reachable")]
    Unreachable,
    #[error("answered with a server error")]
    ServerError,
    #[error("answered with something else than the protocol allows")]
    InvalidAnswer,
    #[error("asks to slow down")]
    RateLimited,
    /// LinkedIn itself holds the account back, for hours as a rule: no call of it should be made.
    #[error("LinkedIn has throttled the account")]
    Throttled,
    #[error("the plan there is used up")]
    OutOfQuota,
    #[error("refused our key")]
    KeyRefused,
    #[error("the LinkedIn account is disconnected")]
    AccountDisconnected,
    #[error("the LinkedIn account has no Sales Navigator seat")]
    SalesNavigatorMissing,
    #[error("there is no such source")]
    SourceNotFound,
    #[error("refused the request")]
    Refused,
    /// LinkedIn would not work on it. Often that passes within seconds; where it does not, the item or
    /// the source is at fault, not the upstream.
    #[error("could not process it")]
    Unprocessable,
    /// No call was made: the breaker leaves the provider alone for a while.
    #[error("is left alone after repeated failures")]
    CircuitOpen,
}

impl UpstreamFault {
    /// The class of the outcome in metrics and logs.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::ServerError => "server_error",
            Self::InvalidAnswer => "invalid_answer",
            Self::RateLimited => "rate_limited",
            Self::Throttled => "throttled",
            Self::OutOfQuota => "out_of_quota",
            Self::KeyRefused => "key_refused",
            Self::AccountDisconnected => "account_disconnected",
            Self::SalesNavigatorMissing => "sales_navigator_missing",
            Self::SourceNotFound => "source_not_found",
            Self::Refused => "refused",
            Self::Unprocessable => "unprocessable",
            Self::CircuitOpen => "circuit_open",
        }
    }

    /// Whether it speaks against the provider as a whole. A provider that says what is wrong with an
    /// account, an item, the key or our pace is well.
    #[must_use]
    pub fn is_of_the_provider(self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable | Self::ServerError | Self::InvalidAnswer => true,
            Self::RateLimited
            | Self::Throttled
            | Self::OutOfQuota
            | Self::KeyRefused
            | Self::AccountDisconnected
            | Self::SalesNavigatorMissing
            | Self::SourceNotFound
            | Self::Refused
            | Self::Unprocessable
            | Self::CircuitOpen => false,
        }
    }
}

impl UpstreamError {
    /// Whether the same call may bring an answer later without anybody doing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.fault {
            UpstreamFault::TimedOut
            | UpstreamFault::Unreachable
            | UpstreamFault::ServerError
            | UpstreamFault::InvalidAnswer
            | UpstreamFault::RateLimited
            | UpstreamFault::Throttled
            | UpstreamFault::Unprocessable
            | UpstreamFault::CircuitOpen => true,
            UpstreamFault::OutOfQuota
            | UpstreamFault::KeyRefused
            | UpstreamFault::AccountDisconnected
            | UpstreamFault::SalesNavigatorMissing
            | UpstreamFault::SourceNotFound
            | UpstreamFault::Refused => false,
        }
    }
}
