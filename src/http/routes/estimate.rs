//! What a start would come to.

use axum::extract::{Request, State};
use serde::Serialize;

use crate::domain::quota::ListType;
use crate::domain::start_request::StartRequest;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::body::read_json;
use crate::http::envelope::Answer;
use crate::http::query::unexpected_parameters;
use crate::http::router::HttpState;
use crate::service::estimate::{Estimate, estimate_job};

/// `POST /v1/accounts/{accountGroupId}/prospecting/estimate`
///
/// Takes the body of a start; an idempotency key means nothing here.
///
/// # Errors
/// As the contract lists them.
pub async fn estimate(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    request: Request,
) -> Result<Answer, Error> {
    let (parts, body) = request.into_parts();
    let body = read_json(&parts.headers, body).await?;
    let mut violations = unexpected_parameters(parts.uri.query());
    let wanted = StartRequest::parse(&body, state.app.email_finder.is_some());
    let wanted = violations.collect(wanted);
    let (Some(wanted), true) = (wanted, violations.is_empty()) else {
        return Err(Error::Invalid(violations));
    };
    let estimate = estimate_job(&state.app, &authorized.account_group, &wanted).await?;
    Answer::ok(&EstimateBody::from(estimate))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EstimateBody {
    max_results: u32,
    max_results_capped_by_plan: bool,
    distinct_urls: Option<u32>,
    credits: CreditsBody,
    quota: QuotaBody,
    days: Option<u32>,
    linkedin_connected: bool,
}

#[derive(Debug, Serialize)]
struct CreditsBody {
    needed: i64,
    available: i64,
    sufficient: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuotaBody {
    list_type: ListType,
    remaining: u32,
    exhausted: bool,
}

impl From<Estimate> for EstimateBody {
    fn from(estimate: Estimate) -> Self {
        Self {
            max_results: estimate.terms.max_results,
            max_results_capped_by_plan: estimate.terms.is_capped_by_plan,
            distinct_urls: estimate.distinct_urls,
            credits: CreditsBody {
                needed: estimate.terms.reservation,
                available: estimate.credits_available,
                sufficient: estimate.has_sufficient_credits(),
            },
            quota: QuotaBody {
                list_type: estimate.quota.list_type,
                remaining: estimate.quota.remaining(),
                exhausted: estimate.quota.is_exhausted(),
            },
            days: estimate.days,
            linkedin_connected: estimate.linkedin_is_connected,
        }
    }
}
