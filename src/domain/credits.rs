//! What prospects cost, and what changes a balance.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

use serde::{Deserialize, Serialize};

/// Credits for one imported prospect.
const IMPORT_PRICE: i64 = 1;
/// Credits for the e-mail look-up of one imported prospect, found or not.
const EMAIL_PRICE: i64 = 1;

/// The most a job can cost, which its start reserves: every row imported and, if asked, looked up.
#[must_use]
pub fn reservation(max_results: u32, search_emails: bool) -> i64 {
    let price = if search_emails {
        IMPORT_PRICE.saturating_add(EMAIL_PRICE)
    } else {
        IMPORT_PRICE
    };
    i64::from(max_results).saturating_mul(price)
}

/// What changed a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Credits given.
    Grant,
    /// People imported by one page of a job.
    Import,
    /// Look-ups answered in one batch of a job.
    Email,
    /// A correction by an operator.
    Adjust,
}

impl EntryKind {
    pub const ALL: [Self; 4] = [Self::Grant, Self::Import, Self::Email, Self::Adjust];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Import => "import",
            Self::Email => "email",
            Self::Adjust => "adjust",
        }
    }

    /// `None` for a text that this version does not know.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prospect_costs_one_and_two_with_its_email() {
        assert_eq!(reservation(250, false), 250);
        assert_eq!(reservation(250, true), 500);
        assert_eq!(reservation(u32::MAX, true), 2 * i64::from(u32::MAX));
    }
}
