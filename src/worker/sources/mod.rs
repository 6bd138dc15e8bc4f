//! What a page is, for each kind of source.

mod linkedin_search;
mod post_commenters;
mod sales_navigator;
mod url_upload;

use std::time::Duration;

use crate::db::queue::{FETCHED_MAX, Item, ItemKind, RunState};
use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::job::StopReason;
use crate::domain::quota::ROWS_PER_PAGE;
use crate::domain::start_request::{Source, SourceKind};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::{LinkedinProvider, PageCursor, PageItem, PageRequest, PeoplePage};
use crate::worker::retrying::with_retries;
use crate::worker::turns::{NoTurn, RunTurns};

/// A page of results, ready to be committed.
#[derive(Debug)]
pub struct FetchedPage {
    pub items: Vec<Item>,
    /// Where the next page begins.
    pub cursor: Option<serde_json::Value>,
    pub available: Option<u32>,
    /// Why there is no next page; `None` while there is one.
    pub ended: Option<StopReason>,
    /// Whether a page without anybody new may be the one too many of its kind.
    pub may_be_barren: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    NoTurn(#[from] NoTurn),
    /// The stored cursor is not of this version's making.
    #[error("the stored cursor cannot be read")]
    Cursor(#[source] serde_json::Error),
}

/// Everything that fetching a page depends on.
#[derive(Clone, Copy)]
pub struct Fetch<'a> {
    pub provider: &'a dyn LinkedinProvider,
    pub account: &'a LinkedinAccountId,
    pub state: &'a RunState,
    pub turns: &'a RunTurns<'a>,
    /// The longest that one method of the provider may take.
    pub call_time: Duration,
    /// The most items wanted, at least 1.
    pub limit: u32,
}

/// The most items asked for at a time.
#[must_use]
pub fn page_size(kind: SourceKind) -> u32 {
    match kind {
        SourceKind::LinkedinSearch | SourceKind::SalesNavigator | SourceKind::PostCommenters => {
            ROWS_PER_PAGE
        }
        SourceKind::UrlUpload => url_upload::PROFILES_PER_PAGE,
    }
}

/// Fetches the next page of a job, trying each call several times.
///
/// # Errors
/// [`FetchError`], after the tries that its fault is worth.
pub async fn fetch_page(fetch: Fetch<'_>) -> Result<FetchedPage, FetchError> {
    match &fetch.state.source {
        Source::LinkedinSearch { search_url } => linkedin_search::fetch(fetch, search_url).await,
        Source::SavedSearch { id } => sales_navigator::fetch_saved_search(fetch, id).await,
        Source::LeadList { id } => sales_navigator::fetch_lead_list(fetch, id).await,
        Source::PostCommenters { post } => post_commenters::fetch(fetch, post).await,
        Source::UrlUpload { urls } => url_upload::fetch(fetch, urls).await,
    }
}

impl Fetch<'_> {
    /// Calls a method of the provider, several times if it fails, each time in a turn of the account.
    async fn call<T, Call>(&self, call: impl Fn() -> Call) -> Result<T, FetchError>
    where
        Call: Future<Output = Result<T, UpstreamError>>,
    {
        with_retries(|| self.turns.call(self.account, self.call_time, call())).await
    }

    fn cursor<Cursor: serde::de::DeserializeOwned>(&self) -> Result<Option<Cursor>, FetchError> {
        let stored = self.state.cursor.clone().map(serde_json::from_value);
        stored.transpose().map_err(FetchError::Cursor)
    }

    fn request<'c>(&self, cursor: Option<&'c PageCursor>) -> PageRequest<'c> {
        PageRequest {
            cursor,
            limit: self.limit,
        }
    }

    /// Whether what was asked for, and not the provider, is at fault: it failed before a wait and after it,
    /// while the provider answers for the account. Without this one bad profile or comment would hold up
    /// all that follow. A wait because nobody was let in says nothing about it.
    async fn fails_here_only(&self, error: &UpstreamError) -> bool {
        let suspicious = matches!(
            error.fault,
            UpstreamFault::ServerError | UpstreamFault::InvalidAnswer | UpstreamFault::TimedOut
        );
        if !suspicious || error.retry_after.is_some() || !self.state.stalled_by_failure {
            return false;
        }
        matches!(
            self.provider.account_health(self.account).await,
            Ok(AccountHealth::Connected { .. })
        )
    }

    /// Reads a page of people: what its items are, and whether another follows.
    fn people(
        &self,
        page: PeoplePage,
        cursor: Option<&PageCursor>,
    ) -> Result<FetchedPage, FetchError> {
        let sent = u32::try_from(page.items.len()).unwrap_or(FETCHED_MAX);
        let fetched = self.state.fetched.saturating_add(sent);
        let ended = match &page.next {
            // Asking the same again would go round in circles.
            Some(next) if Some(next) == cursor => Some(StopReason::SourceExhausted),
            Some(_) => None,
            None if page.available.is_some_and(|available| available > fetched) => {
                Some(StopReason::SourceCap)
            }
            None => Some(StopReason::SourceExhausted),
        };
        let may_be_barren = !cursor.is_some_and(PageCursor::is_of_replies);
        let cursor = page
            .next
            .map(serde_json::to_value)
            .transpose()
            .map_err(FetchError::Cursor)?;
        let items = page.items.into_iter().map(item).collect();
        Ok(FetchedPage {
            items,
            cursor,
            available: page.available,
            ended,
            may_be_barren,
        })
    }
}

fn item(item: PageItem) -> Item {
    match item {
        PageItem::Person(person) => Item {
            kind: ItemKind::Person(person),
            reason: None,
            input_url: None,
        },
        PageItem::Invalid { reason } => Item {
            kind: ItemKind::Invalid,
            reason: Some(reason.to_owned()),
            input_url: None,
        },
    }
}
