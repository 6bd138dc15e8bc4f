//! Daily quotas: rows fetched from LinkedIn per account group, kind of list and UTC day.

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
