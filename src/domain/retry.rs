//! How long to wait before trying again. Pure functions of the number of tries.

use std::time::Duration;

/// The tries that one call to an upstream gets within a run.
pub const TRIES_PER_CALL: u32 = 5;
/// A longer `Retry-After` is not waited for in the run: the job gives its worker slot back.
pub const LONGEST_WAIT_IN_RUN: Duration = Duration::from_secs(5);

const CALL_BASE: Duration = Duration::from_millis(500);
const CALL_CAP: Duration = Duration::from_secs(20);
const PARKED_BASE: Duration = Duration::from_secs(30);
const PARKED_CAP: Duration = Duration::from_secs(15 * 60);

/// The wait before try `failures + 1` of a call: full jitter over half a second, doubling to 20 s.
///
/// `dice` is a random number in `0.0..1.0`.
#[must_use]
pub fn wait_before_retry(failures: u32, dice: f64) -> Duration {
    doubled(CALL_BASE, failures.saturating_sub(1), CALL_CAP).mul_f64(dice.clamp(0.0, 1.0))
}

/// How long a job stays away after its `waits`-th wait in a row: 30 s, doubling to 15 minutes.
#[must_use]
pub fn parked_for(waits: u32) -> Duration {
    doubled(PARKED_BASE, waits.saturating_sub(1), PARKED_CAP)
}

fn doubled(base: Duration, times: u32, cap: Duration) -> Duration {
    base.saturating_mul(2u32.saturating_pow(times)).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_cap() {
        assert_eq!(wait_before_retry(1, 1.0), Duration::from_millis(500));
        assert_eq!(wait_before_retry(3, 0.5), Duration::from_secs(1));
        assert_eq!(wait_before_retry(u32::MAX, 1.0), Duration::from_secs(20));
        assert_eq!(parked_for(1), Duration::from_secs(30));
        assert_eq!(parked_for(6), Duration::from_secs(15 * 60));
        assert_eq!(parked_for(u32::MAX), Duration::from_secs(15 * 60));
    }
}
