//! Daily quotas: rows fetched from LinkedIn per account group, kind of list and UTC day.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::start_request::SourceKind;

/// The kinds of list that LinkedIn counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ListType {
    LinkedinClassic,
    SalesNavigator,
    PostCommenters,
    UrlUpload,
}

impl ListType {
    pub const ALL: [Self; 4] = [
        Self::LinkedinClassic,
        Self::SalesNavigator,
        Self::PostCommenters,
        Self::UrlUpload,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinkedinClassic => "LINKEDIN_CLASSIC",
            Self::SalesNavigator => "SALES_NAVIGATOR",
            Self::PostCommenters => "POST_COMMENTERS",
            Self::UrlUpload => "URL_UPLOAD",
        }
    }

    /// `None` for a text that is no kind of list.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What LinkedIn counts when such a list is read.
    #[must_use]
    pub fn quota_type(self) -> &'static str {
        match self {
            Self::LinkedinClassic => "linkedinClassicSearch",
            Self::SalesNavigator => "salesNavigatorSearch",
            Self::PostCommenters => "postCommenters",
            Self::UrlUpload => "profileLookup",
        }
    }
}

impl From<SourceKind> for ListType {
    fn from(source: SourceKind) -> Self {
        match source {
            SourceKind::LinkedinSearch => Self::LinkedinClassic,
            SourceKind::SalesNavigator => Self::SalesNavigator,
            SourceKind::PostCommenters => Self::PostCommenters,
            SourceKind::UrlUpload => Self::UrlUpload,
        }
    }
}

/// The rows a day that each kind of list allows an account group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    pub linkedin_classic: u32,
    pub sales_navigator: u32,
    pub post_commenters: u32,
    pub url_upload: u32,
}

impl QuotaLimits {
    #[must_use]
    pub fn of(&self, list_type: ListType) -> u32 {
        match list_type {
            ListType::LinkedinClassic => self.linkedin_classic,
            ListType::SalesNavigator => self.sales_navigator,
            ListType::PostCommenters => self.post_commenters,
            ListType::UrlUpload => self.url_upload,
        }
    }
}

/// The most rows that one call of LinkedIn brings, of a list: what its own pages hold.
pub const ROWS_PER_PAGE: u32 = 25;

/// On how many UTC days so many rows are fetched, today included where something is left of it; `None`
/// when they never are.
#[must_use]
pub fn days_to_fetch(rows: u32, left_today: u32, per_day: u32) -> Option<u32> {
    let later = rows.saturating_sub(left_today);
    if later == 0 {
        return Some(1);
    }
    let later_days = (per_day > 0).then(|| later.div_ceil(per_day))?;
    Some(later_days + u32::from(left_today > 0))
}

/// Where an account group stands with one kind of list today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaStanding {
    pub list_type: ListType,
    pub used: u32,
    pub limit: u32,
    pub resets_at: DateTime<Utc>,
}

impl QuotaStanding {
    /// Never below zero, though a limit may have been lowered below what was used before.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.remaining() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_what_is_left_of_today_and_then_whole_days() {
        for (rows, left_today, per_day, days) in [
            (1_000, 100, 100, Some(10)),
            (1_000, 99, 100, Some(11)),
            (1_000, 0, 100, Some(10)),
            (1_000, 1_000, 100, Some(1)),
            (1, 0, 100, Some(1)),
            (100, 60, 100, Some(2)),
            (60, 60, 0, Some(1)),
            (61, 60, 0, None),
            (u32::MAX, 0, 1, Some(u32::MAX)),
        ] {
            assert_eq!(
                days_to_fetch(rows, left_today, per_day),
                days,
                "{rows} {left_today} {per_day}"
            );
        }
    }

    #[test]
    fn what_remains_is_never_below_zero() {
        for (used, limit, remaining) in [(0, 100, 100), (99, 100, 1), (100, 100, 0), (120, 100, 0)]
        {
            let standing = QuotaStanding {
                list_type: ListType::UrlUpload,
                used,
                limit,
                resets_at: DateTime::default(),
            };
            assert_eq!(standing.remaining(), remaining);
            assert_eq!(standing.is_exhausted(), remaining == 0);
        }
    }
}
