//! Plans and what they allow.

use serde::{Deserialize, Serialize};

/// What an account group has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    Tester,
    Starter,
    Scale,
    Enterprise,
}

impl Plan {
    pub const ALL: [Self; 4] = [Self::Tester, Self::Starter, Self::Scale, Self::Enterprise];

    /// The most rows one job may store, `url_upload` excepted.
    #[must_use]
    pub fn max_results_cap(self) -> u32 {
        match self {
            Self::Tester => 100,
            Self::Starter => 1_000,
            Self::Scale | Self::Enterprise => 2_000,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tester => "tester",
            Self::Starter => "starter",
            Self::Scale => "scale",
            Self::Enterprise => "enterprise",
        }
    }
}

/// The text names no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of tester, starter, scale, enterprise")]
pub struct UnknownPlan;

impl std::str::FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, UnknownPlan> {
        Self::ALL
            .into_iter()
            .find(|plan| plan.as_str() == text)
            .ok_or(UnknownPlan)
    }
}
