//! What becomes of a job whose upstream failed: it waits, fails, or goes without its look-ups.

use std::time::Duration;

use crate::db::queue::{RunState, WaitUntil};
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode, WaitingReason};
use crate::domain::pacing::REST_BASE;
use crate::domain::retry::{LONGEST_WAIT_IN_RUN, TRIES_PER_CALL, asked_to_wait, parked_for};
use crate::error::Error;
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::worker::run::{Next, Run};

impl Run<'_> {
    pub(super) async fn upstream_failed(
        &self,
        state: &RunState,
        error: UpstreamError,
    ) -> Result<Next, Error> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the upstream failed"
        );
        let code = match error.fault {
            UpstreamFault::TimedOut
            | UpstreamFault::Unreachable
            | UpstreamFault::ServerError
            | UpstreamFault::InvalidAnswer
            | UpstreamFault::RateLimited
            | UpstreamFault::OutOfQuota
            | UpstreamFault::CircuitOpen => {
                return self.park(state, &error).await;
            }
            UpstreamFault::Throttled => {
                let rest = error.retry_after.unwrap_or(REST_BASE);
                return self.wait_for_account(state, rest).await;
            }
            UpstreamFault::KeyRefused => JobErrorCode::ProviderKeyRefused,
            UpstreamFault::AccountDisconnected => JobErrorCode::LinkedinDisconnected,
            UpstreamFault::SalesNavigatorMissing => JobErrorCode::SalesNavigatorRequired,
            UpstreamFault::SourceNotFound => JobErrorCode::SourceNotFound,
            UpstreamFault::Refused | UpstreamFault::Unprocessable => JobErrorCode::SourceRefused,
        };
        self.fail(code).await
    }

    pub(super) async fn finder_failed(
        &self,
        state: &RunState,
        error: UpstreamError,
    ) -> Result<Next, Error> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the e-mail finder failed"
        );
        if self.stop.finish_page.is_cancelled() {
            return self.hand_back().await;
        }
        let code = match error.fault {
            // It says when to come back, so it is not down.
            UpstreamFault::RateLimited | UpstreamFault::Throttled => {
                return self.park(state, &error).await;
            }
            // Nobody asked it now. As often as a call is tried, the job waits until somebody may.
            UpstreamFault::CircuitOpen if state.stalled_waits < TRIES_PER_CALL => {
                return self.park(state, &error).await;
            }
            UpstreamFault::OutOfQuota => EnrichmentErrorCode::FinderQuota,
            UpstreamFault::KeyRefused => EnrichmentErrorCode::FinderKey,
            UpstreamFault::TimedOut
            | UpstreamFault::Unreachable
            | UpstreamFault::ServerError
            | UpstreamFault::InvalidAnswer
            | UpstreamFault::AccountDisconnected
            | UpstreamFault::SalesNavigatorMissing
            | UpstreamFault::SourceNotFound
            | UpstreamFault::Unprocessable
            | UpstreamFault::CircuitOpen
            | UpstreamFault::Refused => EnrichmentErrorCode::FinderUnavailable,
        };
        self.give_up_enrichment(code).await
    }

    /// Gives the worker slot back until the LinkedIn account may be called.
    pub(super) async fn wait_for_account(
        &self,
        state: &RunState,
        wait: Duration,
    ) -> Result<Next, Error> {
        if self.stop.finish_page.is_cancelled() {
            return self.hand_back().await;
        }
        let until = WaitUntil::AccountFree(wait);
        self.wait(state, WaitingReason::Upstream, until).await
    }

    /// Gives the worker slot back until the upstream may be well again.
    async fn park(&self, state: &RunState, error: &UpstreamError) -> Result<Next, Error> {
        if self.stop.finish_page.is_cancelled() {
            return self.hand_back().await;
        }
        let wait = match error.retry_after {
            // Shorter waits were tried in the run already, to no avail.
            Some(asked) if asked > LONGEST_WAIT_IN_RUN || is_refusal(error) => {
                asked_to_wait(asked, rand::random())
            }
            _ => parked_for(state.stalled_waits + 1, rand::random()),
        };
        let until = if is_refusal(error) {
            WaitUntil::LetIn(wait)
        } else {
            WaitUntil::After(wait)
        };
        self.wait(state, WaitingReason::Upstream, until).await
    }
}

fn is_refusal(error: &UpstreamError) -> bool {
    error.fault == UpstreamFault::CircuitOpen
}
