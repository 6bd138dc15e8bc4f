//! What Hunter answers about one person.
//!
//! 403 means too many calls and 429 a plan that is used up: the reverse of what they mean elsewhere.
//! Nothing was found when there is no address, or when Hunter answers 204 or 404. 202 and codes of
//! success that its documentation does not list are no answer yet.

use serde_json::Value;

use crate::domain::person::EmailStatus;
use crate::upstream::email_finder::EmailAnswer;
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::{Answer, Operation};

/// The longest error id that goes into an error.
const LONGEST_ID: usize = 60;

pub(super) enum Said {
    Answer(EmailAnswer),
    /// There is nobody and nothing of that name: what is asked for, or the route.
    NoSuch,
    /// It does not take what was asked about this person.
    NotTaken,
    /// Not ready yet, for this person.
    NotYet(UpstreamError),
}

impl Said {
    pub(super) fn read(operation: Operation, answer: &Answer) -> Result<Self, UpstreamError> {
        match answer.status.as_u16() {
            200 | 201 => email(operation, answer).map(Self::Answer),
            204 => Ok(Self::Answer(EmailAnswer::NotFound)),
            200..=299 => Ok(Self::NotYet(failure(
                operation,
                answer,
                UpstreamFault::Unprocessable,
            ))),
            // 451: unavailable for legal reasons, such as a person who objects.
            404 | 451 => Ok(Self::NoSuch),
            400 | 422 => Ok(Self::NotTaken),
            _ => Err(refusal(operation, answer)),
        }
    }
}

/// An address that Hunter itself takes for dead, or for a throw-away one, is as good as none.
fn email(operation: Operation, answer: &Answer) -> Result<EmailAnswer, UpstreamError> {
    let body = answer.json();
    let data = match body.as_ref().and_then(|body| body.get("data")) {
        Some(Value::Null) => return Ok(EmailAnswer::NotFound),
        Some(Value::Object(data)) => data,
        _ => return Err(operation.error(UpstreamFault::InvalidAnswer, "status 200, no data")),
    };
    let verified = data
        .get("verification")
        .and_then(|verification| verification.get("status"))
        .and_then(Value::as_str);
    let status = match verified {
        Some("invalid" | "disposable") => return Ok(EmailAnswer::NotFound),
        Some("valid") => EmailStatus::Valid,
        // `accept_all`, `webmail`, `unknown`, none, and whatever a later version adds.
        _ => EmailStatus::Unverified,
    };
    Ok(match data.get("email") {
        Some(Value::String(address)) => EmailAnswer::found(address, status),
        _ => EmailAnswer::NotFound,
    })
}

/// Any answer that says nothing about a person.
pub(super) fn refusal(operation: Operation, answer: &Answer) -> UpstreamError {
    let fault = match answer.status.as_u16() {
        401 => UpstreamFault::KeyRefused,
        403 => UpstreamFault::RateLimited,
        402 | 429 => UpstreamFault::OutOfQuota,
        408 | 425 | 500.. => UpstreamFault::ServerError,
        400..=499 => UpstreamFault::Refused,
        _ => UpstreamFault::InvalidAnswer,
    };
    failure(operation, answer, fault)
}

fn failure(operation: Operation, answer: &Answer, fault: UpstreamFault) -> UpstreamError {
    let body = answer.json();
    let is_id = |id: &&str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        id.len() <= LONGEST_ID && id.bytes().all(allowed)
    };
    let id = body
        .as_ref()
        .and_then(|body| body.pointer("/errors/0/id"))
        .and_then(Value::as_str)
        .filter(is_id)
        .unwrap_or("no id");
    UpstreamError {
        retry_after: answer.retry_after(),
        ..operation.error(fault, format!("status {}, {id}", answer.status.as_u16()))
    }
}
