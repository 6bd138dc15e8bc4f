//! A batch of e-mail look-ups: the finder is asked, then its answers are committed with their charge.

use crate::db::prospects::list_lookups;
use crate::db::queue::{self, BatchOutcome, RunState};
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode};
use crate::error::Error;
use crate::service::job_log::JobEnd;
use crate::upstream::error::UpstreamError;
use crate::worker::enrichment::{self, AnsweredBatch};
use crate::worker::progress::batch_committed;
use crate::worker::retrying::next_try;
use crate::worker::run::{Interrupted, Next, Run, RunEnd};

impl Run<'_> {
    pub(super) async fn enrich(&self, state: RunState) -> Result<Next, Error> {
        let Some(finder) = self.context.email_finder.as_deref() else {
            return self
                .give_up_enrichment(EnrichmentErrorCode::FinderUnavailable)
                .await;
        };
        let (lease, after) = (self.lease, state.enriched_through);
        let reading = async {
            let mut connection = self.context.database.acquire().await?;
            list_lookups(
                &mut connection,
                &lease.account_group,
                &lease.job,
                after,
                finder.batch_size(),
            )
            .await
        };
        let lookups = self.context.bounded(reading).await?;
        if lookups.is_empty() {
            // Whoever was left to be looked up has been erased: an empty batch completes the job.
            return self.commit_batch(state, AnsweredBatch::empty(after)).await;
        }
        let looking_up = async { Ok(enrichment::look_up(finder, lookups, after).await) };
        let step_timeout = self.context.limits.step_timeout;
        match self.bounded(step_timeout, looking_up).await {
            Ok(batch) if batch.answers.is_empty() && batch.stopped_by.is_none() => {
                tracing::error!("the e-mail finder answered nobody and named no fault");
                self.fail(JobErrorCode::InternalError).await
            }
            Ok(batch) => self.commit_batch(state, batch).await,
            Err(Interrupted::Stopped) => self.hand_back().await,
            Err(Interrupted::TimedOut | Interrupted::Step(_)) => {
                Ok(Next::End(self.break_off().await))
            }
        }
    }

    async fn commit_batch(&self, mut state: RunState, batch: AnsweredBatch) -> Result<Next, Error> {
        let AnsweredBatch {
            answers,
            through_row,
            stopped_by,
        } = batch;
        if answers.is_empty()
            && let Some(error) = stopped_by
        {
            return self.finder_failed(&state, error).await;
        }
        let number = state.enrichment_batch + 1;
        let lease_time = self.context.limits.lease;
        let committing = || async {
            let mut connection = self.context.database.acquire().await?;
            queue::store_emails(
                &mut connection,
                self.lease,
                lease_time,
                number,
                through_row,
                &answers,
            )
            .await
        };
        let job_ended = match self.write(committing).await? {
            BatchOutcome::Committed { job_ended } => job_ended,
            BatchOutcome::AlreadyDone => return Ok(Next::ReadBack),
            BatchOutcome::LeaseLost => return Ok(Next::End(RunEnd::LeaseLost)),
        };
        batch_committed(&answers);
        tracing::debug!(batch = number, answers = answers.len(), "batch committed");
        if job_ended {
            self.has_ended(JobEnd::Completed);
            return Ok(Next::End(RunEnd::Completed));
        }
        state.enrichment_batch = number;
        state.enriched_through = through_row;
        state.stalled_waits = 0;
        state.stalled_by_failure = false;
        state.stalled_attempts = 0;
        match stopped_by {
            None => Ok(Next::Step(Box::new(state))),
            Some(error) => self.ask_again(state, error).await,
        }
    }

    /// Goes on after a batch of which a part was answered, if the rest is worth another try.
    async fn ask_again(&self, state: RunState, error: UpstreamError) -> Result<Next, Error> {
        let Some(wait) = next_try(&error, 1) else {
            return self.finder_failed(&state, error).await;
        };
        tracing::debug!(%error, wait_ms = wait.as_millis(), "asking again for a part of the batch");
        tokio::select! {
            () = self.stop.finish_page.cancelled() => self.hand_back().await,
            () = tokio::time::sleep(wait) => Ok(Next::Step(Box::new(state))),
        }
    }
}
