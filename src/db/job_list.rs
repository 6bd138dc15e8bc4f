//! The jobs of an account group, newest first. Pruned ones are not among them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::db::{count, known, known_text};
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::{JobCounts, JobStatus, JobSummary};
use crate::domain::start_request::SourceKind;
use crate::error::Error;

struct SummaryColumns {
    job_id: String,
    source: String,
    metadata: Json<BTreeMap<String, String>>,
    status: String,
    available: Option<i32>,
    fetched: i32,
    imported: i32,
    duplicates: i32,
    invalid: i32,
    not_found: i32,
    failed: i32,
    suppressed: i32,
    emails_found: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Jobs older than `after`, the newest of them first.
pub async fn list_jobs(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    after: Option<(DateTime<Utc>, &JobId)>,
    limit: u32,
) -> Result<Vec<JobSummary>, Error> {
    let (after_time, after_id) = after.unzip();
    let jobs = sqlx::query_as!(
        SummaryColumns,
        r#"
        select job_id, source, metadata as "metadata: Json<BTreeMap<String, String>>", status, available,
            fetched, imported, duplicates, invalid, not_found, failed, suppressed, emails_found, created_at,
            updated_at
        from prospecting_jobs
        where account_group_id = $1
            and pruned_at is null
            and (created_at, job_id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, ''))
        order by created_at desc, job_id desc
        limit $4
        "#,
        account_group.as_str(),
        after_time,
        after_id.map(JobId::as_str),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    jobs.into_iter().map(SummaryColumns::into_summary).collect()
}

/// The same of those with one status. A statement of its own, so that each is planned for its index.
pub async fn list_jobs_with_status(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    status: JobStatus,
    after: Option<(DateTime<Utc>, &JobId)>,
    limit: u32,
) -> Result<Vec<JobSummary>, Error> {
    let (after_time, after_id) = after.unzip();
    let jobs = sqlx::query_as!(
        SummaryColumns,
        r#"
        select job_id, source, metadata as "metadata: Json<BTreeMap<String, String>>", status, available,
            fetched, imported, duplicates, invalid, not_found, failed, suppressed, emails_found, created_at,
            updated_at
        from prospecting_jobs
        where account_group_id = $1
            and status = $2
            and pruned_at is null
            and (created_at, job_id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, ''))
        order by created_at desc, job_id desc
        limit $5
        "#,
        account_group.as_str(),
        status.as_str(),
        after_time,
        after_id.map(JobId::as_str),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    jobs.into_iter().map(SummaryColumns::into_summary).collect()
}

impl SummaryColumns {
    fn into_summary(self) -> Result<JobSummary, Error> {
        let status = JobStatus::from_text(&self.status);
        Ok(JobSummary {
            job_id: known(self.job_id.try_into())?,
            source: known_text("source", &self.source, SourceKind::from_text(&self.source))?,
            metadata: self.metadata.0,
            status: known_text("job status", &self.status, status)?,
            counts: JobCounts {
                available: self.available.map(count),
                fetched: count(self.fetched),
                imported: count(self.imported),
                duplicates: count(self.duplicates),
                invalid: count(self.invalid),
                not_found: count(self.not_found),
                failed: count(self.failed),
                suppressed: count(self.suppressed),
                emails_found: count(self.emails_found),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
