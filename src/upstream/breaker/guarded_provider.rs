//! A LinkedIn provider behind its breaker.

use async_trait::async_trait;

use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::upstream::breaker::Breaker;
use crate::upstream::error::UpstreamError;
use crate::upstream::provider::{
    ConnectedAccounts, LinkedinProvider, NamedListKind, NamedListPage, PageRequest, PeoplePage,
    ProfileLookup, Standing,
};

/// So many failures in a row make a provider suspect. With the time-out of 20 s a step that meets a
/// silent provider comes to this, the check included, within its own time limit.
const THRESHOLD: u32 = 3;

/// Passes calls on while the provider works. The question after an account's health is the vital
/// call; each account is a party of its own.
pub struct GuardedProvider<Provider> {
    provider: Provider,
    breaker: Breaker<LinkedinAccountId>,
}

impl<Provider: LinkedinProvider> GuardedProvider<Provider> {
    /// `name` is the provider's name in logs and metrics.
    pub fn new(name: &'static str, provider: Provider) -> Self {
        Self {
            provider,
            breaker: Breaker::new(name, THRESHOLD),
        }
    }

    async fn guarded<T>(
        &self,
        operation: &'static str,
        account: &LinkedinAccountId,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let ask = self.provider.account_health(account);
        let permit = self.breaker.admit_ordinary(operation, account, ask);
        let permit = permit.await?;
        let done = call.await;
        if let Some(check) = permit.settle(done.as_ref().err()) {
            let health = self.provider.account_health(account).await;
            check.settle(health.as_ref().err());
        }
        done
    }
}

#[async_trait]
impl<Provider: LinkedinProvider> LinkedinProvider for GuardedProvider<Provider> {
    /// Goes past the breaker: whoever checks wants to know about the provider itself.
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError> {
        self.provider.check().await
    }

    fn standing(&self, account: &LinkedinAccountId) -> Standing {
        self.breaker.standing(account)
    }

    async fn account_health(
        &self,
        account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError> {
        let permit = self.breaker.admit_vital("account_health", account)?;
        let health = self.provider.account_health(account).await;
        permit.settle(health.as_ref().err());
        health
    }

    async fn search_page(
        &self,
        account: &LinkedinAccountId,
        url: &PeopleSearchUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let call = self.provider.search_page(account, url, page);
        self.guarded("search_page", account, call).await
    }

    async fn saved_search_page(
        &self,
        account: &LinkedinAccountId,
        id: &SavedSearchId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let call = self.provider.saved_search_page(account, id, page);
        self.guarded("saved_search_page", account, call).await
    }

    async fn lead_list_page(
        &self,
        account: &LinkedinAccountId,
        id: &LeadListId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let call = self.provider.lead_list_page(account, id, page);
        self.guarded("lead_list_page", account, call).await
    }

    async fn post_commenters_page(
        &self,
        account: &LinkedinAccountId,
        post: &PostUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let call = self.provider.post_commenters_page(account, post, page);
        self.guarded("post_commenters_page", account, call).await
    }

    async fn profile(
        &self,
        account: &LinkedinAccountId,
        url: &ProfileUrl,
    ) -> Result<ProfileLookup, UpstreamError> {
        let call = self.provider.profile(account, url);
        self.guarded("profile", account, call).await
    }

    async fn named_lists(
        &self,
        account: &LinkedinAccountId,
        kind: NamedListKind,
        page: PageRequest<'_>,
    ) -> Result<NamedListPage, UpstreamError> {
        let call = self.provider.named_lists(account, kind, page);
        self.guarded("named_lists", account, call).await
    }
}
