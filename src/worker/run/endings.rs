//! How a run lets go of its job: the job ends, waits, is handed back or put back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::db::job_totals::find_job_totals;
use crate::db::queue::{
    self, BreakOff, BreakOffOutcome, Fenced, Lease, RunState, WaitOutcome, WaitUntil,
};
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode, WaitingReason};
use crate::domain::retry::wait_after_broken_run;
use crate::error::Error;
use crate::service::job_log::{self, JobEnd};
use crate::worker::context::WorkerContext;
use crate::worker::run::{Next, Run, RunEnd};

impl Run<'_> {
    pub(super) async fn fail(&self, code: JobErrorCode) -> Result<Next, Error> {
        let failing = async {
            queue::fail_job(
                &mut *self.context.reserved.acquire().await?,
                self.lease,
                code,
            )
            .await
        };
        let done = self.context.bounded(failing).await?;
        if done == Fenced::Done {
            self.has_ended(JobEnd::Failed(code));
        }
        Ok(Next::End(if_held(done, RunEnd::Failed(code))))
    }

    pub(super) async fn give_up_enrichment(
        &self,
        code: EnrichmentErrorCode,
    ) -> Result<Next, Error> {
        let giving_up = async {
            queue::give_up_enrichment(
                &mut *self.context.reserved.acquire().await?,
                self.lease,
                code,
            )
            .await
        };
        let done = self.context.bounded(giving_up).await?;
        if done == Fenced::Done {
            tracing::warn!(code = code.as_str(), "the e-mail look-ups are given up");
            self.has_ended(JobEnd::Completed);
        }
        Ok(Next::End(if_held(done, RunEnd::Completed)))
    }

    pub(super) async fn wait(
        &self,
        state: &RunState,
        reason: WaitingReason,
        until: WaitUntil,
    ) -> Result<Next, Error> {
        match self.let_go(Some(reason), until).await? {
            WaitOutcome::Waiting => Ok(Next::End(RunEnd::Waiting(reason))),
            WaitOutcome::OutOfPatience if state.import_ended => {
                self.give_up_enrichment(EnrichmentErrorCode::FinderUnavailable)
                    .await
            }
            WaitOutcome::OutOfPatience => self.fail(JobErrorCode::UpstreamUnavailable).await,
            WaitOutcome::LeaseLost => Ok(Next::End(RunEnd::LeaseLost)),
        }
    }

    pub(super) async fn hand_back(&self) -> Result<Next, Error> {
        self.put_off(Duration::ZERO).await
    }

    /// Hands the job back to the queue until later, without a word to its owner.
    pub(super) async fn put_off(&self, pause: Duration) -> Result<Next, Error> {
        match self.let_go(None, WaitUntil::After(pause)).await? {
            WaitOutcome::LeaseLost => Ok(Next::End(RunEnd::LeaseLost)),
            WaitOutcome::Waiting | WaitOutcome::OutOfPatience => Ok(Next::End(RunEnd::HandedBack)),
        }
    }

    async fn let_go(
        &self,
        reason: Option<WaitingReason>,
        until: WaitUntil,
    ) -> Result<WaitOutcome, Error> {
        let letting_go = async {
            queue::wait_job(
                &mut *self.context.reserved.acquire().await?,
                self.lease,
                reason,
                until,
            )
            .await
        };
        self.context.bounded(letting_go).await
    }

    /// Puts the job back after this run came to grief: the attempt counts, and the more of them there
    /// were without progress, the later the next one. If even that fails, the lease runs out by itself
    /// and the reaper does the same.
    pub(super) async fn break_off(&self) -> RunEnd {
        // After a panic nobody else does.
        self.turns.give_back_left().await;
        let attempts = self.stalled_attempts.load(Ordering::Relaxed);
        let retry_after = wait_after_broken_run(attempts, rand::random());
        let breaking_off = async {
            let mut connection = self.context.reserved.acquire().await?;
            let own_run = BreakOff::OwnRun { retry_after };
            queue::break_off_run(&mut connection, self.lease, own_run).await
        };
        match self.context.bounded(breaking_off).await {
            Ok(BreakOffOutcome::Failed) => {
                self.has_ended(JobEnd::Failed(JobErrorCode::TooManyAttempts));
            }
            Ok(BreakOffOutcome::Requeued | BreakOffOutcome::LeaseLost) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease is left to run out"
                );
            }
        }
        RunEnd::BrokenOff
    }

    /// As [`Self::break_off`], after the run panicked.
    pub async fn break_off_after_panic(&self) -> RunEnd {
        let end = self.break_off().await;
        self.tell_end(end).await
    }

    pub(super) fn has_ended(&self, end: JobEnd) {
        // A job ends once.
        self.ended.get_or_init(|| end);
    }

    /// Tells of the job's end, if a write of this run ended it, and returns how the run let go of it.
    ///
    /// Not right after that write: the lease is gone by then, so a heartbeat may stop the run at its
    /// next await, and the end would go untold.
    pub(super) async fn tell_end(&self, let_go: RunEnd) -> RunEnd {
        let Some(&ended) = self.ended.get() else {
            return let_go;
        };
        tell_end(self.context, self.lease, ended).await;
        match (let_go, ended) {
            (RunEnd::LeaseLost, JobEnd::Completed) => RunEnd::Completed,
            (RunEnd::LeaseLost, JobEnd::Failed(code)) => RunEnd::Failed(code),
            _ => let_go,
        }
    }
}

fn if_held(done: Fenced, end: RunEnd) -> RunEnd {
    match done {
        Fenced::Done => end,
        Fenced::LeaseLost => RunEnd::LeaseLost,
    }
}

/// Tells of a job's end that was not a page's, whose totals have to be read. What cannot be read any
/// more is left out: the job has ended all the same.
pub async fn tell_end(context: &WorkerContext, lease: &Lease, end: JobEnd) {
    let reading = async {
        let mut connection = context.reserved.acquire().await?;
        find_job_totals(&mut connection, &lease.account_group, &lease.job).await
    };
    let totals = context.bounded(reading).await.ok().flatten();
    job_log::job_ended(lease.source, end, totals);
}
