//! What can be imported from Sales Navigator.

use axum::extract::State;
use serde::Serialize;

use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::envelope::Answer;
use crate::http::query::NoQuery;
use crate::http::router::HttpState;
use crate::service::sales_navigator::list_named_lists;
use crate::upstream::provider::{NamedList, NamedListKind};

/// `GET /v1/accounts/{accountGroupId}/sales-navigator/saved-searches`
///
/// # Errors
/// As the contract lists them.
pub async fn list_saved_searches(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    _: NoQuery,
) -> Result<Answer, Error> {
    answer(&state, &authorized, NamedListKind::SavedSearches).await
}

/// `GET /v1/accounts/{accountGroupId}/sales-navigator/lead-lists`
///
/// # Errors
/// As the contract lists them.
pub async fn list_lead_lists(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    _: NoQuery,
) -> Result<Answer, Error> {
    answer(&state, &authorized, NamedListKind::LeadLists).await
}

async fn answer(
    state: &HttpState,
    authorized: &Authorized<ProspectingRead>,
    kind: NamedListKind,
) -> Result<Answer, Error> {
    let lists = list_named_lists(&state.app, &authorized.account_group, kind).await?;
    Answer::ok(&ListsBody {
        items: lists.into_iter().map(ListBody::from).collect(),
    })
}

#[derive(Debug, Serialize)]
struct ListsBody {
    items: Vec<ListBody>,
}

#[derive(Debug, Serialize)]
struct ListBody {
    id: String,
    name: Option<String>,
}

impl From<NamedList> for ListBody {
    fn from(list: NamedList) -> Self {
        Self {
            id: list.id,
            name: list.name,
        }
    }
}
