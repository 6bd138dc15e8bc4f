//! The client of Prospeo's e-mail finder.
//!
//! A batch is one call. Prospeo charges for matches only, and nothing for one it made before, so
//! asking again after a fault costs nothing twice.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::domain::person::{EmailQuery, EmailStatus};
use crate::upstream::email_finder::{
    BatchAnswers, EmailAnswer, EmailFinder, FinderAccount, printable,
};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::{Answer, Operation};
use crate::upstream::http::{ApiKey, BaseUrl, ClientError, client};

/// What one call takes.
const BATCH_SIZE: u32 = 50;
/// The longest error code that goes into an error.
const LONGEST_CODE: usize = 60;

const FIND: Operation = Operation {
    provider: "prospeo",
    name: "find",
};
const CHECK: Operation = Operation {
    provider: "prospeo",
    name: "check",
};

/// Prospeo, reached over HTTP.
#[derive(Debug, Clone)]
pub struct Prospeo {
    client: reqwest::Client,
    base_url: BaseUrl,
    key: ApiKey,
}

impl Prospeo {
    /// `timeout` bounds each call from the first byte sent to the last one read.
    ///
    /// # Errors
    /// When no HTTP client can be set up on this machine.
    pub fn new(base_url: BaseUrl, key: ApiKey, timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            client: client(timeout)?,
            base_url,
            key,
        })
    }

    async fn look_up(&self, data: Vec<Value>) -> Result<Matches, UpstreamError> {
        let request = self
            .client
            .post(self.base_url.join(&["bulk-enrich-person"]))
            .header("x-key", self.key.header_value())
            .json(&json!({ "only_verified_email": false, "data": data }));
        FIND.call(request, Matches::read).await
    }
}

#[async_trait]
impl EmailFinder for Prospeo {
    fn batch_size(&self) -> u32 {
        BATCH_SIZE
    }

    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        let (mut asked, mut data) = (Vec::new(), Vec::new());
        // Nothing that they could be found by: known without asking.
        let mut known = Vec::new();
        for (place, person) in people.iter().enumerate() {
            match datapoint(place, person) {
                Some(datapoint) => {
                    asked.push(place);
                    data.push(datapoint);
                }
                None => known.push((place, EmailAnswer::NotFound)),
            }
        }
        if data.is_empty() {
            return BatchAnswers {
                answered: known,
                stopped_by: None,
            };
        }
        let matches = match self.look_up(data).await {
            Ok(matches) => matches,
            Err(error) => {
                return BatchAnswers {
                    answered: Vec::new(),
                    stopped_by: Some(error),
                };
            }
        };
        let mut answered: Vec<_> = asked
            .iter()
            .filter_map(|&place| Some((place, matches.answer(place)?)))
            .collect();
        let is_whole = answered.len() == asked.len();
        // What is known without asking must not pass for an answer of the finder.
        if !answered.is_empty() {
            answered.append(&mut known);
        }
        BatchAnswers {
            answered,
            stopped_by: (!is_whole).then(|| {
                let detail = "status 200, a person is missing from the answer";
                FIND.error(UpstreamFault::InvalidAnswer, detail)
            }),
        }
    }

    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        let request = self
            .client
            .get(self.base_url.join(&["account-information"]))
            .header("x-key", self.key.header_value());
        CHECK.call(request, read_account).await
    }
}

fn read_account(answer: &Answer) -> Result<FinderAccount, UpstreamError> {
    let body = answer.json();
    if let Some(code) = refusal(answer, body.as_ref()) {
        return Err(failure(CHECK, answer, code));
    }
    let Some(account) = body
        .as_ref()
        .and_then(|body| body.get("response"))
        .filter(|account| account.is_object())
    else {
        return Err(CHECK.error(UpstreamFault::InvalidAnswer, "an account without response"));
    };
    let text = |name: &str| {
        account
            .get(name)
            .and_then(Value::as_str)
            .and_then(printable)
    };
    let left = account.get("remaining_credits").and_then(Value::as_f64);
    Ok(FinderAccount {
        plan: text("current_plan"),
        usage: left.map(|left| {
            let renewal = text("next_quota_renewal_date");
            let renewal = renewal.map_or_else(String::new, |date| format!(", renewed on {date}"));
            format!("{left} credits left{renewal}")
        }),
        is_used_up: left.is_some_and(|left| left <= 0.0),
    })
}

