//! The people of an account group.

use axum::extract::State;
use serde::Serialize;

use crate::domain::id::{ProspectId, ProviderId};
use crate::domain::person::KnownPerson;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectsRead};
use crate::http::envelope::Answer;
use crate::http::query::NoQuery;
use crate::http::router::HttpState;
use crate::service::people::find_people_by_provider_id;

/// `GET /v1/accounts/{accountGroupId}/prospects/by-provider-id/{providerId}`
///
/// # Errors
/// As the contract lists them.
pub async fn show_by_provider_id(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectsRead, ProviderId>,
    _: NoQuery,
) -> Result<Answer, Error> {
    let (group, provider_id) = (&authorized.account_group.id, &authorized.target);
    let people = find_people_by_provider_id(&state.app, group, provider_id).await?;
    Answer::ok(&MatchesBody {
        provider_id,
        resolution: match people.len() {
            0 => "none",
            1 => "unique",
            _ => "ambiguous",
        },
        matches: people.into_iter().map(MatchBody::from).collect(),
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchesBody<'a> {
    provider_id: &'a ProviderId,
    resolution: &'static str,
    matches: Vec<MatchBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchBody {
    prospect_id: ProspectId,
    /// The same until people are shared between groups.
    person_id: ProspectId,
    public_identifier: Option<String>,
    linkedin_url: Option<String>,
    name: Option<String>,
    company_name: Option<String>,
    title: Option<String>,
}

impl From<KnownPerson> for MatchBody {
    fn from(person: KnownPerson) -> Self {
        Self {
            person_id: person.prospect_id.clone(),
            prospect_id: person.prospect_id,
            public_identifier: person.public_identifier,
            linkedin_url: person.linkedin_url,
            name: person.name,
            company_name: person.company_name,
            title: person.title,
        }
    }
}
