//! The rows of a job and the people in them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::{column, count, known, known_text};
use crate::domain::id::{AccountGroupId, JobId, ProspectId};
use crate::domain::job::{JobRow, JobStatus, RowEmailStatus, RowOutcome};
use crate::domain::person::EmailQuery;
use crate::error::Error;

struct RowColumns {
    job_status: String,
    /// Null where the job has no rows that were asked for, as are all further columns.
    row_number: Option<i32>,
    outcome: Option<String>,
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

/// Some rows of a job.
pub struct RowsOfJob {
    /// No rows come any more.
    pub job_has_ended: bool,
    pub rows: Vec<JobRow>,
}

/// Rows after number `after`, in their order; `None` when this account group has no such job.
///
/// One statement, so one snapshot: a job that is seen to have ended is seen with its last rows.
pub async fn find_rows_of_job(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
    after: u32,
    limit: u32,
) -> Result<Option<RowsOfJob>, Error> {
    let found = sqlx::query_as!(
        RowColumns,
        r#"
        select j.status as job_status, r.row_number as "row_number?", r.outcome as "outcome?",
            r.outcome_reason as "outcome_reason?", r.input_url as "input_url?",
            r.prospect_id as "prospect_id?", r.provider_id as "provider_id?",
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
        from prospecting_jobs j
        -- The limit is in here, so that a job without such rows still answers with its status.
        left join lateral (
            select row_number, outcome, outcome_reason, input_url, prospect_id, provider_id, created_at
            from job_prospects
            where account_group_id = $1 and job_id = $2 and row_number > $3
            order by row_number
            limit $4
        ) r on true
        -- With a limit of its own this is one look-up for each row, and never a reading of all people
        -- of the account group.
        left join lateral (
            select public_identifier, linkedin_url, first_name, last_name, name, headline, title,
                company_name, location, email, email_status
            from prospects
            where account_group_id = $1 and prospect_id = r.prospect_id
            limit 1
        ) p on true
        where j.account_group_id = $1 and j.job_id = $2 and j.pruned_at is null
        order by r.row_number
        "#,
        account_group.as_str(),
        job.as_str(),
        column(after),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    let Some(first) = found.first() else {
        return Ok(None);
    };
    let status = &first.job_status;
    let status = known_text("job status", status, JobStatus::from_text(status))?;
    let rows = found
        .into_iter()
        .filter_map(|columns| columns.into_row().transpose());
    Ok(Some(RowsOfJob {
        job_has_ended: status.has_ended(),
        rows: rows.collect::<Result<_, _>>()?,
    }))
}

impl RowColumns {
    fn into_row(self) -> Result<Option<JobRow>, Error> {
        let (Some(row), Some(outcome)) = (self.row_number, self.outcome) else {
            return Ok(None);
        };
        let email_status =
            |text: &str| known_text("e-mail status", text, RowEmailStatus::from_text(text));
        Ok(Some(JobRow {
            row: count(row),
            outcome: known_text("row outcome", &outcome, RowOutcome::from_text(&outcome))?,
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
        }))
    }
}

/// An imported person whose e-mail address is to be looked up.
pub struct Lookup {
    pub row: u32,
    pub prospect_id: ProspectId,
    pub query: EmailQuery,
}

/// The next imported people of a job after row number `after` whom no finder has answered for, but for
/// those who were erased. A batch may have been answered in part, so some after that row may have been.
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
            and p.email_status is null
            and p.erased_at is null
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
