//! Whether a LinkedIn account works, asked of the provider and remembered for a while.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::access::AccountGroupAccess;
use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::error::Error;
use crate::service::app::App;
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::{LinkedinProvider, Standing};

const CONNECTED_FOR: Duration = Duration::from_secs(60);
const NOT_CONNECTED_FOR: Duration = Duration::from_secs(5);
const FAULT_FOR: Duration = Duration::from_secs(2);
/// Beyond so many accounts, those whose memory has run out are forgotten.
const ACCOUNTS_REMEMBERED: usize = 10_000;

/// Whether the account group has a LinkedIn account that works.
///
/// # Errors
/// [`Error::Upstream`], [`Error::UpstreamShutOff`] when the provider cannot be asked.
pub async fn linkedin_of(
    app: &App,
    account_group: &AccountGroupAccess,
) -> Result<AccountHealth, Error> {
    match &account_group.linkedin_account {
        Some(account) => app.linkedin_health.of(account).await,
        None => Ok(AccountHealth::NotConnected),
    }
}

/// # Errors
/// [`Error::LinkedinNotConnected`], [`Error::Upstream`], [`Error::UpstreamShutOff`].
pub async fn require_linkedin(app: &App, account_group: &AccountGroupAccess) -> Result<(), Error> {
    match linkedin_of(app, account_group).await? {
        AccountHealth::NotConnected => Err(Error::LinkedinNotConnected),
        AccountHealth::Connected { .. } => Ok(()),
    }
}

/// Only a seat that the provider says is missing is one: many do not say.
///
/// # Errors
/// [`Error::LinkedinNotConnected`], [`Error::SalesNavigatorRequired`], [`Error::Upstream`],
/// [`Error::UpstreamShutOff`].
pub async fn require_sales_navigator(
    app: &App,
    account_group: &AccountGroupAccess,
) -> Result<(), Error> {
    match linkedin_of(app, account_group).await? {
        AccountHealth::NotConnected => Err(Error::LinkedinNotConnected),
        AccountHealth::Connected {
            sales_navigator: Some(false),
        } => Err(Error::SalesNavigatorRequired),
        AccountHealth::Connected { .. } => Ok(()),
    }
}

/// What a failed call means to whoever asked for something that needs the provider.
pub(super) fn upstream_failed(error: UpstreamError) -> Error {
    match (error.fault, error.retry_after) {
        (UpstreamFault::CircuitOpen, Some(retry_after)) => Error::UpstreamShutOff { retry_after },
        _ => Error::Upstream(error.into()),
    }
}

/// The provider could not be asked.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the LinkedIn provider {0}")]
struct HealthUnknown(UpstreamFault);

#[derive(Debug, Clone, Copy)]
struct Remembered {
    health: Result<AccountHealth, HealthUnknown>,
    until: Instant,
}

impl Remembered {
    /// `None` where nobody was asked, so that there is nothing to remember.
    fn of(asked: &Result<AccountHealth, UpstreamError>) -> Option<Self> {
        let (health, lasts) = match asked {
            Ok(health @ AccountHealth::Connected { .. }) => (Ok(*health), CONNECTED_FOR),
            Ok(AccountHealth::NotConnected) => (Ok(AccountHealth::NotConnected), NOT_CONNECTED_FOR),
            Err(error) if error.fault == UpstreamFault::CircuitOpen => return None,
            Err(error) => {
                tracing::warn!(%error, "the LinkedIn provider does not tell an account's health");
                (Err(HealthUnknown(error.fault)), FAULT_FOR)
            }
        };
        let until = Instant::now() + lasts;
        Some(Self { health, until })
    }

    /// Whether it still says something. A fault does, so that a probe is not repeated at once.
    fn counts(&self, standing: Standing) -> bool {
        standing == Standing::Trusted || self.health.is_err()
    }
}

type Slot = Arc<tokio::sync::Mutex<Option<Remembered>>>;

/// The memory: one slot per account. Whoever asks holds the slot, so that one call per account is in
/// flight and the others wait for its answer.
pub struct LinkedinHealth {
    provider: Arc<dyn LinkedinProvider>,
    slots: std::sync::Mutex<HashMap<LinkedinAccountId, Slot>>,
}

impl LinkedinHealth {
    #[must_use]
    pub fn new(provider: Arc<dyn LinkedinProvider>) -> Self {
        Self {
            provider,
            slots: std::sync::Mutex::default(),
        }
    }

    /// While the provider is left alone, nothing that is remembered of an account counts: it may be
    /// wrong by now, and a job that is started could not run.
    ///
    /// # Errors
    /// [`Error::Upstream`], [`Error::UpstreamShutOff`] when the provider cannot be asked.
    pub async fn of(&self, account: &LinkedinAccountId) -> Result<AccountHealth, Error> {
        // Not behind the slot, which a probe may hold for as long as a call takes.
        self.check_standing(account)?;
        let slot = self.slot(account);
        let mut remembered = slot.lock().await;
        let standing = self.check_standing(account)?;
        match *remembered {
            Some(known) if known.until > Instant::now() && known.counts(standing) => {
                known.health.map_err(|fault| Error::Upstream(fault.into()))
            }
            _ => {
                let asked = self.provider.account_health(account).await;
                *remembered = Remembered::of(&asked);
                asked.map_err(upstream_failed)
            }
        }
    }

    fn check_standing(&self, account: &LinkedinAccountId) -> Result<Standing, Error> {
        match self.provider.standing(account) {
            Standing::ShutOff { retry_after } => Err(Error::UpstreamShutOff { retry_after }),
            standing @ (Standing::Trusted | Standing::OnTrial) => Ok(standing),
        }
    }

    fn slot(&self, account: &LinkedinAccountId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= ACCOUNTS_REMEMBERED {
            let now = Instant::now();
            slots.retain(|_, slot| {
                slot.try_lock()
                    .is_ok_and(|remembered| remembered.is_some_and(|known| known.until > now))
                    || Arc::strong_count(slot) > 1
            });
        }
        Arc::clone(slots.entry(account.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::upstream::provider_stub::HealthOnly;

    fn counting(answer: AccountHealth) -> (Arc<HealthOnly>, LinkedinHealth) {
        let provider = Arc::new(HealthOnly::answering(answer));
        (Arc::clone(&provider), LinkedinHealth::new(provider))
    }

    #[tokio::test(start_paused = true)]
    async fn many_simultaneous_questions_make_one_call() {
        let (provider, health) = counting(AccountHealth::Connected {
            sales_navigator: None,
        });
        let account: LinkedinAccountId = "acc_01demo".parse().unwrap();
        let answers = futures_util::future::join_all((0..50).map(|_| health.of(&account))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connected_account_is_remembered_for_longer_than_a_disconnected_one() {
        for (answer, lasts) in [
            (
                AccountHealth::Connected {
                    sales_navigator: Some(true),
                },
                CONNECTED_FOR,
            ),
            (AccountHealth::NotConnected, NOT_CONNECTED_FOR),
        ] {
            let (provider, health) = counting(answer);
            let account: LinkedinAccountId = "acc_01demo".parse().unwrap();
            health.of(&account).await.unwrap();
            tokio::time::advance(lasts - Duration::from_millis(1)).await;
            health.of(&account).await.unwrap();
            assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
            tokio::time::advance(Duration::from_millis(2)).await;
            health.of(&account).await.unwrap();
            assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
        }
    }
}
