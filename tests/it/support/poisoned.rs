//! Upstreams that fail in ways of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use prospector::domain::account_health::AccountHealth;
use prospector::domain::id::LinkedinAccountId;
use prospector::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use prospector::upstream::email_finder::EmailFinder;
use prospector::upstream::error::{UpstreamError, UpstreamFault};
use prospector::upstream::provider::{
    ConnectedAccounts, LinkedinProvider, NamedListKind, NamedListPage, PageRequest, PeoplePage,
    ProfileLookup, Standing,
};
use prospector::worker::context::{WorkerContext, WorkerLimits};

use crate::support::app::{Setup, TestApp};

/// What becomes of a search whose keywords hold `poison`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Poison {
    /// A server error that asks to come back after so long.
    ServerError(Duration),
    Panic,
    Hang,
    /// No call is made: the provider is left alone for so long, as everybody can see.
    LeftAlone(Duration),
}

/// The sandbox, but for poisoned searches.
pub(crate) struct Poisoned {
    sandbox: Arc<dyn LinkedinProvider>,
    poison: Poison,
    /// Searches are well again.
    pub(crate) is_healed: AtomicBool,
    /// Poisoned calls so far.
    pub(crate) calls: AtomicU32,
}

#[async_trait]
impl LinkedinProvider for Poisoned {
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError> {
        unreachable!()
    }

    fn standing(&self, account: &LinkedinAccountId) -> Standing {
        match self.poison {
            Poison::LeftAlone(retry_after) if !self.is_healed.load(Ordering::SeqCst) => {
                Standing::ShutOff { retry_after }
            }
            _ => self.sandbox.standing(account),
        }
    }

    async fn account_health(
        &self,
        account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError> {
        self.sandbox.account_health(account).await
    }

    async fn search_page(
        &self,
        account: &LinkedinAccountId,
        url: &PeopleSearchUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        if !url.as_str().contains("poison") || self.is_healed.load(Ordering::SeqCst) {
            return self.sandbox.search_page(account, url, page).await;
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.poison {
            Poison::ServerError(retry_after) => {
                Err(failure(UpstreamFault::ServerError, retry_after))
            }
            Poison::Panic => panic!("poisoned"),
            Poison::Hang => std::future::pending().await,
            Poison::LeftAlone(retry_after) => Err(failure(UpstreamFault::CircuitOpen, retry_after)),
        }
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

/// An app whose workers meet the poison, and the poison.
pub(crate) async fn poisoned_app(
    setup: Setup,
    poison: Poison,
    concurrency: usize,
) -> (TestApp, Arc<Poisoned>) {
    let mut app = TestApp::with(setup).await;
    let poisoned = Arc::new(Poisoned {
        sandbox: Arc::clone(&app.worker.provider),
        poison,
        is_healed: AtomicBool::new(false),
        calls: AtomicU32::new(0),
    });
    let worker = parts(&app.worker);
    app.worker = Arc::new(WorkerContext {
        provider: Arc::clone(&poisoned) as Arc<dyn LinkedinProvider>,
        limits: WorkerLimits {
            concurrency,
            ..worker.limits
        },
        ..worker
    });
    (app, poisoned)
}

/// A failure that asks to come back after so long.
pub(crate) fn failure(fault: UpstreamFault, retry_after: Duration) -> UpstreamError {
    UpstreamError {
        provider: "test",
        operation: "call",
        fault,
        detail: "poisoned".to_owned(),
        retry_after: Some(retry_after),
        source: None,
    }
}

/// The same workers with another e-mail finder.
pub(crate) fn with_finder(
    worker: &WorkerContext,
    finder: Arc<dyn EmailFinder>,
) -> Arc<WorkerContext> {
    Arc::new(WorkerContext {
        email_finder: Some(finder),
        ..parts(worker)
    })
}

fn parts(worker: &WorkerContext) -> WorkerContext {
    WorkerContext {
        database: worker.database.clone(),
        reserved: worker.reserved.clone(),
        upkeep: worker.upkeep.clone(),
        listening: worker.listening.clone(),
        provider: Arc::clone(&worker.provider),
        turns: worker.turns.clone(),
        email_finder: worker.email_finder.clone(),
        wake_up: Arc::clone(&worker.wake_up),
        erasure_key: worker.erasure_key.clone(),
        limits: worker.limits,
    }
}
