//! One job, carried from page to page until it ends, waits or is handed back.
//!
//! Here is the loop over the steps. [`page`] and [`batch`] are the two kinds of step, [`faults`] says
//! what an upstream's failure means for the job, and [`endings`] has every way to let go of it.
//!
//! What if the process dies after an await? Before a commit nothing of the page exists; after it all
//! of it does, and the job's row says where the next one begins. When the answer to a commit is lost,
//! the commit is made again: [`AlreadyDone`](queue::PageOutcome::AlreadyDone) says that it went
//! through, and the run goes on from what its job's row says.

mod batch;
pub mod endings;
mod faults;
mod page;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::db::queue::{self, Lease, RunState, WaitUntil};
use crate::domain::job::{JobErrorCode, WaitingReason};
use crate::domain::retry::wait_before_retry;
use crate::error::Error;
use crate::service::job_log::JobEnd;
use crate::worker::context::WorkerContext;
use crate::worker::sources::FetchError;
use crate::worker::turns::RunTurns;

/// How a run let go of its job. Logged, and pinned by tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    Completed,
    Failed(JobErrorCode),
    Waiting(WaitingReason),
    HandedBack,
    /// Somebody else has the job, or it was cancelled.
    LeaseLost,
    /// The run came to grief and the job goes back into the queue, or fails when that is too much.
    BrokenOff,
}

/// How the outside tells a run to stop.
#[derive(Debug, Clone)]
pub struct StopSignals {
    /// The lease is lost: write nothing more.
    pub lost: CancellationToken,
    /// Finish the page at hand, then hand the job back.
    pub finish_page: CancellationToken,
    /// Give the page at hand up and hand the job back.
    pub give_up_page: CancellationToken,
}

/// How long a run goes by what it read of its job, its account group and the quota.
const READ_BACK_AFTER: Duration = Duration::from_secs(10);

/// How often a paused account group is looked at.
const PAUSED_FOR: Duration = Duration::from_secs(60);

/// A run of a claimed job.
pub struct Run<'a> {
    context: &'a WorkerContext,
    lease: &'a Lease,
    stop: StopSignals,
    /// This attempt and those before it without progress, as far as the run has read.
    stalled_attempts: AtomicU32,
    turns: RunTurns<'a>,
    /// How the job ended, once a write of this run has ended it.
    ended: OnceLock<JobEnd>,
}

/// What to do after a step.
enum Next {
    /// Go on from this state.
    Step(Box<RunState>),
    /// The fate of a write is uncertain, or the state has moved on: read the job back.
    ReadBack,
    End(RunEnd),
}

/// What cut a fetch short.
enum Interrupted {
    Step(FetchError),
    TimedOut,
    Stopped,
}

impl<'a> Run<'a> {
    #[must_use]
    pub fn new(context: &'a WorkerContext, lease: &'a Lease, stop: StopSignals) -> Self {
        Self {
            context,
            lease,
            stop,
            stalled_attempts: AtomicU32::new(1),
            turns: RunTurns::new(context, lease),
            ended: OnceLock::new(),
        }
    }

    /// Carries the job on until it ends, waits or is handed back.
    pub async fn carry_on(&self) -> RunEnd {
        let lost = self.stop.lost.clone();
        let end = tokio::select! {
            biased;
            () = lost.cancelled() => RunEnd::LeaseLost,
            end = self.drive() => end,
        };
        self.turns.give_back_left().await;
        self.tell_end(end).await
    }

    async fn drive(&self) -> RunEnd {
        let mut failures = 0;
        let mut read_at = Instant::now();
        let mut next = Next::ReadBack;
        loop {
            let stepped = match next {
                Next::End(end) => return end,
                // What others may change meanwhile (a pause, the account, the quota) is read anew.
                Next::Step(state) if read_at.elapsed() < READ_BACK_AFTER => {
                    let stalled_attempts = state.stalled_attempts;
                    self.stalled_attempts
                        .store(stalled_attempts, Ordering::Relaxed);
                    let span = step_span(&state);
                    self.step(*state).instrument(span).await
                }
                Next::Step(_) | Next::ReadBack => {
                    let read = self.read_back().await;
                    read_at = Instant::now();
                    read
                }
            };
            next = match stepped {
                Ok(next) => {
                    failures = 0;
                    next
                }
                // The database is away: nothing is known of the last write. Ask again until it is back.
                Err(error @ Error::Unavailable { .. }) if !self.stop.finish_page.is_cancelled() => {
                    failures += 1;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        failures,
                        "the run waits for the database"
                    );
                    tokio::time::sleep(wait_before_retry(failures.min(3), rand::random())).await;
                    Next::ReadBack
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the run failed");
                    return self.break_off().await;
                }
            };
        }
    }

    async fn read_back(&self) -> Result<Next, Error> {
        let reading = async {
            queue::find_run(&mut *self.context.database.acquire().await?, self.lease).await
        };
        let state = self.context.bounded(reading).await?;
        if let Some(state) = &state {
            self.turns.learn(state.account);
        }
        Ok(state.map_or(Next::End(RunEnd::LeaseLost), |state| {
            Next::Step(Box::new(state))
        }))
    }

    async fn step(&self, state: RunState) -> Result<Next, Error> {
        if self.stop.finish_page.is_cancelled() {
            return self.hand_back().await;
        }
        if state.paused {
            return self
                .wait(&state, WaitingReason::Paused, WaitUntil::After(PAUSED_FOR))
                .await;
        }
        let runs_for = (state.now - state.started_at).to_std().unwrap_or_default();
        if runs_for > self.context.limits.job_max {
            return self.fail(JobErrorCode::TimeLimit).await;
        }
        if state.import_ended {
            self.enrich(state).await
        } else {
            self.import(state).await
        }
    }

    /// Makes a write until the database takes it. What was fetched is not lost to a passing fault; a
    /// write that went through although its answer was lost is told by its number. After the time of
    /// a step the run gives up, as an attempt without progress.
    async fn write<T, Write>(&self, mut write: impl FnMut() -> Write) -> Result<T, Error>
    where
        Write: Future<Output = Result<T, Error>>,
    {
        let began = Instant::now();
        let mut failures = 0;
        loop {
            let error = match self.context.bounded(write()).await {
                Err(error @ Error::Unavailable { .. }) => error,
                done => return done,
            };
            failures += 1;
            if self.stop.finish_page.is_cancelled()
                || began.elapsed() >= self.context.limits.step_timeout
            {
                return Err(Error::internal(error));
            }
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                failures,
                "the page waits for the database"
            );
            tokio::time::sleep(wait_before_retry(failures.min(3), rand::random())).await;
        }
    }

    /// Runs a step's upstream work within its time limit, and drops it when told to.
    async fn bounded<T>(
        &self,
        time: Duration,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            () = self.stop.give_up_page.cancelled() => Err(Interrupted::Stopped),
            done = tokio::time::timeout(time, work) => match done {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(error)) => Err(Interrupted::Step(error)),
                Err(_) => Err(Interrupted::TimedOut),
            },
        }
    }
}

/// A page or a batch: its number on each of its lines, and a span for whoever follows traces.
fn step_span(state: &RunState) -> Span {
    match state.import_ended {
        false => tracing::info_span!("page", number = state.page + 1),
        true => tracing::info_span!("batch", number = state.enrichment_batch + 1),
    }
}
