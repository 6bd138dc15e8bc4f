//! Both guards around upstreams that fail when they are told to, on a clock that the tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::join_all;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tokio::sync::Semaphore;

use super::*;
use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailFinder, FinderAccount};
use crate::upstream::provider::{
    ConnectedAccounts, LinkedinProvider, NamedListKind, NamedListPage, PageRequest, PeoplePage,
    ProfileLookup,
};

const PAUSE: Duration = Duration::from_secs(5);

/// What the outside does, and how often it was called.
struct Outside {
    /// For whom the question after the health fails.
    health_fails: fn(&LinkedinAccountId) -> bool,
    items_fail: AtomicBool,
    fault: UpstreamFault,
    health_calls: AtomicU32,
    item_calls: AtomicU32,
    /// A call ends when it has got one of these.
    permits: Semaphore,
}

impl Outside {
    fn new(health_fails: fn(&LinkedinAccountId) -> bool, fault: UpstreamFault) -> Arc<Self> {
        Arc::new(Self {
            health_fails,
            items_fail: AtomicBool::new(true),
            fault,
            health_calls: AtomicU32::new(0),
            item_calls: AtomicU32::new(0),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// Down as a whole.
    fn down() -> Arc<Self> {
        Self::new(|_| true, UpstreamFault::ServerError)
    }

    fn calls(&self) -> (u32, u32) {
        let health = self.health_calls.load(Ordering::SeqCst);
        (health, self.item_calls.load(Ordering::SeqCst))
    }

    async fn outcome(&self, fails: bool) -> Result<(), UpstreamError> {
        self.permits.acquire().await.unwrap().forget();
        if fails {
            Err(error(self.fault))
        } else {
            Ok(())
        }
    }
}

fn error(fault: UpstreamFault) -> UpstreamError {
    UpstreamError {
        provider: "test",
        operation: "call",
        fault,
        detail: String::new(),
        retry_after: None,
        source: None,
    }
}

#[async_trait]
impl LinkedinProvider for Arc<Outside> {
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError> {
        unreachable!()
    }

    async fn account_health(
        &self,
        account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError> {
        self.health_calls.fetch_add(1, Ordering::SeqCst);
        let fails = (self.health_fails)(account) && self.items_fail.load(Ordering::SeqCst);
        self.outcome(fails).await?;
        Ok(AccountHealth::Connected {
            sales_navigator: None,
        })
    }

    async fn search_page(
        &self,
        _: &LinkedinAccountId,
        _: &PeopleSearchUrl,
        _: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        self.item_calls.fetch_add(1, Ordering::SeqCst);
        self.outcome(self.items_fail.load(Ordering::SeqCst)).await?;
        Ok(PeoplePage {
            items: Vec::new(),
            next: None,
            available: None,
        })
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

#[async_trait]
impl EmailFinder for Arc<Outside> {
    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        unreachable!()
    }

    fn batch_size(&self) -> u32 {
        7
    }

    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        self.item_calls.fetch_add(1, Ordering::SeqCst);
        let fails =
            people[0].name.as_deref() == Some("poison") || self.items_fail.load(Ordering::SeqCst);
        BatchAnswers {
            answered: Vec::new(),
            stopped_by: self.outcome(fails).await.err(),
        }
    }
}

type Guarded = GuardedProvider<Arc<Outside>>;

fn guarded(outside: &Arc<Outside>) -> Guarded {
    GuardedProvider::new("test", Arc::clone(outside))
}

fn account(name: &str) -> LinkedinAccountId {
    name.parse().unwrap()
}

async fn search(provider: &Guarded, of: &str) -> Result<(), UpstreamFault> {
    let url = "https://www.linkedin.com/search/results/people/?keywords=plant%20manager";
    let url = PeopleSearchUrl::parse(url).unwrap();
    let page = PageRequest {
        cursor: None,
        limit: 20,
    };
    let found = provider.search_page(&account(of), &url, page).await;
    found.map(drop).map_err(|error| error.fault)
}

async fn health(provider: &Guarded, of: &str) -> Result<(), UpstreamFault> {
    let health = provider.account_health(&account(of)).await;
    health.map(drop).map_err(|error| error.fault)
}

const SERVER_ERROR: Result<(), UpstreamFault> = Err(UpstreamFault::ServerError);
const REFUSED: Result<(), UpstreamFault> = Err(UpstreamFault::CircuitOpen);

/// Lets calls of two accounts fail until the circuit is open for everyone.
async fn open_for_everyone(provider: &Guarded) {
    for of in ["acc_a", "acc_b", "acc_a"] {
        assert_eq!(health(provider, of).await, SERVER_ERROR);
    }
    for of in ["acc_a", "acc_b", "acc_c"] {
        let standing = provider.standing(&account(of));
        assert_eq!(standing, Standing::ShutOff { retry_after: PAUSE });
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_checked_once_and_then_left_alone() {
    let outside = Outside::down();
    let provider = guarded(&outside);
    for _ in 0..3 {
        assert_eq!(search(&provider, "acc_a").await, SERVER_ERROR);
    }
    assert_eq!(outside.calls(), (1, 3));
    for _ in 0..100 {
        assert_eq!(search(&provider, "acc_a").await, REFUSED);
        assert_eq!(health(&provider, "acc_a").await, REFUSED);
    }
    assert_eq!(outside.calls(), (1, 3));
    let refusal = provider.account_health(&account("acc_a")).await;
    assert_eq!(refusal.unwrap_err().retry_after, Some(PAUSE));
}

#[tokio::test(start_paused = true)]
async fn one_search_that_always_fails_is_nobody_elses_fault() {
    let outside = Outside::new(|_| false, UpstreamFault::ServerError);
    let provider = guarded(&outside);
    for _ in 0..30 {
        assert_eq!(search(&provider, "acc_a").await, SERVER_ERROR);
        let standing = provider.standing(&account("acc_a"));
        assert_eq!(standing, Standing::Trusted);
    }
    assert_eq!(outside.calls(), (10, 30), "one check for three failures");
}

#[tokio::test(start_paused = true)]
async fn one_account_that_always_fails_is_nobody_elses_fault() {
    let outside = Outside::new(
        |account| account.as_str() == "acc_poison",
        UpstreamFault::TimedOut,
    );
    let provider = guarded(&outside);
    for _ in 0..50 {
        assert!(search(&provider, "acc_poison").await.is_err());
        assert_eq!(health(&provider, "acc_b").await, Ok(()));
    }
    for _ in 0..3 {
        assert!(health(&provider, "acc_poison").await.is_err());
    }
    assert_eq!(health(&provider, "acc_poison").await, REFUSED);
    assert_eq!(health(&provider, "acc_b").await, Ok(()));
    assert_eq!(health(&provider, "acc_poison").await, REFUSED);
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_says_of_one_item_or_our_pace_does_not_count() {
    use UpstreamFault::{
        AccountDisconnected, KeyRefused, OutOfQuota, RateLimited, Refused, SalesNavigatorMissing,
        SourceNotFound, Unprocessable,
    };
    for fault in [
        AccountDisconnected,
        KeyRefused,
        OutOfQuota,
        RateLimited,
        Refused,
        SalesNavigatorMissing,
        SourceNotFound,
        Unprocessable,
    ] {
        let outside = Outside::new(|_| true, fault);
        let provider = guarded(&outside);
        for _ in 0..20 {
            assert_eq!(health(&provider, "acc_a").await, Err(fault));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_callers_after_the_pause_one_makes_one_call() {
    let outside = Outside::down();
    let provider = guarded(&outside);
    open_for_everyone(&provider).await;
    let (before, _) = outside.calls();

    tokio::time::advance(PAUSE).await;
    outside.permits.forget_permits(Semaphore::MAX_PERMITS);
    let callers = join_all((0..50).map(|caller| {
        let (provider, outside) = (&provider, &outside);
        async move {
            let of = format!("acc_{caller}");
            let result = if caller % 2 == 0 {
                search(provider, &of).await
            } else {
                health(provider, &of).await
            };
            // The others have their answer while the probe has none.
            if result == REFUSED && outside.permits.available_permits() == 0 {
                assert_eq!(outside.calls(), (before + 1, 0));
            }
            if caller == 49 {
                outside.permits.add_permits(1);
            }
            result
        }
    }));
    let results = callers.await;
    assert_eq!(outside.calls(), (before + 1, 0));
    assert!(results.iter().all(|result| *result == REFUSED));

    // The pause is longer now; then the provider is well, and so is everybody.
    outside.permits.add_permits(1_000);
    tokio::time::advance(PAUSE).await;
    assert_eq!(search(&provider, "acc_z").await, REFUSED);
    outside.items_fail.store(false, Ordering::SeqCst);
    tokio::time::advance(PAUSE).await;
    assert_eq!(search(&provider, "acc_z").await, Ok(()));
    assert_eq!(
        outside.calls(),
        (before + 2, 1),
        "the vital call went first"
    );
    for of in ["acc_a", "acc_b", "acc_c"] {
        assert_eq!(provider.standing(&account(of)), Standing::Trusted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_keeps_nobody_waiting() {
    let outside = Outside::down();
    let provider = guarded(&outside);
    open_for_everyone(&provider).await;
    tokio::time::advance(PAUSE).await;
    outside.permits.forget_permits(Semaphore::MAX_PERMITS);
    for of in ["acc_a", "acc_b"] {
        // Under way, then dropped: by itself, and as the first part of another call.
        let mut probe = Box::pin(health(&provider, of));
        assert_eq!(probe.as_mut().now_or_never(), None);
        assert_eq!(health(&provider, "acc_c").await, REFUSED);
        drop(probe);
        let mut probe = Box::pin(search(&provider, of));
        assert_eq!(probe.as_mut().now_or_never(), None);
        assert_eq!(health(&provider, "acc_c").await, REFUSED);
    }
    outside.items_fail.store(false, Ordering::SeqCst);
    outside.permits.add_permits(1_000);
    assert_eq!(health(&provider, "acc_c").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_gauge_says_whether_it_is_open() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let gauge = || {
        let (key, _, _, value) = snapshotter.snapshot().into_vec().pop().unwrap();
        assert_eq!(key.key().name(), "prospector_circuit_open");
        let providers: Vec<_> = key
            .key()
            .labels()
            .map(|label| label.value().to_owned())
            .collect();
        (providers, value)
    };
    let shows = |value: f64| (vec!["test".to_owned()], DebugValue::Gauge(value.into()));

    let outside = Outside::down();
    let provider = guarded(&outside);
    assert_eq!(gauge(), shows(0.0), "from the start");
    open_for_everyone(&provider).await;
    assert_eq!(gauge(), shows(1.0));
    tokio::time::advance(PAUSE).await;
    outside.items_fail.store(false, Ordering::SeqCst);
    assert_eq!(health(&provider, "acc_a").await, Ok(()));
    assert_eq!(gauge(), shows(0.0));
}

async fn find(finder: &GuardedFinder<Arc<Outside>>, whom: &str) -> Result<(), UpstreamFault> {
    let person = EmailQuery {
        linkedin_url: None,
        first_name: None,
        last_name: None,
        name: Some(whom.to_owned()),
        company_name: None,
    };
    let stopped_by = finder.find(&[person]).await.stopped_by;
    stopped_by.map_or(Ok(()), |error| Err(error.fault))
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_always_fails_gets_its_five_tries_and_is_nobody_elses_fault() {
    let outside = Outside::down();
    outside.items_fail.store(false, Ordering::SeqCst);
    let finder = GuardedFinder::new("test", Arc::clone(&outside));
    assert_eq!(finder.batch_size(), 7);
    for _ in 0..5 {
        assert_eq!(find(&finder, "poison").await, SERVER_ERROR);
    }
    assert_eq!(find(&finder, "poison").await, REFUSED);
    assert_eq!(find(&finder, "ada").await, Ok(()));
    assert_eq!(find(&finder, "bea").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_finder_that_is_down_is_left_alone_and_asked_again() {
    let outside = Outside::down();
    let finder = GuardedFinder::new("test", Arc::clone(&outside));
    for whom in ["ada", "bea", "cy", "dee", "eve"] {
        assert_eq!(find(&finder, whom).await, SERVER_ERROR);
    }
    assert_eq!(find(&finder, "fay").await, REFUSED);
    outside.items_fail.store(false, Ordering::SeqCst);
    assert_eq!(find(&finder, "fay").await, REFUSED);
    tokio::time::advance(PAUSE).await;
    assert_eq!(find(&finder, "fay").await, Ok(()));
    assert_eq!(find(&finder, "ada").await, Ok(()));
    assert_eq!(outside.calls(), (0, 7));
}
