//! Token buckets: exact, in bounded memory, with the clock passed in.
//!
//! A bucket is kept as what it lacks. One token is worth a minute's nanoseconds, and each
//! nanosecond pays back `per_minute` of them, so that no rounding ever loses or makes a token.
//! A bucket that is full again is the same as none and is dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const TOKEN: u128 = 60_000_000_000;
/// Buckets that may pile up before full ones are looked for.
const SWEEP_FROM: usize = 1024;

/// What a bucket holds after it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    /// Whole tokens left.
    pub remaining: u32,
    /// How long until the bucket is full again, if nothing is taken.
    pub full_in: Duration,
}

/// The outcome of asking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes(BucketState),
    No {
        state: BucketState,
        /// How long until the next token.
        retry_after: Duration,
    },
}

/// One token bucket for each key.
#[derive(Debug)]
pub struct TokenBuckets<K> {
    per_minute: u128,
    capacity: u128,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    sweep_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    lacking: u128,
    at: Instant,
}

impl<K: Eq + Hash> TokenBuckets<K> {
    /// Buckets of `burst` tokens, refilled at `per_minute`; either counts as 1 when it is 0.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self {
            per_minute: u128::from(per_minute.max(1)),
            capacity: u128::from(burst.max(1)) * TOKEN,
            buckets: Mutex::new(Buckets {
                by_key: HashMap::new(),
                sweep_at: SWEEP_FROM,
            }),
        }
    }

    /// Takes a token of the key's bucket, if it holds one.
    pub fn take(&self, key: K, now: Instant) -> Taken {
        let mut buckets = self.lock();
        if buckets.by_key.len() >= buckets.sweep_at {
            self.sweep(&mut buckets, now);
        }
        let bucket = buckets.by_key.entry(key).or_insert(Bucket {
            lacking: 0,
            at: now,
        });
        bucket.lacking = self.lacking(*bucket, now);
        // Threads race for the lock, so that `now` may lie before what the bucket has seen.
        bucket.at = bucket.at.max(now);
        if bucket.lacking + TOKEN <= self.capacity {
            bucket.lacking += TOKEN;
            Taken::Yes(self.state(bucket.lacking))
        } else {
            let missing = bucket.lacking + TOKEN - self.capacity;
            Taken::No {
                state: self.state(bucket.lacking),
                retry_after: self.time_to_pay(missing),
            }
        }
    }

    /// Puts a token back that turned out not to be owed.
    pub fn give_back(&self, key: &K) {
        if let Some(bucket) = self.lock().by_key.get_mut(key) {
            bucket.lacking = bucket.lacking.saturating_sub(TOKEN);
        }
    }

    fn lacking(&self, bucket: Bucket, now: Instant) -> u128 {
        let elapsed = now.saturating_duration_since(bucket.at).as_nanos();
        bucket.lacking.saturating_sub(elapsed * self.per_minute)
    }

    fn state(&self, lacking: u128) -> BucketState {
        BucketState {
            remaining: u32::try_from((self.capacity - lacking) / TOKEN).unwrap_or(u32::MAX),
            full_in: self.time_to_pay(lacking),
        }
    }

    fn time_to_pay(&self, lacking: u128) -> Duration {
        let nanos = lacking.div_ceil(self.per_minute);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Drops full buckets. The next sweep comes when as many again have piled up, so that a take
    /// costs the same on average however many keys there are.
    fn sweep(&self, buckets: &mut Buckets<K>, now: Instant) {
        buckets
            .by_key
            .retain(|_, bucket| self.lacking(*bucket, now) > 0);
        buckets.sweep_at = (buckets.by_key.len() * 2).max(SWEEP_FROM);
    }

    /// A thread that panicked with the lock left whole buckets behind: nothing in here can panic
    /// between two writes that belong together.
    fn lock(&self) -> MutexGuard<'_, Buckets<K>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_says_when_to_come_back() {
        let buckets = TokenBuckets::new(600, 3);
        let start = Instant::now();
        for remaining in [2, 1, 0] {
            let full_in = Duration::from_millis(100 * (3 - u64::from(remaining)));
            let state = BucketState { remaining, full_in };
            assert_eq!(buckets.take("key", start), Taken::Yes(state));
        }
        let empty = BucketState {
            remaining: 0,
            full_in: Duration::from_millis(300),
        };
        let refused = Taken::No {
            state: empty,
            retry_after: Duration::from_millis(100),
        };
        assert_eq!(buckets.take("key", start), refused);
        let just_before = start + Duration::from_nanos(99_999_999);
        assert!(matches!(buckets.take("key", just_before), Taken::No { .. }));
        let refilled = start + Duration::from_millis(100);
        assert!(matches!(buckets.take("key", refilled), Taken::Yes(_)));
        assert!(matches!(buckets.take("other", start), Taken::Yes(_)));
    }

    #[test]
    fn two_hundred_concurrent_takers_get_exactly_what_the_bucket_holds() {
        let buckets = TokenBuckets::new(1, 120);
        let now = Instant::now();
        let taken = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..200)
                .map(|_| scope.spawn(|| matches!(buckets.take("key", now), Taken::Yes(_))))
                .collect();
            takers
                .into_iter()
                .map(|taker| taker.join().unwrap())
                .filter(|taken| *taken)
                .count()
        });
        assert_eq!(taken, 120);
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let buckets = TokenBuckets::new(1, 1);
        let now = Instant::now();
        assert!(matches!(buckets.take("key", now), Taken::Yes(_)));
        buckets.give_back(&"key");
        assert!(matches!(buckets.take("key", now), Taken::Yes(_)));
        assert!(matches!(buckets.take("key", now), Taken::No { .. }));
    }

    #[test]
    fn buckets_that_are_full_again_are_dropped() {
        let buckets = TokenBuckets::new(600, 10);
        let start = Instant::now();
        for key in 0..100_000u64 {
            // One key a millisecond, full again after 100 ms: about 100 are in use at a time.
            buckets.take(key, start + Duration::from_millis(key));
        }
        assert!(buckets.len() <= SWEEP_FROM, "{}", buckets.len());
    }

    #[test]
    fn a_thread_that_panics_with_the_lock_does_not_stop_the_others() {
        let buckets = TokenBuckets::new(600, 2);
        let panicked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _guard = buckets.buckets.lock().unwrap();
                    panic!("with the lock in hand");
                })
                .join()
        });
        assert!(panicked.is_err());
        assert!(matches!(buckets.take("key", Instant::now()), Taken::Yes(_)));
    }

    proptest! {
        /// In any stretch of time no more is given than the burst and what was refilled in it,
        /// and a refusal's wait is enough and not too much.
        #[test]
        fn never_more_than_burst_and_refill(
            per_minute in 1u32..5_000,
            burst in 1u32..50,
            steps in proptest::collection::vec(0u64..400_000_000, 1..300),
        ) {
            let buckets = TokenBuckets::new(per_minute, burst);
            let start = Instant::now();
            let mut now = start;
            let mut given = 0u128;
            for step in steps {
                now += Duration::from_nanos(step);
                let elapsed = now.duration_since(start).as_nanos();
                let allowed = u128::from(burst) + elapsed * u128::from(per_minute) / TOKEN;
                match buckets.take(0, now) {
                    Taken::Yes(state) => {
                        given += 1;
                        prop_assert!(given <= allowed);
                        prop_assert!(state.remaining < burst);
                    }
                    Taken::No { retry_after, state } => {
                        prop_assert_eq!(state.remaining, 0);
                        let too_early = now + retry_after - Duration::from_nanos(1);
                        let early = matches!(buckets.take(0, too_early), Taken::Yes(_));
                        prop_assert!(!early);
                        now += retry_after;
                        let in_time = matches!(buckets.take(0, now), Taken::Yes(_));
                        prop_assert!(in_time);
                        given += 1;
                    }
                }
            }
        }
    }
}
