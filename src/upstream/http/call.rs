//! One call to an upstream: sending, reading a bounded answer, naming what went wrong, recording.

mod record;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::record::CallRecord;

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 4 * 1024 * 1024;
/// An upstream that asks for more is asked again after this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What is being done, and at which provider: the head of errors and log lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) provider: &'static str,
    pub(crate) name: &'static str,
}

impl Operation {
    /// Makes one call and reads its answer, whatever the status, except that a redirect is none.
    /// What came of it is logged and counted, also when the future is dropped before it is known.
    pub(crate) async fn call<T>(
        self,
        request: RequestBuilder,
        read: impl FnOnce(&Answer) -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let record = CallRecord::begin(self);
        let (status, result) = match self.exchange(request).await {
            Ok(answer) => (Some(answer.status), read(&answer)),
            Err(error) => (None, Err(error)),
        };
        record.end(status, result.as_ref().err());
        result
    }

    pub(crate) fn error(self, fault: UpstreamFault, detail: impl Into<String>) -> UpstreamError {
        UpstreamError {
            provider: self.provider,
            operation: self.name,
            fault,
            detail: detail.into(),
            retry_after: None,
            source: None,
        }
    }

    async fn exchange(self, request: RequestBuilder) -> Result<Answer, UpstreamError> {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.transport_error(error)),
        };
        let status = response.status();
        if status.is_redirection() {
            return Err(self.error(
                UpstreamFault::InvalidAnswer,
                format!("status {}, a redirect", status.as_u16()),
            ));
        }
        let headers = response.headers().clone();
        let body = self.read_body(response).await?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    async fn read_body(self, mut response: Response) -> Result<Vec<u8>, UpstreamError> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_BODY => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Err(self.error(
                        UpstreamFault::InvalidAnswer,
                        format!(
                            "status {}, body over {LONGEST_BODY} bytes",
                            response.status().as_u16()
                        ),
                    ));
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.transport_error(error)),
            }
        }
    }

    fn transport_error(self, error: reqwest::Error) -> UpstreamError {
        // The address holds a member's name, so it is taken out of the error.
        let error = error.without_url();
        let (fault, detail) = transport_fault(&error);
        UpstreamError {
            source: Some(Box::new(error)),
            ..self.error(fault, detail)
        }
    }
}

/// Connecting too slowly counts as not reachable; an answer that breaks off or is no HTTP at all
/// counts as invalid; a connection that closes before any answer counts as not reachable.
fn transport_fault(error: &reqwest::Error) -> (UpstreamFault, &'static str) {
    if error.is_connect() {
        (UpstreamFault::Unreachable, "no connection")
    } else if error.is_timeout() {
        (UpstreamFault::TimedOut, "no complete answer in time")
    } else if error.is_body() || error.is_decode() {
        (UpstreamFault::InvalidAnswer, "the body broke off")
    } else if is_unparsable(error) {
        (UpstreamFault::InvalidAnswer, "not HTTP")
    } else {
        (UpstreamFault::Unreachable, "closed before an answer")
    }
}

fn is_unparsable(error: &reqwest::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// `None` when the body is no JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text()).ok()
    }

    /// How long the upstream asks to stay away, a day at the most.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let asked = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match asked.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let until = DateTime::parse_from_rfc2822(asked).ok()?;
                (until.with_timezone(&Utc) - Utc::now())
                    .to_std()
                    .unwrap_or(Duration::ZERO)
            }
        };
        Some(wait.min(LONGEST_RETRY_AFTER))
    }

    /// A header that holds a number of seconds.
    pub(crate) fn seconds(&self, header: &str) -> Option<Duration> {
        let seconds = self.headers.get(header)?.to_str().ok()?.trim().parse();
        Some(Duration::from_secs(seconds.ok()?).min(LONGEST_RETRY_AFTER))
    }
}
