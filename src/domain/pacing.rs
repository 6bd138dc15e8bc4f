//! How calls for one LinkedIn account follow each other.
//!
//! LinkedIn restricts accounts that are driven like machines: several calls at a time, or one after
//! the other without a pause.

use std::time::Duration;

/// An account that LinkedIn has throttled rests for this long...
pub const REST_BASE: Duration = Duration::from_secs(2 * 60 * 60);
/// ... doubling, until a call succeeds, up to this.
pub const REST_CAP: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause after a call, drawn anew each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Not above `max`.
    pub min: Duration,
    pub max: Duration,
}

impl Gap {
    pub const NONE: Self = Self {
        min: Duration::ZERO,
        max: Duration::ZERO,
    };

    /// `dice` is a random number in `0.0..1.0`.
    #[must_use]
    pub fn drawn(self, dice: f64) -> Duration {
        self.min
            + self
                .max
                .saturating_sub(self.min)
                .mul_f64(dice.clamp(0.0, 1.0))
    }

    #[must_use]
    pub fn mean(self) -> Duration {
        self.drawn(0.5)
    }
}

/// Whether calls for one account take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// Nobody is hurt by calls at the same time: invented people. Costs no statement.
    Off,
    /// One call at a time over all processes, and a gap after each.
    Turns(Gap),
}

impl Pacing {
    #[must_use]
    pub fn gap(self) -> Gap {
        match self {
            Self::Off => Gap::NONE,
            Self::Turns(gap) => gap,
        }
    }

    /// The calls that the gaps leave room for in so much time; `None` where they set no bound.
    #[must_use]
    pub fn calls_within(self, time: Duration) -> Option<u64> {
        let mean = self.gap().mean().as_millis();
        let calls = time.as_millis().checked_div(mean)?;
        Some(u64::try_from(calls).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Gap = Gap {
        min: Duration::from_secs(5),
        max: Duration::from_secs(20),
    };

    #[test]
    fn a_gap_is_drawn_between_its_bounds() {
        assert_eq!(GAP.drawn(0.0), GAP.min);
        assert_eq!(GAP.drawn(1.0), GAP.max);
        assert_eq!(GAP.drawn(7.0), GAP.max);
        assert_eq!(GAP.mean(), Duration::from_millis(12_500));
    }

    #[test]
    fn gaps_bound_the_calls_of_a_day_where_there_are_gaps() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(Pacing::Turns(GAP).calls_within(day), Some(6_912));
        assert_eq!(Pacing::Turns(GAP).calls_within(Duration::ZERO), Some(0));
        assert_eq!(Pacing::Off.calls_within(day), None);
    }
}
