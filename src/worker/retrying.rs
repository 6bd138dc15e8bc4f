//! Trying an upstream call again within a run.

use std::time::Duration;

use crate::domain::retry::{LONGEST_WAIT_IN_RUN, TRIES_PER_CALL, wait_before_retry};
use crate::upstream::error::{UpstreamError, UpstreamFault};

/// Whether a failed call is worth another try in this run, and after which wait.
///
/// `None`: the fault is for good, the tries are used up, the upstream asks for a longer wait than a
/// worker slot should be held for, or nobody may ask it at present. A `Retry-After` of next to nothing
/// does not make the tries follow each other more closely than without one.
#[must_use]
pub fn next_try(error: &UpstreamError, failures: u32) -> Option<Duration> {
    let is_refused = error.fault == UpstreamFault::CircuitOpen;
    if is_refused || !error.is_retryable() || failures >= TRIES_PER_CALL {
        return None;
    }
    let own = wait_before_retry(failures, rand::random());
    match error.retry_after {
        Some(asked) if asked > LONGEST_WAIT_IN_RUN => None,
        Some(asked) => Some(asked.max(own)),
        None => Some(own),
    }
}

/// Makes a call up to [`TRIES_PER_CALL`] times.
///
/// # Errors
/// The last failure.
pub async fn with_retries<T, Call>(mut call: impl FnMut() -> Call) -> Result<T, UpstreamError>
where
    Call: Future<Output = Result<T, UpstreamError>>,
{
    let mut failures = 0;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        failures += 1;
        match next_try(&error, failures) {
            Some(wait) => {
                tracing::debug!(%error, failures, wait_ms = wait.as_millis(), "trying again");
                tokio::time::sleep(wait).await;
            }
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(fault: UpstreamFault, retry_after: Option<u64>) -> UpstreamError {
        UpstreamError {
            provider: "test",
            operation: "call",
            fault,
            detail: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
            source: None,
        }
    }

    #[test]
    fn a_short_retry_after_is_waited_for_and_a_long_one_is_not() {
        assert_eq!(
            next_try(&error(UpstreamFault::RateLimited, Some(3)), 1),
            Some(Duration::from_secs(3))
        );
        assert_eq!(
            next_try(&error(UpstreamFault::RateLimited, Some(6)), 1),
            None
        );
    }

    #[test]
    fn a_fault_for_good_is_not_tried_again() {
        assert_eq!(next_try(&error(UpstreamFault::KeyRefused, None), 1), None);
    }

    #[test]
    fn a_provider_that_is_left_alone_is_not_tried_again_in_the_run() {
        for asked in [Some(1), None] {
            let refusal = error(UpstreamFault::CircuitOpen, asked);
            assert_eq!(next_try(&refusal, 1), None);
        }
    }

    #[test]
    fn a_retry_after_of_nothing_does_not_shorten_the_waits() {
        let hasty = error(UpstreamFault::ServerError, Some(0));
        let waits: Vec<_> = (0..100).filter_map(|_| next_try(&hasty, 4)).collect();
        assert_eq!(waits.len(), 100);
        assert!(waits.iter().max() > Some(&Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_gets_five_tries() {
        let mut calls = 0;
        let result: Result<(), _> = with_retries(|| {
            calls += 1;
            async { Err(error(UpstreamFault::ServerError, None)) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(calls, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_counts() {
        let mut calls = 0;
        let result = with_retries(|| {
            calls += 1;
            let answer = if calls < 3 {
                Err(error(UpstreamFault::TimedOut, None))
            } else {
                Ok(calls)
            };
            async move { answer }
        })
        .await;
        assert_eq!(result.ok(), Some(3));
    }
}
