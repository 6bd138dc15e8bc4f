//! The rows of a job and the people in them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::{column, count, known, known_text};
use crate::domain::id::{AccountGroupId, JobId, ProspectId};
use crate::domain::job::{JobRow, JobStatus, RowEmailStatus, RowOutcome};
use crate::domain::person::EmailQuery;
use crate::error::Error;

struct RowColumns {
    row_number: i32,
    outcome: String,
    outcome_reason: Option<String>,
    input_url: Option<String>,
    prospect_id: Option<String>,
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
    email_status: Option<String>,
    imported_at: Option<DateTime<Utc>>,
}

/// Whether the job has ended, read before its rows so that none can come after that are missed;
/// `None` when this account group has no such job.
pub async fn find_whether_job_ended(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<Option<bool>, Error> {
    let status = sqlx::query_scalar!(
        "select status from prospecting_jobs where account_group_id = $1 and job_id = $2 and pruned_at is null",
        account_group.as_str(),
        job.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    status
        .map(|text| Ok(known_text("job status", &text, JobStatus::from_text(&text))?.has_ended()))
        .transpose()
}

/// Rows after number `after`, in their order.
pub async fn list_job_rows(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
    after: u32,
    limit: u32,
) -> Result<Vec<JobRow>, Error> {
    let rows = sqlx::query_as!(
        RowColumns,
        r#"
        select r.row_number, r.outcome, r.outcome_reason, r.input_url, r.prospect_id, r.provider_id,
            p.public_identifier as "public_identifier?", p.linkedin_url as "linkedin_url?",
            p.first_name as "first_name?", p.last_name as "last_name?", p.name as "name?",
            p.headline as "headline?", p.title as "title?", p.company_name as "company_name?",
            p.location as "location?", p.email as "email?",
            -- A look-up that was asked for and will not be answered any more has failed.
            coalesce(p.email_status, case
                when r.outcome = 'imported' and j.search_emails
                    then case when j.ended_at is null then 'pending' else 'failed' end
            end) as "email_status?",
            case when r.outcome = 'imported' then r.created_at end as "imported_at?"
        from job_prospects r
        join prospecting_jobs j on j.account_group_id = r.account_group_id and j.job_id = r.job_id
        left join prospects p on p.account_group_id = r.account_group_id and p.prospect_id = r.prospect_id
        where r.account_group_id = $1 and r.job_id = $2 and r.row_number > $3
        order by r.row_number
        limit $4
        "#,
        account_group.as_str(),
        job.as_str(),
        column(after),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RowColumns::into_row).collect()
}

impl RowColumns {
    fn into_row(self) -> Result<JobRow, Error> {
        let email_status =
            |text: &str| known_text("e-mail status", text, RowEmailStatus::from_text(text));
        Ok(JobRow {
            row: count(self.row_number),
            outcome: known_text(
                "row outcome",
                &self.outcome,
                RowOutcome::from_text(&self.outcome),
            )?,
            outcome_reason: self.outcome_reason,
            input_url: self.input_url,
            prospect_id: known(self.prospect_id.map(TryInto::try_into).transpose())?,
            provider_id: self.provider_id,
            public_identifier: self.public_identifier,
            linkedin_url: self.linkedin_url,
            first_name: self.first_name,
            last_name: self.last_name,
            name: self.name,
            headline: self.headline,
            title: self.title,
            company_name: self.company_name,
            location: self.location,
            email: self.email,
            email_status: self.email_status.as_deref().map(email_status).transpose()?,
            imported_at: self.imported_at,
        })
    }
}

/// An imported person whose e-mail address is to be looked up.
pub struct Lookup {
    pub row: u32,
    pub prospect_id: ProspectId,
    pub query: EmailQuery,
}

/// The next imported people of a job, after row number `after`.
pub async fn list_lookups(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
    after: u32,
    limit: u32,
) -> Result<Vec<Lookup>, Error> {
    let rows = sqlx::query!(
        r#"
        select r.row_number, r.prospect_id as "prospect_id!", p.linkedin_url, p.first_name, p.last_name,
            p.name, p.company_name
        from job_prospects r
        join prospects p on p.account_group_id = r.account_group_id and p.prospect_id = r.prospect_id
        where r.account_group_id = $1 and r.job_id = $2 and r.row_number > $3 and r.outcome = 'imported'
        order by r.row_number
        limit $4
        "#,
        account_group.as_str(),
        job.as_str(),
        column(after),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lookup {
                row: count(row.row_number),
                prospect_id: known(row.prospect_id.try_into())?,
                query: EmailQuery {
                    linkedin_url: row.linkedin_url,
                    first_name: row.first_name,
                    last_name: row.last_name,
                    name: row.name,
                    company_name: row.company_name,
                },
            })
        })
        .collect()
}
