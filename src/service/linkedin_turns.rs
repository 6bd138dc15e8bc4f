//! Calls for one LinkedIn account, one at a time over all processes.
//!
//! A turn is a row in the database. Whoever holds it gives its call up before the turn runs out, so
//! that the next one begins alone; a holder that dies keeps the account for what is left of the
//! turn. A dropped call gives it back: that of a job by its run, that of a request by itself.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::db::linkedin_accounts::{
    self, CallOutcome, Standing, TurnFor, TurnOutcome, give_back_turn,
};
use crate::db::pool::Database;
use crate::domain::id::LinkedinAccountId;
use crate::domain::pacing::{Gap, Pacing};
use crate::error::Error;
use crate::upstream::error::{UpstreamError, UpstreamFault};

/// A turn lasts for longer than its call may take by this...
const HOLD_SLACK: Duration = Duration::from_secs(5);
/// ... and the call is given up so long before the turn runs out.
const LET_GO_BEFORE: Duration = Duration::from_secs(2);
/// How long a request waits for its turn.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);
const REQUEST_ASKS_EVERY: Duration = Duration::from_millis(200);

/// Hands out turns.
#[derive(Debug, Clone)]
pub struct LinkedinTurns {
    database: Database,
    pacing: Pacing,
    call_timeout: Duration,
}

/// The right to call for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    account: LinkedinAccountId,
    /// `None` where nobody takes turns.
    token: Option<Uuid>,
    /// To be kept after it.
    gap: Gap,
    /// When the call is to be given up.
    ends: Instant,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Taken(Turn),
    Wait(Standing),
}

impl LinkedinTurns {
    /// `call_timeout` is the longest that one call may take.
    #[must_use]
    pub fn new(database: Database, pacing: Pacing, call_timeout: Duration) -> Self {
        Self {
            database,
            pacing,
            call_timeout,
        }
    }

    #[must_use]
    pub fn pacing(&self) -> Pacing {
        self.pacing
    }

    /// The longest that a method of the provider may take that comes to so many calls: those, the gaps
    /// in between, and the breaker's own question whether the provider is well. Without time for that
    /// one a provider that answers nobody would never be left alone.
    #[must_use]
    pub fn time_for(&self, calls: u32) -> Duration {
        let gaps = self.pacing.gap().max * calls.saturating_sub(1);
        self.call_timeout * (calls + 1) + gaps
    }

    /// Asks for a turn of so much time. Without pacing everybody has one at once, and no statement
    /// is made.
    ///
    /// # Errors
    /// Faults of the database. A turn that was taken all the same runs out.
    pub async fn ask(
        &self,
        account: &LinkedinAccountId,
        whom: TurnFor<'_>,
        time: Duration,
    ) -> Result<Asked, Error> {
        let hold = time + HOLD_SLACK;
        // Counted from before the statement: the turn cannot have begun earlier.
        let ends = Instant::now() + hold - LET_GO_BEFORE;
        let gap = self.pacing.gap();
        let gap = match whom {
            TurnFor::Job(..) => gap,
            // The shortest, so that whoever clicks on and on does not keep the jobs away.
            TurnFor::Request => Gap {
                min: gap.min,
                max: gap.min,
            },
        };
        let turn = |token| Turn {
            account: account.clone(),
            token,
            gap,
            ends,
        };
        if self.pacing == Pacing::Off {
            return Ok(Asked::Taken(turn(None)));
        }
        let token = Uuid::new_v4();
        let mut connection = self.database.acquire().await?;
        let taken =
            linkedin_accounts::take_turn(&mut connection, account, whom, token, hold, gap).await?;
        Ok(match taken {
            TurnOutcome::Taken => Asked::Taken(turn(Some(token))),
            TurnOutcome::Wait(standing) => Asked::Wait(standing),
        })
    }

    /// Ends a turn, and says how long the account is not to be called now. Without pacing a turn
    /// need not be given back, unless its call was throttled.
    ///
    /// # Errors
    /// Faults of the database. The turn runs out by itself.
    pub async fn give_back(&self, turn: &Turn, outcome: CallOutcome) -> Result<Standing, Error> {
        let mut connection = self.database.acquire().await?;
        let Turn {
            account,
            token,
            gap,
            ..
        } = turn;
        give_back_turn(&mut connection, account, *token, *gap, outcome).await
    }

