//! The jobs of an account group.

use axum::extract::{RawQuery, State};

use crate::domain::id::JobId;
use crate::domain::job::{JobStatus, JobSummary};
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::authorized::{Authorized, ProspectingRead};
use crate::http::envelope::Answer;
use crate::http::job_body::JobSummaryBody;
use crate::http::pagination::{ListScope, Newest, Page, PageQuery};
use crate::http::query::{Query, read_choice};
use crate::http::router::HttpState;
use crate::service::jobs::list_jobs;

/// `GET /v1/accounts/{accountGroupId}/prospecting`
///
/// # Errors
/// As the contract lists them.
pub async fn list(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Error> {
    let group = &authorized.account_group.id;
    let mut violations = Violations::none();
    let query = Query::read(
        query.as_deref(),
        &["cursor", "limit", "status"],
        &mut violations,
    );
    let statuses = JobStatus::ALL
        .iter()
        .map(|status| (status.as_str(), *status));
    let status = read_choice(&query, "status", statuses, &mut violations);
    let scope = ListScope::new("jobs", group, status.map(JobStatus::as_str));
    let page: PageQuery<Newest<JobId>> = PageQuery::read(&query, &scope, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let after = page.after.as_ref().map(Newest::parts);
    let jobs = list_jobs(&state.app, group, status, after, page.limit).await?;
    let position = |job: &JobSummary| Newest::new(job.created_at, job.job_id.clone());
    Answer::ok(&Page::of(jobs, &scope, position, JobSummaryBody::from)?)
}
