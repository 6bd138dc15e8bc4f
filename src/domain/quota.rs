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
