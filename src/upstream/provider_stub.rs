//! A provider for tests of what lies above: it knows accounts, and nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::upstream::error::UpstreamError;
use crate::upstream::provider::{
    ConnectedAccounts, LinkedinProvider, NamedListKind, NamedListPage, PageRequest, PeoplePage,
    ProfileLookup,
};

/// Counts the questions it is asked about health, and can be asked nothing else.
pub(crate) struct HealthOnly {
    pub(crate) asked: AtomicU32,
    answer: AccountHealth,
}

impl HealthOnly {
    pub(crate) fn answering(answer: AccountHealth) -> Self {
        Self {
            asked: AtomicU32::new(0),
            answer,
        }
    }
}

#[async_trait]
impl LinkedinProvider for HealthOnly {
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError> {
        unreachable!()
    }

    async fn account_health(&self, _: &LinkedinAccountId) -> Result<AccountHealth, UpstreamError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(self.answer)
    }

    async fn search_page(
        &self,
        _: &LinkedinAccountId,
        _: &PeopleSearchUrl,
        _: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn saved_search_page(
        &self,
        _: &LinkedinAccountId,
        _: &SavedSearchId,
        _: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn lead_list_page(
        &self,
        _: &LinkedinAccountId,
        _: &LeadListId,
        _: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn post_commenters_page(
        &self,
        _: &LinkedinAccountId,
        _: &PostUrl,
        _: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn profile(
        &self,
        _: &LinkedinAccountId,
        _: &ProfileUrl,
    ) -> Result<ProfileLookup, UpstreamError> {
        unreachable!()
    }

    async fn named_lists(
        &self,
        _: &LinkedinAccountId,
        _: NamedListKind,
        _: PageRequest<'_>,
    ) -> Result<NamedListPage, UpstreamError> {
        unreachable!()
    }
}
