//! Where an account group stands with its daily quotas.

use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::domain::quota::{ListType, QuotaStanding};
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::envelope::Answer;
use crate::http::query::{Query, read_choice};
use crate::http::router::HttpState;
use crate::http::timestamp::Timestamp;

/// `GET /v1/accounts/{accountGroupId}/prospecting/quota`
///
/// What it shows came with the look-up of the key.
///
/// # Errors
/// As the contract lists them.
pub async fn show(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Error> {
    let mut violations = Violations::none();
    let query = Query::read(query.as_deref(), &["listType"], &mut violations);
    let kinds = ListType::ALL.into_iter().map(|kind| (kind.as_str(), kind));
    let list_type = read_choice(&query, "listType", kinds, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let list_type = list_type.unwrap_or(ListType::LinkedinClassic);
    let quota = authorized
        .account_group
        .quota(list_type, &state.app.quota_limits);
    Answer::ok(&QuotaBody::from(quota))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuotaBody {
    list_type: ListType,
    quota_type: &'static str,
    used: u32,
    limit: u32,
    remaining: u32,
    reset_at: Timestamp,
    exhausted: bool,
}

impl From<QuotaStanding> for QuotaBody {
    fn from(quota: QuotaStanding) -> Self {
        Self {
            list_type: quota.list_type,
            quota_type: quota.list_type.quota_type(),
            used: quota.used,
            limit: quota.limit,
            remaining: quota.remaining(),
            reset_at: Timestamp(quota.resets_at),
            exhausted: quota.is_exhausted(),
        }
    }
}
