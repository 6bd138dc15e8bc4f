//! What an API key may do.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    #[serde(rename = "prospecting:read")]
    ProspectingRead,
    #[serde(rename = "prospecting:write")]
    ProspectingWrite,
    #[serde(rename = "prospects:read")]
    ProspectsRead,
}

impl Permission {
    pub const ALL: [Self; 3] = [
        Self::ProspectingRead,
        Self::ProspectingWrite,
        Self::ProspectsRead,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProspectingRead => "prospecting:read",
            Self::ProspectingWrite => "prospecting:write",
            Self::ProspectsRead => "prospects:read",
        }
    }
}

/// The text names no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of prospecting:read, prospecting:write, prospects:read")]
pub struct UnknownPermission;

impl std::str::FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text)
            .ok_or(UnknownPermission)
    }
}
