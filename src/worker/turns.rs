//! The calls of one run, each in a turn of its LinkedIn account.
//!
//! A short wait is waited for here; a long one is told to the run, which then gives its worker slot
//! back and keeps its place in the account's line.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::db::linkedin_accounts::{CallOutcome, Standing as AccountFreeIn, TurnFor};
use crate::db::queue::{AccountStanding, Lease};
use crate::domain::id::LinkedinAccountId;
use crate::domain::pacing::{Pacing, REST_BASE};
use crate::domain::retry::{LONGEST_WAIT_IN_RUN, wait_before_retry};
use crate::error::Error;
use crate::service::linkedin_turns::{Asked, Turn, outcome_of};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::Standing;
use crate::worker::context::WorkerContext;

/// A job that must wait for its turn stays away for at least so long.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// How often a turn is tried to be given back before it is left to run out.
const TRIES: u32 = 5;

/// Why there was no call.
#[derive(Debug, thiserror::Error)]
pub enum NoTurn {
    /// The account is busy, paused between two calls, or rests: come back after so long.
    #[error("the LinkedIn account is not free yet")]
    Wait(Duration),
    #[error(transparent)]
    Database(#[from] Error),
}

/// What a run knows of its account's turns.
pub struct RunTurns<'a> {
    context: &'a WorkerContext,
    lease: &'a Lease,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Taken and not given back yet.
    held: Option<Turn>,
    /// Before this, asking is of no use.
    free_at: Option<Instant>,
    /// Throttled since its last call that succeeded, as far as known.
    was_throttled: bool,
}

impl<'a> RunTurns<'a> {
    #[must_use]
    pub fn new(context: &'a WorkerContext, lease: &'a Lease) -> Self {
        Self {
            context,
            lease,
            memory: Mutex::default(),
        }
    }

    /// Takes note of what was read with the job.
    pub fn learn(&self, account: AccountStanding) {
        let mut memory = self.memory();
        memory.was_throttled = account.throttles > 0;
        // With turns the database says when it is this job's, and not every job's at once.
        if self.context.turns.pacing() == Pacing::Off {
            memory.free_at = account.rests_for.map(|rest| Instant::now() + rest);
        }
    }

    /// Makes a call in a turn of its own. `time` bounds it.
    ///
    /// # Errors
    /// [`NoTurn`]: the call was not made.
    pub async fn call<T>(
        &self,
        account: &LinkedinAccountId,
        time: Duration,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<Result<T, UpstreamError>, NoTurn> {
        let turn = match self.take(account, time).await? {
            Ok(turn) => turn,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut result = turn.bounded(call).await;
        let outcome = outcome_of(&result);
        let standing = self.give_back(outcome, TRIES).await;
        if let (Err(error), CallOutcome::Throttled { .. }) = (&mut result, outcome) {
            error.retry_after = Some(standing.map_or(REST_BASE, |standing| standing.wait));
        }
        Ok(result)
    }

    /// Gives back the turn of a call that was dropped midway.
    pub async fn give_back_left(&self) {
        if self.memory().held.is_some() {
            self.give_back(CallOutcome::Failed, 1).await;
        }
    }

    /// Takes a turn, or says that the breaker would refuse the call: a turn in which nobody is called
    /// costs the account a gap.
    async fn take(
        &self,
        account: &LinkedinAccountId,
        time: Duration,
    ) -> Result<Result<Turn, UpstreamError>, NoTurn> {
        let turns = &self.context.turns;
        let began = Instant::now();
        let is_short = |wait| began.elapsed() + wait <= LONGEST_WAIT_IN_RUN;
        if let Some(wait) = self.left_to_wait() {
            if is_short(wait) {
                tokio::time::sleep(wait).await;
            } else if turns.pacing() == Pacing::Off {
                return Err(NoTurn::Wait(wait));
            }
        }
        loop {
            if let Standing::ShutOff { retry_after } = self.context.provider.standing(account) {
                return Ok(Err(left_alone(retry_after)));
            }
            let whom = TurnFor::Job(&self.lease.account_group, &self.lease.job);
            let asked = self.context.bounded(turns.ask(account, whom, time)).await?;
            match asked {
                Asked::Taken(turn) => {
                    self.memory().held = Some(turn.clone());
                    return Ok(Ok(turn));
                }
                Asked::Wait(standing) if is_short(standing.wait) => {
                    tokio::time::sleep(standing.wait).await;
                }
                Asked::Wait(standing) => {
                    return Err(NoTurn::Wait(standing.wait.max(SHORTEST_WAIT)));
                }
            }
        }
    }

    /// `None` when nothing had to be noted, or could not be.
    async fn give_back(&self, outcome: CallOutcome, tries: u32) -> Option<AccountFreeIn> {
        let (turn, forgives) = {
            let mut memory = self.memory();
            let forgives = memory.was_throttled && outcome == CallOutcome::Succeeded;
            (memory.held.take()?, forgives)
        };
        if !turn.is_to_be_given_back(outcome) && !forgives {
            return None;
        }
        let turns = &self.context.turns;
        let mut failures = 0;
        let standing = loop {
            match self.context.bounded(turns.give_back(&turn, outcome)).await {
                Ok(standing) => break standing,
                Err(error) if failures + 1 < tries => {
                    failures += 1;
                    tracing::debug!(%error, failures, "giving a turn back again");
                    tokio::time::sleep(wait_before_retry(failures, rand::random())).await;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a turn is left to run out"
                    );
                    return None;
                }
            }
        };
        let mut memory = self.memory();
        memory.free_at = Some(Instant::now() + standing.wait);
        memory.was_throttled = standing.rests;
        Some(standing)
    }

    fn left_to_wait(&self) -> Option<Duration> {
        let free_at = self.memory().free_at?;
        let left = free_at.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn left_alone(retry_after: Duration) -> UpstreamError {
    UpstreamError {
        provider: "linkedin",
        operation: "turn",
        fault: UpstreamFault::CircuitOpen,
        detail: format!("asked again in {} s", retry_after.as_secs_f64().ceil()),
        retry_after: Some(retry_after),
        source: None,
    }
}
