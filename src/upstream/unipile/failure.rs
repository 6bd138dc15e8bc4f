//! Unipile's error answers.
//!
//! The error's `type` decides, then the HTTP status: gateways in between answer without a type.

use std::time::Duration;

use serde_json::Value;

use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::{Answer, Operation};
use crate::upstream::provider::ListPlace;
use crate::upstream::unipile::wire;

/// The longest error type or request id that goes into an error.
const LONGEST_WORD: usize = 100;

/// What a call was about, where the same error means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Account,
    Classic,
    SalesNavigator,
    Post,
    Profile,
}

/// An answer with a status other than 2xx.
#[derive(Debug)]
pub(super) struct Failure {
    status: u16,
    kind: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    /// Whether the explanation speaks of cursors: the one thing it is ever read for.
    speaks_of_cursor: bool,
}

impl Failure {
    /// `None` when the status is 2xx.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let failed = !answer.status.is_success();
        failed.then(|| Self {
            retry_after: answer.retry_after(),
            ..Self::read(answer.status.as_u16(), &answer.text())
        })
    }

    /// Reads an error's body, which may be anything.
    pub(super) fn read(status: u16, body: &str) -> Self {
        let body = wire::parse(body).unwrap_or(Value::Null);
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        Self {
            status,
            kind: text("type").and_then(word),
            request_id: text("req_id").and_then(word),
            retry_after: None,
            speaks_of_cursor: text("detail")
                .is_some_and(|detail| detail.to_lowercase().contains("cursor")),
        }
    }

    /// # Errors
    /// What the answer means, when its status is other than 2xx.
    pub(super) fn check(
        operation: Operation,
        route: Route,
        answer: &Answer,
    ) -> Result<(), UpstreamError> {
        Self::of(answer).map_or(Ok(()), |failure| Err(failure.into_error(operation, route)))
    }

    pub(super) fn into_error(self, operation: Operation, route: Route) -> UpstreamError {
        let kind = self.kind.as_deref().unwrap_or("no type");
        let mut detail = format!("status {}, {kind}", self.status);
        if let Some(request_id) = &self.request_id {
            detail.push_str(", request ");
            detail.push_str(request_id);
        }
        UpstreamError {
            retry_after: self.retry_after,
            ..operation.error(self.fault(route), detail)
        }
    }

    /// Whether it says that the account cannot be used, rather than that the call went wrong.
    pub(super) fn is_unusable_account(&self) -> bool {
        matches!(
            self.fault(Route::Account),
            UpstreamFault::AccountDisconnected | UpstreamFault::SourceNotFound
        )
    }

    /// Whether it says that there is no such member. Identifiers that LinkedIn has never given out
    /// are refused as invalid, those that it took back are not found.
    pub(super) fn is_unknown_member(&self) -> bool {
        self.fault(Route::Profile) == UpstreamFault::SourceNotFound || self.is_invalid_parameter()
    }

    /// Whether LinkedIn, not Unipile, took the identifier for invalid. It does so for identifiers that
    /// it never gave out, and for that of the account's own owner.
    pub(super) fn is_refused_identifier(&self) -> bool {
        self.kind.as_deref() == Some("provider/invalid_parameters")
    }

    /// Whether another way of writing the same post's id may be understood.
    pub(super) fn is_unknown_post(&self) -> bool {
        self.fault(Route::Post) == UpstreamFault::SourceNotFound || self.is_invalid_parameter()
    }

    /// Whether it says that this list pages by cursor only. One that pages so and gave no cursor has
    /// ended, and was asked on by offset.
    pub(super) fn ends(&self, at: Option<&ListPlace>) -> bool {
        let by_offset = matches!(at, Some(ListPlace::Offset(_)));
        by_offset && self.is_invalid_parameter() && self.speaks_of_cursor
    }

    /// Whether it says that the replies to one comment are not to be had, rather than that the call
    /// went wrong: the comment was deleted, or LinkedIn will not show them.
    pub(super) fn concerns_one_comment(&self) -> bool {
        matches!(
            self.fault(Route::Post),
            UpstreamFault::SourceNotFound | UpstreamFault::Refused | UpstreamFault::Unprocessable
        )
    }

    /// Told by type only: a gateway's 400 says nothing about what was asked for.
    fn is_invalid_parameter(&self) -> bool {
        matches!(
            self.kind.as_deref(),
            Some("api/invalid_parameters" | "provider/invalid_parameters")
        )
    }

    fn fault(&self, route: Route) -> UpstreamFault {
        self.kind
            .as_deref()
            .and_then(|kind| fault_by_type(kind, route))
            .unwrap_or_else(|| self.fault_by_status(route))
    }

    fn fault_by_status(&self, route: Route) -> UpstreamFault {
        let from_api = |kind: &String| kind.starts_with("api/");
        match self.status {
            401 => match &self.kind {
                Some(kind) if !from_api(kind) => UpstreamFault::AccountDisconnected,
                _ => UpstreamFault::KeyRefused,
            },
            // Which type tells of a missing seat is not documented. A gateway's 403 has none.
            403 if route == Route::SalesNavigator && self.kind.is_some() => {
                UpstreamFault::SalesNavigatorMissing
            }
            403 if self.kind.as_ref().is_some_and(from_api) => UpstreamFault::KeyRefused,
            404 => UpstreamFault::SourceNotFound,
            410 => UpstreamFault::AccountDisconnected,
            422 => UpstreamFault::Unprocessable,
            429 => UpstreamFault::RateLimited,
            501 => UpstreamFault::Refused,
            408 | 425 | 500.. => UpstreamFault::ServerError,
            400..=499 => UpstreamFault::Refused,
            _ => UpstreamFault::InvalidAnswer,
        }
    }
}

fn fault_by_type(kind: &str, route: Route) -> Option<UpstreamFault> {
    Some(match kind {
        "provider/invalid_authorization"
        | "provider/invalid_credentials"
        | "provider/account_mismatch"
        | "provider/invalid_checkpoint_code"
        | "api/account_restricted" => UpstreamFault::AccountDisconnected,
        // Without a seat, or with a seat that was not linked, LinkedIn's pages for it are closed.
        "api/insufficient_permissions" | "provider/insufficient_permissions"
            if route == Route::SalesNavigator =>
        {
            UpstreamFault::SalesNavigatorMissing
        }
        "api/missing_authorization"
        | "api/expired_authorization"
        | "api/inactive_subscription"
        | "api/insufficient_permissions" => UpstreamFault::KeyRefused,
        "api/resource_not_found" | "provider/resource_not_found" => UpstreamFault::SourceNotFound,
        "api/too_many_requests" => UpstreamFault::RateLimited,
        // Unipile's own limit says when it ends; LinkedIn's does not.
        "provider/too_many_requests" => UpstreamFault::Throttled,
        "provider/unprocessable_entity" => UpstreamFault::Unprocessable,
        "api/internal_error"
        | "api/proxy_error"
        | "api/proxy_timeout"
        | "api/proxy_auth_error"
        | "provider/server_error"
        | "provider/timeout" => UpstreamFault::ServerError,
        "api/invalid_parameters"
        | "provider/invalid_parameters"
        | "api/invalid_auth_format"
        | "provider/insufficient_permissions"
        | "api/already_exists"
        | "provider/method_not_allowed"
        | "api/conflict"
        | "provider/conflict"
        | "api/not_implemented" => UpstreamFault::Refused,
        _ => return None,
    })
}

/// The text if it is made like an error type or id, so that nothing about a person gets into logs.
fn word(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    (!text.is_empty() && text.len() <= LONGEST_WORD && text.bytes().all(allowed))
        .then(|| text.to_owned())
}
