//! The body of a start, validated.
//!
//! `json` reads the text without losing repeated keys, `parse` collects everything that is wrong
//! with it, `terms` says what it comes to, `fingerprint` says whether two requests ask for the same.

mod fingerprint;
mod json;
mod parse;
mod terms;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::plan::Plan;
use crate::domain::violation::Violations;

pub use crate::domain::start_request::terms::Terms;

/// The kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    LinkedinSearch,
    SalesNavigator,
    PostCommenters,
    UrlUpload,
}

impl SourceKind {
    pub const ALL: [Self; 4] = [
        Self::LinkedinSearch,
        Self::SalesNavigator,
        Self::PostCommenters,
        Self::UrlUpload,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinkedinSearch => "linkedin_search",
            Self::SalesNavigator => "sales_navigator",
            Self::PostCommenters => "post_commenters",
            Self::UrlUpload => "url_upload",
        }
    }

    /// `None` for a text that this version does not know.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A profile of a `url_upload`, with the spelling that the client used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedUrl {
    /// As sent, without the white space around it.
    pub input: String,
    pub profile: ProfileUrl,
}

/// Where the people come from. The serde form is what the job stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    LinkedinSearch {
        search_url: PeopleSearchUrl,
    },
    SavedSearch {
        id: SavedSearchId,
    },
    LeadList {
        id: LeadListId,
    },
    PostCommenters {
        post: PostUrl,
    },
    /// 1 to 1,000, each profile once, in the order of their first appearance.
    UrlUpload {
        urls: Vec<UploadedUrl>,
    },
}

impl Source {
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::LinkedinSearch { .. } => SourceKind::LinkedinSearch,
            Self::SavedSearch { .. } | Self::LeadList { .. } => SourceKind::SalesNavigator,
            Self::PostCommenters { .. } => SourceKind::PostCommenters,
            Self::UrlUpload { .. } => SourceKind::UrlUpload,
        }
    }
}

/// What to do with people whom the account group already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    Count,
    Skip,
}

impl Duplicates {
    pub const ALL: [Self; 2] = [Self::Count, Self::Skip];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Skip => "skip",
        }
    }
}

/// A start that may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRequest {
    pub source: Source,
    /// As asked, after the default and before the plan's cap; `None` for `url_upload`.
    pub max_results: Option<u64>,
    pub search_emails: bool,
    pub duplicates: Duplicates,
    pub metadata: BTreeMap<String, String>,
}

impl StartRequest {
    /// Reads a body, or says everything that is wrong with it.
    ///
    /// # Errors
    /// All violations together, up to 1,100.
    pub fn parse(body: &[u8], email_finder_configured: bool) -> Result<Self, Violations> {
        parse::parse(body, email_finder_configured)
    }

    /// SHA-256 over the canonical form of what was asked: equal exactly for requests that mean the same.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint::fingerprint(self)
    }

    #[must_use]
    pub fn terms(&self, plan: Plan) -> Terms {
        Terms::of(self, plan)
    }
}

#[cfg(test)]
mod tests;
