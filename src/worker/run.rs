//! One job, carried from page to page until it ends, waits or is handed back.
//!
//! What if the process dies after an await? Before a commit nothing of the page exists; after it all
//! of it does, and the job's row says where the next one begins. When the answer to a commit is lost,
//! the commit is made again: [`PageOutcome::AlreadyDone`] says that it went through, and the run goes
//! on from what its job's row says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::db::job_totals::find_job_totals;
use crate::db::prospects::list_lookups;
use crate::db::queue::{
    self, BatchOutcome, BreakOff, BreakOffOutcome, FETCHED_MAX, Fenced, Lease, NewPage,
    PageOutcome, RunState, WaitOutcome, WaitUntil,
};
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode, WaitingReason};
use crate::domain::pacing::REST_BASE;
use crate::domain::quota::ListType;
use crate::domain::retry::{
    LONGEST_WAIT_IN_RUN, TRIES_PER_CALL, asked_to_wait, parked_for, wait_after_broken_run,
    wait_before_retry,
};
use crate::domain::start_request::SourceKind;
use crate::error::Error;
use crate::service::job_log::{self, JobEnd};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::worker::context::WorkerContext;
use crate::worker::enrichment::{self, AnsweredBatch};
use crate::worker::progress::{batch_committed, page_committed};
use crate::worker::retrying::next_try;
use crate::worker::sources::{Fetch, FetchError, FetchedPage, fetch_page, page_size};
use crate::worker::turns::{NoTurn, RunTurns};

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