    /// Makes a call that a user waits for: after the call under way and the shortest gap, before the
    /// jobs that wait.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the account is busy for long, or rests; faults of the database.
    pub async fn call_for_request<T>(
        &self,
        account: &LinkedinAccountId,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<Result<T, UpstreamError>, Error> {
        let began = Instant::now();
        let turn = loop {
            let asked = self.ask(account, TurnFor::Request, self.call_timeout);
            let standing = match asked.await? {
                Asked::Taken(turn) => break turn,
                Asked::Wait(standing) => standing,
            };
            if standing.rests || began.elapsed() >= REQUEST_PATIENCE {
                return Err(busy(standing));
            }
            tokio::time::sleep(REQUEST_ASKS_EVERY).await;
        };
        let held = HeldTurn::of(self, turn.clone());
        let result = turn.bounded(call).await;
        held.forget();
        let outcome = outcome_of(&result);
        if turn.is_to_be_given_back(outcome)
            && let Err(error) = self.give_back(&turn, outcome).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a turn is left to run out"
            );
        }
        Ok(result)
    }
}

/// A turn that is given back when its request is dropped in the midst of the call: whoever closes
/// connections must not keep the jobs from their account.
struct HeldTurn {
    turns: LinkedinTurns,
    turn: Option<Turn>,
}

impl HeldTurn {
    fn of(turns: &LinkedinTurns, turn: Turn) -> Self {
        Self {
            turns: turns.clone(),
            turn: Some(turn).filter(|turn| turn.token.is_some()),
        }
    }

    /// The call was not dropped.
    fn forget(mut self) {
        self.turn = None;
    }
}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let turns = self.turns.clone();
        // Without a runtime, at the end of the process, the turn runs out.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = turns.give_back(&turn, CallOutcome::Failed).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a turn is left to run out"
                );
            }
        });
    }
}

impl Turn {
    /// Makes the call unless the turn is about to run out, and gives it up before it does.
    ///
    /// # Errors
    /// Those of the call, or [`UpstreamFault::TimedOut`].
    pub async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        // A time-out looks at the call first: of a process that was suspended it would go out late.
        if Instant::now() >= self.ends {
            return Err(ran_out());
        }
        let done = tokio::time::timeout_at(self.ends, call).await;
        done.unwrap_or_else(|_| Err(ran_out()))
    }

    /// Whether somebody waits for its end, or for what its call came to.
    #[must_use]
    pub fn is_to_be_given_back(&self, outcome: CallOutcome) -> bool {
        self.token.is_some() || matches!(outcome, CallOutcome::Throttled { .. })
    }
}

fn ran_out() -> UpstreamError {
    UpstreamError {
        provider: "linkedin",
        operation: "turn",
        fault: UpstreamFault::TimedOut,
        detail: "the turn ran out".to_owned(),
        retry_after: None,
        source: None,
    }
}

/// What a call came to, as far as its account is concerned.
#[must_use]
pub fn outcome_of<T>(result: &Result<T, UpstreamError>) -> CallOutcome {
    match result {
        Ok(_) => CallOutcome::Succeeded,
        Err(error) if error.fault == UpstreamFault::Throttled => CallOutcome::Throttled {
            asked: error.retry_after,
        },
        Err(_) => CallOutcome::Failed,
    }
}

fn busy(standing: Standing) -> Error {
    Error::Unavailable {
        reason: if standing.rests {
            "LinkedIn has throttled the account, which rests for a while"
        } else {
            "the LinkedIn account is busy with another call"
        },
        retry_after: standing.wait.max(Duration::from_secs(1)),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn_of(time: Duration) -> Turn {
        Turn {
            account: "acc_01demo".parse().unwrap(),
            token: Some(Uuid::nil()),
            gap: Gap::NONE,
            ends: Instant::now() + time,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_given_up_when_its_turn_ends_and_not_begun_after_that() {
        let turn = turn_of(Duration::from_secs(3));
        let began = Instant::now();
        let endless = turn.bounded(std::future::pending::<Result<(), _>>()).await;
        assert_eq!(endless.unwrap_err().fault, UpstreamFault::TimedOut);
        assert_eq!(began.elapsed(), Duration::from_secs(3));

        let mut was_called = false;
        let late = turn.bounded(async {
            was_called = true;
            Ok(())
        });
        assert!(late.await.is_err());
        assert!(!was_called);
    }
}