/// The error code, or none, of an answer that is an error: it may come with status 200.
fn refusal<'a>(answer: &Answer, body: Option<&'a Value>) -> Option<Option<&'a str>> {
    let has_failed = body.and_then(|body| body.get("error")) == Some(&Value::Bool(true));
    let code = || body?.get("error_code")?.as_str();
    (has_failed || !answer.status.is_success()).then(code)
}

/// What is sent about a person; `None` when nothing known of them is enough to find them by.
fn datapoint(place: usize, person: &EmailQuery) -> Option<Value> {
    let identifier = place.to_string();
    if let Some(url) = person.linkedin_url() {
        return Some(json!({ "identifier": identifier, "linkedin_url": url }));
    }
    let (first_name, last_name, company_name) = person.name_and_company()?;
    Some(json!({
        "identifier": identifier,
        "first_name": first_name,
        "last_name": last_name,
        "company_name": company_name,
    }))
}

/// What an answer says about the people that were sent.
enum Matches {
    /// Nobody was found.
    Nobody,
    /// By identifier.
    Each(HashMap<String, EmailAnswer>),
}

impl Matches {
    fn answer(&self, place: usize) -> Option<EmailAnswer> {
        match self {
            Self::Nobody => Some(EmailAnswer::NotFound),
            Self::Each(answers) => answers.get(&place.to_string()).cloned(),
        }
    }

    fn read(answer: &Answer) -> Result<Self, UpstreamError> {
        let body = answer.json();
        match refusal(answer, body.as_ref()) {
            Some(Some("NO_MATCH")) => return Ok(Self::Nobody),
            Some(code) => return Err(failure(FIND, answer, code)),
            None => {}
        }
        let Some(Value::Object(body)) = body else {
            return Err(FIND.error(UpstreamFault::InvalidAnswer, "status 200, not an object"));
        };
        let list = |key: &str| {
            body.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let mut answers: HashMap<String, EmailAnswer> = HashMap::new();
        for unmatched in list("not_matched").chain(list("invalid_datapoints")) {
            if let Some(identifier) = identifier(unmatched) {
                answers.insert(identifier, EmailAnswer::NotFound);
            }
        }
        for matched in list("matched") {
            // Somebody answered twice keeps the first address.
            if let Some(identifier) = matched.get("identifier").and_then(identifier)
                && !matches!(answers.get(&identifier), Some(EmailAnswer::Found { .. }))
            {
                answers.insert(identifier, email(matched));
            }
        }
        Ok(Self::Each(answers))
    }
}

fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An address that is not revealed is masked.
fn email(matched: &Value) -> EmailAnswer {
    let Some(email) = matched.pointer("/person/email") else {
        return EmailAnswer::NotFound;
    };
    let text = |key: &str| email.get(key).and_then(Value::as_str);
    let status = match text("status").map(str::trim) {
        Some("VERIFIED") => EmailStatus::Valid,
        _ => EmailStatus::Unverified,
    };
    match text("email") {
        Some(address) if email.get("revealed") != Some(&Value::Bool(false)) => {
            EmailAnswer::found(address, status)
        }
        _ => EmailAnswer::NotFound,
    }
}

/// The error code decides, then the status: almost every error comes as 400.
fn failure(operation: Operation, answer: &Answer, code: Option<&str>) -> UpstreamError {
    let status = answer.status.as_u16();
    let fault = match (code, status) {
        (Some("INVALID_API_KEY"), _) => UpstreamFault::KeyRefused,
        (Some("INSUFFICIENT_CREDITS"), _) => UpstreamFault::OutOfQuota,
        (Some("RATE_LIMITED"), _) => UpstreamFault::RateLimited,
        (_, 401) => UpstreamFault::KeyRefused,
        (_, 402) => UpstreamFault::OutOfQuota,
        (_, 429) => UpstreamFault::RateLimited,
        (Some("INTERNAL_ERROR"), _) | (_, 408 | 500..) => UpstreamFault::ServerError,
        _ => UpstreamFault::Refused,
    };
    let is_code = |code: &&str| {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        code.len() <= LONGEST_CODE && code.bytes().all(allowed)
    };
    let code = code.filter(is_code).unwrap_or("no code");
    let retry_after = match fault {
        UpstreamFault::RateLimited => answer
            .retry_after()
            .or_else(|| answer.seconds("x-minute-reset-seconds")),
        _ => answer.retry_after(),
    };
    UpstreamError {
        retry_after,
        ..operation.error(fault, format!("status {status}, {code}"))
    }
}
