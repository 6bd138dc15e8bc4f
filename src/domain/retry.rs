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
const BROKEN_BASE: Duration = Duration::from_secs(1);
const BROKEN_CAP: Duration = Duration::from_secs(60);

/// The wait before try `failures + 1` of a call: full jitter over half a second, doubling to 20 s.
///
/// `dice` is a random number in `0.0..1.0`, here and below.
#[must_use]
pub fn wait_before_retry(failures: u32, dice: f64) -> Duration {
    doubled(CALL_BASE, failures.saturating_sub(1), CALL_CAP).mul_f64(dice.clamp(0.0, 1.0))
}

/// How long a job stays away after its `waits`-th wait in a row: 30 s, doubling to 15 minutes, less
/// up to a quarter.
#[must_use]
pub fn parked_for(waits: u32, dice: f64) -> Duration {
    let longest = doubled(PARKED_BASE, waits.saturating_sub(1), PARKED_CAP);
    longest.mul_f64(1.0 - dice.clamp(0.0, 1.0) / 4.0)
}

/// How long a job stays away that was asked to for `asked`: that, and up to a fifth more, so that
/// those who were asked together do not all come back at once.
#[must_use]
pub fn asked_to_wait(asked: Duration, dice: f64) -> Duration {
    asked.mul_f64(1.0 + dice.clamp(0.0, 1.0) / 5.0)
}

/// How long a job stays away after its `attempts`-th run in a row that broke: 1 s, doubling to a
/// minute, less up to a half.
#[must_use]
pub fn wait_after_broken_run(attempts: u32, dice: f64) -> Duration {
    let longest = doubled(BROKEN_BASE, attempts.saturating_sub(1), BROKEN_CAP);
    longest.mul_f64(1.0 - dice.clamp(0.0, 1.0) / 2.0)
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
        assert_eq!(parked_for(1, 0.0), Duration::from_secs(30));
        assert_eq!(parked_for(6, 0.0), Duration::from_secs(15 * 60));
        assert_eq!(parked_for(u32::MAX, 0.0), Duration::from_secs(15 * 60));
        assert_eq!(wait_after_broken_run(0, 0.0), Duration::from_secs(1));
        assert_eq!(wait_after_broken_run(1, 0.0), Duration::from_secs(1));
        assert_eq!(wait_after_broken_run(4, 0.0), Duration::from_secs(8));
        assert_eq!(
            wait_after_broken_run(u32::MAX, 0.0),
            Duration::from_secs(60)
        );
    }

    #[test]
    fn jitter_keeps_those_apart_who_failed_together() {
        assert_eq!(wait_before_retry(1, 0.0), Duration::ZERO);
        assert_eq!(parked_for(1, 1.0), Duration::from_millis(22_500));
        assert_eq!(wait_after_broken_run(3, 1.0), Duration::from_secs(2));
    }

    #[test]
    fn nobody_comes_back_sooner_than_asked() {
        let asked = Duration::from_secs(60);
        assert_eq!(asked_to_wait(asked, 0.0), asked);
        assert_eq!(asked_to_wait(asked, 1.0), Duration::from_secs(72));
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(asked_to_wait(day, 1.0) > day);
    }
}
