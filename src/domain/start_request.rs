//! The body of a start, validated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::violation::Violations;

/// The kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    LinkedinSearch,
    SalesNavigator,
    PostCommenters,
    UrlUpload,
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
    /// All violations together.
    pub fn parse(_body: &[u8], _email_finder_configured: bool) -> Result<Self, Violations> {
        Err(Violations::of("body", "stub", "stub"))
    }

    /// SHA-256 over the canonical form of what was asked: equal exactly for requests that mean the same.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        [0; 32]
    }
}
