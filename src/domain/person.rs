//! A person: as an upstream describes them, and as an account group has them.

use serde::{Deserialize, Serialize};

use crate::domain::id::ProspectId;
use crate::domain::linkedin_url::PublicIdentifier;

/// What one upstream item says about one person. At least one of the three ids is known, or the
/// item is no identifiable person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Person {
    /// The provider's own id (`ACo...`, `ACw...`): case-sensitive, differs between LinkedIn's products.
    pub provider_id: Option<String>,
    /// LinkedIn's id of the member, the same in all of its products.
    pub member_id: Option<String>,
    /// The part after `/in/` of the person's page.
    pub public_identifier: Option<PublicIdentifier>,
    pub linkedin_url: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub name: Option<String>,
    pub headline: Option<String>,
    pub title: Option<String>,
    pub company_name: Option<String>,
    pub location: Option<String>,
}

impl Person {
    /// Whether anything tells this person from others.
    #[must_use]
    pub fn is_identifiable(&self) -> bool {
        self.provider_id.is_some() || self.member_id.is_some() || self.public_identifier.is_some()
    }
}

/// A person whom an account group has, as a look-up by id shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPerson {
    pub prospect_id: ProspectId,
    pub public_identifier: Option<String>,
    pub linkedin_url: Option<String>,
    pub name: Option<String>,
    pub company_name: Option<String>,
    pub title: Option<String>,
}

/// Whether an address that was found is known to accept mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    Valid,
    Unverified,
}

/// What is known of a person whose address is wanted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailQuery {
    /// The person's page, `https://www.linkedin.com/in/...`, where it is known.
    pub linkedin_url: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub name: Option<String>,
    pub company_name: Option<String>,
}

impl EmailQuery {
    /// The person's page, unless there is nothing in it.
    #[must_use]
    pub fn linkedin_url(&self) -> Option<&str> {
        filled(self.linkedin_url.as_deref())
    }

    /// The name and the company, which together may be enough to find somebody by: first name, last
    /// name, company. A name that is not told apart is divided after its first word.
    #[must_use]
    pub fn name_and_company(&self) -> Option<(&str, &str, &str)> {
        let company = filled(self.company_name.as_deref())?;
        let first = filled(self.first_name.as_deref());
        let last = filled(self.last_name.as_deref());
        let (first, last) = match (first, last) {
            (Some(first), Some(last)) => (first, last),
            _ => {
                let name = filled(self.name.as_deref())?;
                let (first, last) = name.split_once(char::is_whitespace)?;
                (first, last.trim_start())
            }
        };
        Some((first, last, company))
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
