//! Holds back whoever guesses keys, and nobody else.
//!
//! Every unknown key costs its client address a token, 60 a minute. An address without tokens is
//! not cut off, since others may share it: its keys are still looked up, but only two at a time
//! for all such addresses together, so that guessing cannot load the database. Keys that were
//! valid lately do not queue.

use std::collections::HashSet;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;
use crate::http::rate_limit::{Taken, TokenBuckets};

const PER_MINUTE: u32 = 60;
const SLOW_LOOK_UPS: usize = 2;
const LONGEST_QUEUE: Duration = Duration::from_secs(5);
/// About 500 KiB of digests; beyond that all are forgotten and learnt anew.
const KNOWN_KEYS_MAX: usize = 10_000;

type KeyDigest = [u8; 32];

/// What is remembered of keys and addresses.
#[derive(Debug)]
pub struct UnknownKeys {
    addresses: TokenBuckets<IpAddr>,
    known: Mutex<HashSet<KeyDigest>>,
    slow_lane: Semaphore,
}

impl Default for UnknownKeys {
    fn default() -> Self {
        Self {
            addresses: TokenBuckets::new(PER_MINUTE, PER_MINUTE),
            known: Mutex::default(),
            slow_lane: Semaphore::new(SLOW_LOOK_UPS),
        }
    }
}

impl UnknownKeys {
    /// Runs the look-up of a key, after waiting for a turn where the address guessed too often.
    ///
    /// # Errors
    /// The look-up's own; [`Error::RateLimited`] in place of [`Error::Unauthenticated`] when the
    /// address sent too many unknown keys.
    pub async fn look_up<T>(
        &self,
        address: IpAddr,
        digest: KeyDigest,
        look_up: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let network = network_of(address);
        let was_known = self.known().contains(&digest);
        // Taken beforehand and given back to valid keys, so that a flood of look-ups that have
        // not ended yet counts too.
        let mut refusal = None;
        let mut turn = None;
        if !was_known {
            refusal = self.take(network);
            if let Some(retry_after) = refusal {
                turn = Some(self.wait_for_turn(retry_after).await?);
            }
        }
        let result = look_up.await;
        drop(turn);
        match &result {
            Err(Error::Unauthenticated) => {
                if was_known {
                    self.known().remove(&digest);
                    refusal = self.take(network);
                }
                if let Some(retry_after) = refusal {
                    return Err(Error::RateLimited { retry_after });
                }
            }
            Ok(_) => self.remember(digest),
            Err(_) => {}
        }
        let was_a_guess = matches!(result, Err(Error::Unauthenticated));
        if !was_known && refusal.is_none() && !was_a_guess {
            self.addresses.give_back(&network);
        }
        result
    }

    /// Charges the address for a key; the wait when it has nothing left.
    fn take(&self, network: IpAddr) -> Option<Duration> {
        match self.addresses.take(network, Instant::now()) {
            Taken::Yes(_) => None,
            Taken::No { retry_after, .. } => Some(retry_after),
        }
    }

    async fn wait_for_turn(&self, retry_after: Duration) -> Result<SemaphorePermit<'_>, Error> {
        match tokio::time::timeout(LONGEST_QUEUE, self.slow_lane.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::RateLimited { retry_after }),
        }
    }

    fn remember(&self, digest: KeyDigest) {
        let mut known = self.known();
        if known.len() >= KNOWN_KEYS_MAX {
            known.clear();
        }
        known.insert(digest);
    }

    fn known(&self) -> MutexGuard<'_, HashSet<KeyDigest>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One household of addresses: an IPv6 client picks any of the 2^64 of its network.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn guess(keys: &UnknownKeys, address: IpAddr, digest: u8) -> Error {
        keys.look_up(address, [digest; 32], async {
            Err::<(), _>(Error::Unauthenticated)
        })
        .await
        .unwrap_err()
    }

    async fn valid(keys: &UnknownKeys, digest: u8) -> Result<(), Error> {
        keys.look_up(HOME, [digest; 32], async { Ok(()) }).await
    }

    #[tokio::test]
    async fn sixty_guesses_a_minute_are_401_and_further_ones_429() {
        let keys = UnknownKeys::default();
        for guessed in 0..60 {
            let error = guess(&keys, HOME, guessed).await;
            assert!(matches!(error, Error::Unauthenticated), "{guessed}");
        }
        let refused = guess(&keys, HOME, 60).await;
        assert!(matches!(refused, Error::RateLimited { .. }), "{refused:?}");
        let elsewhere = guess(&keys, Ipv4Addr::new(192, 0, 2, 1).into(), 61).await;
        assert!(matches!(elsewhere, Error::Unauthenticated));
    }

    #[tokio::test]
    async fn a_key_that_exists_passes_whatever_its_address_did() {
        let keys = UnknownKeys::default();
        valid(&keys, 200).await.unwrap();
        for guessed in 0..70 {
            guess(&keys, HOME, guessed).await;
        }
        valid(&keys, 200).await.unwrap();
        valid(&keys, 201).await.unwrap();
    }

    #[tokio::test]
    async fn valid_keys_cost_their_address_nothing() {
        let keys = UnknownKeys::default();
        for digest in 0..200 {
            valid(&keys, digest).await.unwrap();
        }
        assert!(matches!(
            guess(&keys, HOME, 255).await,
            Error::Unauthenticated
        ));
    }

    #[tokio::test]
    async fn a_revoked_key_counts_as_a_guess_from_then_on() {
        let keys = UnknownKeys::default();
        valid(&keys, 1).await.unwrap();
        for _ in 0..60 {
            assert!(matches!(
                guess(&keys, HOME, 1).await,
                Error::Unauthenticated
            ));
        }
        assert!(matches!(
            guess(&keys, HOME, 1).await,
            Error::RateLimited { .. }
        ));
    }

    #[tokio::test]
    async fn an_address_over_its_limit_gets_two_look_ups_at_a_time() {
        let keys = UnknownKeys::default();
        for guessed in 0..60 {
            guess(&keys, HOME, guessed).await;
        }
        let running = std::sync::atomic::AtomicUsize::new(0);
        let most = std::sync::atomic::AtomicUsize::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        let look_ups = (100..140).map(|digest: u8| {
            keys.look_up(HOME, [digest; 32], async {
                most.fetch_max(running.fetch_add(1, order) + 1, order);
                tokio::task::yield_now().await;
                running.fetch_sub(1, order);
                Err::<(), _>(Error::Unauthenticated)
            })
        });
        futures_util::future::join_all(look_ups).await;
        assert_eq!(most.into_inner(), SLOW_LOOK_UPS);
    }

    #[test]
    fn ipv6_addresses_count_by_their_network() {
        let one: Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        let other: Ipv6Addr = "2001:db8:1:2::1".parse().unwrap();
        assert_eq!(network_of(one.into()), network_of(other.into()));
        let mapped: Ipv6Addr = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(network_of(mapped.into()), HOME);
    }
}
