//! The rows of a job: in pages, or all of them as a file.

pub mod export;

use axum::extract::{RawQuery, State};
use axum::http::header::VARY;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::id::{AccountGroupId, JobId, ProspectId};
use crate::domain::job::{JobRow, RowEmailStatus, RowOutcome};
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::accept::{Offer, negotiate};
use crate::http::authorized::{Authorized, ProspectsRead};
use crate::http::envelope::Answer;
use crate::http::pagination::{ListScope, PAGE_PARAMETERS, Page, PageQuery, RowNumber};
use crate::http::query::Query;
use crate::http::router::HttpState;
use crate::http::routes::prospects::export::{Format, export};
use crate::http::timestamp::Timestamp;
use crate::service::prospects::{JobRows, list_job_rows};

/// What the route can answer in; `None` is JSON in pages.
const FORMATS: [Offer<Option<Format>>; 3] = [
    ("application/json", None),
    ("text/csv", Some(Format::Csv)),
    ("application/x-ndjson", Some(Format::Ndjson)),
];

/// `GET /v1/accounts/{accountGroupId}/prospecting/{jobId}/prospects`
pub async fn list(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectsRead, JobId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    version: Version,
) -> Response {
    let (group, job) = (&authorized.account_group.id, &authorized.target);
    // A client that reads none of these gets JSON as well: its envelope is what errors come in.
    let format = negotiate(&headers, &FORMATS).flatten();
    let query = query.as_deref();
    let mut response = match format {
        Some(format) => export(&state, group, job, format, query, version).await,
        None => list_page(&state, group, job, query)
            .await
            .map(IntoResponse::into_response),
    }
    .into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    response
}

async fn list_page(
    state: &HttpState,
    group: &AccountGroupId,
    job: &JobId,
    query: Option<&str>,
) -> Result<Answer, Error> {
    let scope = ListScope::new("prospects", group, Some(job.as_str()));
    let mut violations = Violations::none();
    let query = Query::read(query, &PAGE_PARAMETERS, &mut violations);
    let page: PageQuery<RowNumber> = PageQuery::read(&query, &scope, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let after = page.after.map_or(0, u32::from);
    let rows = list_job_rows(&state.app, group, job, after, page.limit).await?;
    Answer::ok(&page_of(rows, &scope, after)?)
}

/// The cursor leads on for as long as rows may come, even when there are none now.
fn page_of(rows: JobRows, scope: &ListScope<'_>, after: u32) -> Result<Page<RowBody>, Error> {
    let last = rows.rows.last().map_or(after, |row| row.row);
    let next_cursor = match rows.job_has_ended && !rows.has_more {
        true => None,
        false => {
            let position = RowNumber::try_from(last).map_err(Error::internal)?;
            Some(scope.cursor_at(&position)?)
        }
    };
    Ok(Page {
        items: rows.rows.into_iter().map(RowBody::from).collect(),
        next_cursor,
        has_more: rows.has_more,
    })
}

/// The fields of a [`RowBody`], in its order.
const FIELDS: [&str; 18] = [
    "row",
    "outcome",
    "outcomeReason",
    "inputUrl",
    "prospectId",
    "providerId",
    "publicIdentifier",
    "linkedinUrl",
    "firstName",
    "lastName",
    "name",
    "headline",
    "title",
    "companyName",
    "location",
    "email",
    "emailStatus",
    "importedAt",
];

/// A row of a job as the API writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowBody {
    row: u32,
    outcome: RowOutcome,
    outcome_reason: Option<String>,
    input_url: Option<String>,
    prospect_id: Option<ProspectId>,
    provider_id: Option<String>,
    public_identifier: Option<String>,
    linkedin_url: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
    headline: Option<String>,
    title: Option<String>,
    company_name: Option<String>,
    location: Option<String>,
    email: Option<String>,
    email_status: Option<RowEmailStatus>,
    imported_at: Option<Timestamp>,
}