/// How long a job is put off that this process must not go on with.
const ERASURE_KEY_PAUSE: Duration = Duration::from_secs(60);

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
        end
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
                    read_at = Instant::now();
                    self.read_back().await
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

    async fn import(&self, state: RunState) -> Result<Next, Error> {
        let Some(account) = state.linkedin_account.as_ref() else {
            return self.fail(JobErrorCode::LinkedinDisconnected).await;
        };
        let kind = state.source.kind();
        let list_type = ListType::from(kind);
        let quota_left = self
            .context
            .limits
            .quotas
            .of(list_type)
            .saturating_sub(state.quota_used_today);
        if quota_left == 0 {
            return self
                .wait(&state, WaitingReason::Quota, WaitUntil::NextDay)
                .await;
        }
        let may_fetch = FETCHED_MAX.saturating_sub(state.fetched).max(1);
        let limit = page_size(kind)
            .min(state.rows_wanted.max(1))
            .min(may_fetch)
            .min(quota_left);
        // On the heap: what all sources may need at a time would make every future above it large.
        let fetching = Box::pin(fetch_page(Fetch {
            provider: &*self.context.provider,
            account,
            state: &state,
            turns: &self.turns,
            call_time: self.call_time(kind),
            limit,
        }));
        let fetched = self.bounded(fetching).await;
        self.turns.give_back_left().await;
        match fetched {
            Ok(page) => self.commit_page(state, page, list_type).await,
            Err(Interrupted::Stopped) => self.hand_back().await,
            Err(Interrupted::TimedOut) => Ok(Next::End(self.break_off().await)),
            Err(Interrupted::Step(FetchError::Upstream(error))) => {
                self.upstream_failed(&state, error).await
            }
            Err(Interrupted::Step(FetchError::NoTurn(NoTurn::Database(error)))) => Err(error),
            Err(Interrupted::Step(FetchError::NoTurn(NoTurn::Wait(wait)))) => {
                self.wait_for_account(&state, wait).await
            }
            Err(Interrupted::Step(FetchError::Cursor(error))) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the stored cursor cannot be read"
                );
                self.fail(JobErrorCode::InternalError).await
            }
        }
    }

    /// Runs a step's upstream work within its time limit, and drops it when told to.
    async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            () = self.stop.give_up_page.cancelled() => Err(Interrupted::Stopped),
            done = tokio::time::timeout(self.context.limits.step_timeout, work) => match done {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(error)) => Err(Interrupted::Step(error)),
                Err(_) => Err(Interrupted::TimedOut),
            },
        }
    }

    async fn commit_page(
        &self,
        mut state: RunState,
        page: FetchedPage,
        list_type: ListType,
    ) -> Result<Next, Error> {
        let number = state.page + 1;
        let committing = || async {
            let new_page = NewPage {
                page: number,
                items: &page.items,
                cursor: page.cursor.clone(),
                available: page.available,
                upstream_ended: page.ended,
                may_be_barren: page.may_be_barren,
                list_type,
                erasure_key: self.context.erasure_key.as_ref(),
            };
            let mut connection = self.context.database.acquire().await?;
            queue::import_page(
                &mut connection,
                self.lease,
                self.context.limits.lease,
                new_page,
            )
            .await
        };
        let outcome = self.write(committing).await?;
        match outcome {
            PageOutcome::Committed {
                job_ended,
                import_ended,
                rows_wanted,
                fetched,
                quota_used_today,
                totals,
            } => {
                page_committed(self.lease.source, &state.totals, &totals);
                tracing::debug!(
                    page = number,
                    items = page.items.len(),
                    imported = totals.imported,
                    rows_wanted,
                    "page committed"
                );
                if job_ended {
                    job_log::job_ended(self.lease.source, JobEnd::Completed, Some(totals));
                    return Ok(Next::End(RunEnd::Completed));
                }
                if import_ended {
                    return Ok(Next::ReadBack);
                }
                state.page = number;
                state.cursor = page.cursor;
                state.rows_wanted = rows_wanted;
                state.fetched = fetched;
                state.quota_used_today = quota_used_today;
                state.totals = totals;
                state.stalled_waits = 0;
                state.stalled_attempts = 0;
                Ok(Next::Step(Box::new(state)))
            }
            PageOutcome::AlreadyDone => Ok(Next::ReadBack),
            PageOutcome::LeaseLost => Ok(Next::End(RunEnd::LeaseLost)),
            PageOutcome::ErasureKeyMissing => {
                tracing::error!(
                    "people were erased under another ERASURE_KEY than this process has: set it and start again; the job is put off"
                );
                self.put_off(ERASURE_KEY_PAUSE).await
            }
        }
    }

    async fn upstream_failed(&self, state: &RunState, error: UpstreamError) -> Result<Next, Error> {
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

    /// The longest that one method of the provider may take, by the calls that it may come to: a post
    /// is looked for under several ids, and a profile under two.
    fn call_time(&self, kind: SourceKind) -> Duration {
        let calls = match kind {
            SourceKind::LinkedinSearch | SourceKind::SalesNavigator => 1,
            SourceKind::UrlUpload => 2,
            SourceKind::PostCommenters => 5,
        };
        let turns = &self.context.turns;
        let time = turns.call_timeout() * calls + turns.pacing().gap().max * (calls - 1);
        time.min(self.context.limits.step_timeout)
    }

    /// Gives the worker slot back until the LinkedIn account may be called.
    async fn wait_for_account(&self, state: &RunState, wait: Duration) -> Result<Next, Error> {
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
        self.wait(state, WaitingReason::Upstream, WaitUntil::After(wait))
            .await
    }

    async fn enrich(&self, state: RunState) -> Result<Next, Error> {
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
        match self.bounded(looking_up).await {
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
            tell_end(self.context, self.lease, JobEnd::Completed).await;
            return Ok(Next::End(RunEnd::Completed));
        }
        state.enrichment_batch = number;
        state.enriched_through = through_row;
        state.stalled_waits = 0;
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

    async fn finder_failed(&self, state: &RunState, error: UpstreamError) -> Result<Next, Error> {
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

    async fn give_up_enrichment(&self, code: EnrichmentErrorCode) -> Result<Next, Error> {
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
            tell_end(self.context, self.lease, JobEnd::Completed).await;
        }
        Ok(Next::End(if_held(done, RunEnd::Completed)))
    }

    async fn fail(&self, code: JobErrorCode) -> Result<Next, Error> {
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
            tell_end(self.context, self.lease, JobEnd::Failed(code)).await;
        }
        Ok(Next::End(if_held(done, RunEnd::Failed(code))))
    }

    async fn wait(
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

    async fn hand_back(&self) -> Result<Next, Error> {
        self.put_off(Duration::ZERO).await
    }

    /// Hands the job back to the queue until later, without a word to its owner.
    async fn put_off(&self, pause: Duration) -> Result<Next, Error> {
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
    pub async fn break_off(&self) -> RunEnd {
        let attempts = self.stalled_attempts.load(Ordering::Relaxed);
        let retry_after = wait_after_broken_run(attempts, rand::random());
        let breaking_off = async {
            let mut connection = self.context.reserved.acquire().await?;
            let own_run = BreakOff::OwnRun { retry_after };
            queue::break_off_run(&mut connection, self.lease, own_run).await
        };
        match self.context.bounded(breaking_off).await {
            Ok(BreakOffOutcome::Failed) => {
                let end = JobEnd::Failed(JobErrorCode::TooManyAttempts);
                tell_end(self.context, self.lease, end).await;
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
}

fn is_refusal(error: &UpstreamError) -> bool {
    error.fault == UpstreamFault::CircuitOpen
}

/// A page or a batch: its number on each of its lines, and a span for whoever follows traces.
fn step_span(state: &RunState) -> Span {
    match state.import_ended {
        false => tracing::info_span!("page", number = state.page + 1),
        true => tracing::info_span!("batch", number = state.enrichment_batch + 1),
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
