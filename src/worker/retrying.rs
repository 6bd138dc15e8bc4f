//! Trying an upstream call again within a run.

use std::time::Duration;

use crate::domain::retry::{LONGEST_WAIT_IN_RUN, TRIES_PER_CALL, wait_before_retry};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::worker::turns::NoTurn;

/// Whether a failed call is worth another try in this run, and after which wait.
///
/// `None`: the fault is for good, the tries are used up, the upstream asks for a longer wait than a
/// worker slot should be held for, nobody may ask it at present, or every try would make it worse. A
/// `Retry-After` of next to nothing does not make the tries follow each other more closely than
/// without one.
#[must_use]
pub fn next_try(error: &UpstreamError, failures: u32) -> Option<Duration> {
    let is_worth_it = error.is_retryable()
        && !matches!(
            error.fault,
            UpstreamFault::CircuitOpen | UpstreamFault::Throttled
        );
    if !is_worth_it || failures >= TRIES_PER_CALL {
        return None;
    }
    let own = wait_before_retry(failures, rand::random());
    match error.retry_after {
        Some(asked) if asked > LONGEST_WAIT_IN_RUN => None,
        Some(asked) => Some(asked.max(own)),
        None => Some(own),
    }
}

/// Makes a call up to [`TRIES_PER_CALL`] times, each in a turn of its own.
///
/// # Errors
/// The last failure, or why there was no call at all. When a further try would have to wait for its
/// turn for long, the failure before it is the one to be told: a call that fails again and again
/// must not pass for one that waits.
pub async fn with_retries<T, E, Call>(mut call: impl FnMut() -> Call) -> Result<T, E>
where
    E: From<UpstreamError> + From<NoTurn>,
    Call: Future<Output = Result<Result<T, UpstreamError>, NoTurn>>,
{
    let mut failures = 0;
    let mut last_failure: Option<UpstreamError> = None;
    loop {
        let error = match (call().await, last_failure.take()) {
            (Ok(Ok(answer)), _) => return Ok(answer),
            (Ok(Err(error)), _) => error,
            (Err(NoTurn::Wait(_)), Some(error)) => return Err(error.into()),
            (Err(no_turn), _) => return Err(no_turn.into()),
        };
        failures += 1;
        match next_try(&error, failures) {
            Some(wait) => {
                tracing::debug!(%error, failures, wait_ms = wait.as_millis(), "trying again");
                tokio::time::sleep(wait).await;
                last_failure = Some(error);
            }
            None => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sources::FetchError;

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

    #[test]
    fn a_throttled_account_is_not_asked_again_at_once() {
        for retry_after in [None, Some(1)] {
            let throttled = error(UpstreamFault::Throttled, retry_after);
            assert_eq!(next_try(&throttled, 1), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_even_when_the_next_try_must_wait_for_its_turn() {
        let mut calls = 0;
        let result: Result<(), FetchError> = with_retries(|| {
            calls += 1;
            let outcome = if calls == 1 {
                Ok(Err(error(UpstreamFault::ServerError, None)))
            } else {
                Err(NoTurn::Wait(Duration::from_secs(60)))
            };
            async { outcome }
        })
        .await;
        assert!(matches!(result, Err(FetchError::Upstream(_))), "{result:?}");

        let waits = || async { Err(NoTurn::Wait(Duration::from_secs(60))) };
        let result: Result<(), FetchError> = with_retries(waits).await;
        assert!(matches!(
            result,
            Err(FetchError::NoTurn(NoTurn::Wait(wait))) if wait.as_secs() == 60
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_gets_five_tries() {
        let mut calls = 0;
        let result: Result<(), FetchError> = with_retries(|| {
            calls += 1;
            async { Ok(Err(error(UpstreamFault::ServerError, None))) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(calls, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_counts() {
        let mut calls = 0;
        let result: Result<_, FetchError> = with_retries(|| {
            calls += 1;
            let answer = if calls < 3 {
                Err(error(UpstreamFault::TimedOut, None))
            } else {
                Ok(calls)
            };
            async move { Ok(answer) }
        })
        .await;
        assert_eq!(result.ok(), Some(3));
    }
}
