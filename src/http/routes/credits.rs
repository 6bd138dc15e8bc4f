//! Credits of an account group.

use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::db::credit_entries::CreditEntry;
use crate::db::credits::CreditAccount;
use crate::domain::credits::EntryKind;
use crate::domain::id::JobId;
use crate::domain::plan::Plan;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::envelope::Answer;
use crate::http::pagination::{ListScope, Page, PageQuery};
use crate::http::query::{NoQuery, Query};
use crate::http::router::HttpState;
use crate::http::timestamp::Timestamp;
use crate::service::credits::{get_credits, list_credit_entries};

/// `GET /v1/accounts/{accountGroupId}/credits`
///
/// # Errors
/// As the contract lists them.
pub async fn show(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    _: NoQuery,
) -> Result<Answer, Error> {
    let credits = get_credits(&state.app, &authorized.account_group.id).await?;
    Answer::ok(&CreditsBody::from(credits))
}

/// `GET /v1/accounts/{accountGroupId}/credits/entries`
///
/// # Errors
/// As the contract lists them.
pub async fn list_entries(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Error> {
    let group = &authorized.account_group.id;
    let mut violations = Violations::none();
    let query = Query::read(
        query.as_deref(),
        &["cursor", "limit", "jobId"],
        &mut violations,
    );
    let job = query.get("jobId").map(str::parse::<JobId>).transpose();
    let job = job.unwrap_or_else(|invalid| {
        violations.push("jobId", "invalid_id", format!("jobId {invalid}."));
        None
    });
    let scope = ListScope::new("credit entries", group, job.as_ref().map(JobId::as_str));
    let page: PageQuery<i64> = PageQuery::read(&query, &scope, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let entries =
        list_credit_entries(&state.app, group, job.as_ref(), page.after, page.limit).await?;
    let position = |entry: &CreditEntry| entry.entry_id;
    Answer::ok(&Page::of(entries, &scope, position, EntryBody::from)?)
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

/// One change of the balance as the API writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryBody {
    /// A text, since JSON numbers are not exact that far.
    entry_id: String,
    kind: EntryKind,
    amount: i64,
    balance_after: i64,
    job_id: Option<JobId>,
    page: Option<u32>,
    reason: Option<String>,
    created_at: Timestamp,
}

impl From<CreditEntry> for EntryBody {
    fn from(entry: CreditEntry) -> Self {
        Self {
            entry_id: entry.entry_id.to_string(),
            kind: entry.kind,
            amount: entry.amount,
            balance_after: entry.balance_after,
            job_id: entry.job_id,
            page: entry.page,
            reason: entry.reason,
            created_at: Timestamp(entry.created_at),
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
