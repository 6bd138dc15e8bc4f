//! What is told of a call: one log line, one count, one duration.
//!
//! Neither holds a key or anything about a person: only names from this program, the status, and an
//! error's detail, which is made of the same. The spans around the call (a request with its trace id,
//! a run with its account group and job) belong to the line.

#[cfg(test)]
mod tests;

use std::time::Instant;

use reqwest::StatusCode;

use crate::upstream::error::UpstreamError;
use crate::upstream::http::call::Operation;

/// The class of a call that nobody waited for to its end: its job was cancelled, its step or request
/// ran out of time, its client went away.
const ABANDONED: &str = "abandoned";

/// A call under way. Dropped before its end, it is recorded as abandoned.
pub(super) struct CallRecord {
    operation: Operation,
    began: Instant,
    has_ended: bool,
}

impl CallRecord {
    pub(super) fn begin(operation: Operation) -> Self {
        Self {
            operation,
            began: Instant::now(),
            has_ended: false,
        }
    }

    pub(super) fn end(mut self, status: Option<StatusCode>, error: Option<&UpstreamError>) {
        self.has_ended = true;
        let Operation {
            provider,
            name: operation,
        } = self.operation;
        let outcome = error.map_or("ok", |error| error.fault.class());
        let duration_ms = self.measure(outcome);
        let status = status.map(|status| status.as_u16());
        match error {
            None => {
                tracing::debug!(
                    provider,
                    operation,
                    outcome,
                    status,
                    duration_ms,
                    "upstream call"
                );
            }
            Some(error) => {
                tracing::info!(
                    provider,
                    operation,
                    outcome,
                    detail = error.detail,
                    status,
                    duration_ms,
                    "upstream call failed"
                );
            }
        }
    }

    /// Counts the call and returns how many milliseconds it took.
    fn measure(&self, outcome: &'static str) -> u64 {
        let Operation { provider, name } = self.operation;
        let duration = self.began.elapsed();
        metrics::counter!(
            "prospector_upstream_calls_total",
            "provider" => provider, "operation" => name, "outcome" => outcome
        )
        .increment(1);
        metrics::histogram!(
            "prospector_upstream_call_seconds",
            "provider" => provider, "operation" => name
        )
        .record(duration);
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let Operation {
            provider,
            name: operation,
        } = self.operation;
        let duration_ms = self.measure(ABANDONED);
        tracing::info!(
            provider,
            operation,
            outcome = ABANDONED,
            duration_ms,
            "upstream call given up"
        );
    }
}