impl RowBody {
    /// The row with every text that came from outside passed through `change`.
    fn with_texts(mut self, change: impl Fn(String) -> String) -> Self {
        for text in [
            &mut self.outcome_reason,
            &mut self.input_url,
            &mut self.provider_id,
            &mut self.public_identifier,
            &mut self.linkedin_url,
            &mut self.first_name,
            &mut self.last_name,
            &mut self.name,
            &mut self.headline,
            &mut self.title,
            &mut self.company_name,
            &mut self.location,
            &mut self.email,
        ] {
            *text = text.take().map(&change);
        }
        self
    }
}

impl From<JobRow> for RowBody {
    fn from(row: JobRow) -> Self {
        Self {
            row: row.row,
            outcome: row.outcome,
            outcome_reason: row.outcome_reason,
            input_url: row.input_url,
            prospect_id: row.prospect_id,
            provider_id: row.provider_id,
            public_identifier: row.public_identifier,
            linkedin_url: row.linkedin_url,
            first_name: row.first_name,
            last_name: row.last_name,
            name: row.name,
            headline: row.headline,
            title: row.title,
            company_name: row.company_name,
            location: row.location,
            email: row.email,
            email_status: row.email_status,
            imported_at: row.imported_at.map(Timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn row(number: u32) -> JobRow {
        JobRow {
            row: number,
            outcome: RowOutcome::NotFound,
            outcome_reason: Some("no such member".to_owned()),
            input_url: Some("linkedin.com/in/a".to_owned()),
            prospect_id: None,
            provider_id: None,
            public_identifier: None,
            linkedin_url: None,
            first_name: None,
            last_name: None,
            name: None,
            headline: None,
            title: None,
            company_name: None,
            location: None,
            email: None,
            email_status: Some(RowEmailStatus::NotFound),
            imported_at: Some("2026-04-28T15:30:00Z".parse().unwrap()),
        }
    }

    fn page(rows: Vec<JobRow>, has_more: bool, job_has_ended: bool) -> Page<RowBody> {
        let rows = JobRows {
            rows,
            has_more,
            job_has_ended,
        };
        page_of(rows, &scope(), 40).unwrap()
    }

    fn scope() -> ListScope<'static> {
        ListScope {
            list: "prospects",
            group: "507f1f77bcf86cd799439012",
            filter: Some("507f1f77bcf86cd799439011"),
        }
    }

    fn cursor(row: u32) -> Option<String> {
        let position = RowNumber::try_from(row).unwrap();
        Some(scope().cursor_at(&position).unwrap())
    }

    #[test]
    fn the_cursor_is_null_only_when_the_job_has_ended_and_all_was_delivered() {
        assert_eq!(
            page(vec![row(41), row(42)], true, false).next_cursor,
            cursor(42)
        );
        assert_eq!(page(vec![row(41)], true, true).next_cursor, cursor(41));
        assert_eq!(page(vec![row(41)], false, false).next_cursor, cursor(41));
        assert_eq!(page(vec![], false, false).next_cursor, cursor(40));
        assert_eq!(page(vec![row(41)], false, true).next_cursor, None);
        assert_eq!(page(vec![], false, true).next_cursor, None);
    }

    #[test]
    fn a_row_shows_every_field_in_the_contracts_order() {
        let expected = concat!(
            r#"{"items":[{"row":41,"outcome":"not_found","outcomeReason":"no such member","#,
            r#""inputUrl":"linkedin.com/in/a","prospectId":null,"providerId":null,"#,
            r#""publicIdentifier":null,"linkedinUrl":null,"firstName":null,"lastName":null,"#,
            r#""name":null,"headline":null,"title":null,"companyName":null,"location":null,"#,
            r#""email":null,"emailStatus":"not_found","importedAt":"2026-04-28T15:30:00.000Z"}],"#,
            r#""nextCursor":null,"hasMore":false}"#
        );
        let page = page(vec![row(41)], false, true);
        assert_eq!(serde_json::to_string(&page).unwrap(), expected);
        let places = FIELDS.map(|field| expected.find(&format!("\"{field}\":")).unwrap());
        assert!(places.is_sorted());
        assert_eq!(expected.matches("\":").count(), FIELDS.len() + 3);
    }
}
