//! Credits of an account group.

use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::db::credits::CreditAccount;
use crate::domain::plan::Plan;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::envelope::Answer;
use crate::http::query::Query;
use crate::http::router::HttpState;
use crate::service::credits::get_credits;

/// `GET /v1/accounts/{accountGroupId}/credits`
///
/// # Errors
/// As the contract lists them.
pub async fn show(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Error> {
    let mut violations = Violations::none();
    let _no_parameters = Query::read(query.as_deref(), &[], &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let credits = get_credits(&state.app, &authorized.account_group.id).await?;
    Answer::ok(&CreditsBody::from(credits))
}

/// Credits as the API writes them.
#[derive(Debug, Serialize)]
pub struct CreditsBody {
    plan: Plan,
    balance: i64,
    reserved: i64,
    available: i64,
}

impl From<CreditAccount> for CreditsBody {
    fn from(credits: CreditAccount) -> Self {
        Self {
            plan: credits.plan,
            balance: credits.balance,
            reserved: credits.reserved,
            available: credits.available(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_show_what_new_jobs_may_reserve() {
        let body = CreditsBody::from(CreditAccount {
            plan: Plan::Scale,
            balance: 500,
            reserved: 120,
        });
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"plan":"scale","balance":500,"reserved":120,"available":380}"#
        );
    }
}
