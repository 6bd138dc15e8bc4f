//! A page of the import: fetched, then committed with its charge and cursor.

use std::time::Duration;

use crate::db::queue::{self, FETCHED_MAX, NewPage, PageOutcome, RunState, WaitUntil};
use crate::domain::job::{JobErrorCode, WaitingReason};
use crate::domain::quota::ListType;
use crate::domain::start_request::SourceKind;
use crate::error::Error;
use crate::service::job_log::{self, JobEnd};
use crate::worker::progress::page_committed;
use crate::worker::run::{Interrupted, Next, Run, RunEnd};
use crate::worker::sources::{Fetch, FetchError, FetchedPage, fetch_page, page_size};
use crate::worker::turns::NoTurn;

/// How long a job is put off that this process must not go on with.
const ERASURE_KEY_PAUSE: Duration = Duration::from_secs(60);

impl Run<'_> {
    pub(super) async fn import(&self, state: RunState) -> Result<Next, Error> {
        let Some(account) = state.linkedin_account.as_ref() else {
            return self.fail(JobErrorCode::LinkedinDisconnected).await;
        };
        if !self.has_erasure_key(&state) {
            return self.wait_for_erasure_key().await;
        }
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
        let fetched = self.bounded(self.import_time(kind), fetching).await;
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

    /// The longest that one method of the provider may take.
    fn call_time(&self, kind: SourceKind) -> Duration {
        let time = self.context.turns.time_for(calls_of(kind));
        time.min(self.import_time(kind))
    }

    /// The longest that fetching a page may take. The gaps within a method, which the operator sets, come
    /// on top: a job that only keeps to them must not be taken for one that hangs.
    fn import_time(&self, kind: SourceKind) -> Duration {
        let gaps = self.context.turns.pacing().gap().max * (calls_of(kind) - 1);
        self.context.limits.step_timeout + gaps
    }

    async fn commit_page(
        &self,
        mut state: RunState,
        page: FetchedPage,
        list_type: ListType,
    ) -> Result<Next, Error> {
        let number = state.page + 1;
        let outcome = self.store_page(number, &page, list_type).await?;
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
                state.stalled_by_failure = false;
                state.stalled_attempts = 0;
                Ok(Next::Step(Box::new(state)))
            }
            PageOutcome::AlreadyDone => Ok(Next::ReadBack),
            PageOutcome::LeaseLost => Ok(Next::End(RunEnd::LeaseLost)),
            PageOutcome::ErasureKeyMissing => self.wait_for_erasure_key().await,
        }
    }

    /// Whether erased people can be told from others. Asked before LinkedIn is: a page that cannot be
    /// committed would be fetched again and again.
    fn has_erasure_key(&self, state: &RunState) -> bool {
        let key = self.context.erasure_key.as_ref();
        state.erased_under.as_ref().is_none_or(|erased_under| {
            key.is_some_and(|key| key.check_value()[..] == erased_under[..])
        })
    }

    async fn wait_for_erasure_key(&self) -> Result<Next, Error> {
        tracing::error!(
            "people were erased under another ERASURE_KEY than this process has: set it and start again; the job is put off"
        );
        self.put_off(ERASURE_KEY_PAUSE).await
    }

    async fn store_page(
        &self,
        number: u32,
        page: &FetchedPage,
        list_type: ListType,
    ) -> Result<PageOutcome, Error> {
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
        self.write(committing).await
    }
}

/// The calls that one method of the provider may come to: a post is looked for under several ids, and a
/// profile under two.
fn calls_of(kind: SourceKind) -> u32 {
    match kind {
        SourceKind::LinkedinSearch | SourceKind::SalesNavigator => 1,
        SourceKind::UrlUpload => 2,
        SourceKind::PostCommenters => 5,
    }
}
