//! Jobs as their owners start and see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::db::error::Conflicts;
use crate::db::job_totals::{JobStanding, JobTotals};
use crate::db::{column, count, known, known_text};
use crate::domain::id::{AccountGroupId, JobId, TraceId};
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::job::{
    Job, JobCounts, JobCredits, JobFault, JobStatus, Stage, StageStatus, StopReason, Waiting,
    WaitingReason,
};
use crate::domain::start_request::{Duplicates, Source, SourceKind};
use crate::domain::trace::JobTrace;
use crate::error::Error;

/// A job to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    pub job_id: &'a JobId,
    pub account_group: &'a AccountGroupId,
    pub source: &'a Source,
    pub max_results: u32,
    pub search_emails: bool,
    pub duplicates: Duplicates,
    pub metadata: &'a BTreeMap<String, String>,
    pub idempotency_key: Option<&'a IdempotencyKey>,
    pub fingerprint: &'a [u8; 32],
    /// The credits to hold.
    pub reservation: i64,
    /// The request that starts it.
    pub trace: &'a JobTrace,
}

/// What became of a start.
#[derive(Debug, Clone)]
pub enum StartOutcome {
    Created {
        status: JobStatus,
        created_at: DateTime<Utc>,
    },
    /// The key has made this job before, for the same request.
    Replayed {
        job_id: JobId,
        status: JobStatus,
        created_at: DateTime<Utc>,
    },
    /// The key has made a job before, for another request.
    Conflict,
    InsufficientCredits {
        available: i64,
    },
    NoAccountGroup,
}

/// Stores a job with its key and its reservation, or finds the key's job: one statement.
pub async fn start_job(
    connection: &mut PgConnection,
    job: NewJob<'_>,
) -> Result<StartOutcome, Error> {
    let mut conflicts = Conflicts::default();
    loop {
        match call_start_job(&mut *connection, &job).await {
            Ok(row) => return row.into_outcome(),
            Err(error) => conflicts.send_again(error)?,
        }
    }
}

struct StartRow {
    outcome: String,
    job_id: Option<String>,
    status: Option<String>,
    created_at: Option<DateTime<Utc>>,
    available: Option<i64>,
}

async fn call_start_job(
    connection: &mut PgConnection,
    job: &NewJob<'_>,
) -> Result<StartRow, sqlx::Error> {
    sqlx::query_as!(
        StartRow,
        r#"
        select outcome as "outcome!", job_id, status, created_at, available
        from start_job_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        "#,
        job.account_group.as_str(),
        job.job_id.as_str(),
        job.source.kind().as_str(),
        Json(job.source) as _,
        column(job.max_results),
        job.search_emails,
        job.duplicates == Duplicates::Skip,
        Json(job.metadata) as _,
        job.idempotency_key.map(IdempotencyKey::as_str),
        &job.fingerprint[..],
        job.reservation,
        job.trace.trace_id.as_ref().map(TraceId::as_str),
        job.trace.parent.as_ref().map(ToString::to_string),
    )
    .fetch_one(connection)
    .await
}

impl StartRow {
    fn into_outcome(self) -> Result<StartOutcome, Error> {
        match (
            self.outcome.as_str(),
            self.job_id,
            self.status,
            self.created_at,
        ) {
            ("created", Some(_), Some(status), Some(created_at)) => Ok(StartOutcome::Created {
                status: job_status(&status)?,
                created_at,
            }),
            ("replayed", Some(job_id), Some(status), Some(created_at)) => {
                Ok(StartOutcome::Replayed {
                    job_id: known(job_id.try_into())?,
                    status: job_status(&status)?,
                    created_at,
                })
            }
            ("conflict", ..) => Ok(StartOutcome::Conflict),
            ("insufficient_credits", ..) => Ok(StartOutcome::InsufficientCredits {
                available: self.available.unwrap_or(0),
            }),
            ("no_account_group", ..) => Ok(StartOutcome::NoAccountGroup),
            _ => known_text("outcome of a start", &self.outcome, None),
        }
    }
}

fn job_status(text: &str) -> Result<JobStatus, Error> {
    known_text("job status", text, JobStatus::from_text(text))
}

/// What became of a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// By this call.
    CancelledNow(CancelledJob),
    /// Before.
    CancelledAlready,
    /// The job is completed or failed; nothing was changed.
    HasEnded,
    NotFound,
}

/// What there is to tell of a job that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledJob {
    pub source: SourceKind,
    pub trace: JobTrace,
    pub totals: JobTotals,
}

/// Cancels a job that has not ended and releases what is left of its reservation: one statement.
pub async fn cancel_job(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<CancelOutcome, Error> {
    let mut conflicts = Conflicts::default();
    let row = loop {
        let cancelling = sqlx::query!(
            r#"
            select c.outcome as "outcome!", to_jsonb(t) as "standing: Json<JobStanding>"
            from cancel_job_v1($1, $2) as c (outcome)
            left join lateral job_totals_v1(case when c.outcome = 'cancelled' then $1 end, $2) as t
                on t.written_now
            "#,
            account_group.as_str(),
            job.as_str(),
        );
        match cancelling.fetch_one(&mut *connection).await {
            Ok(row) => break row,
            Err(error) => conflicts.send_again(error)?,
        }
    };
    match (row.outcome.as_str(), row.standing) {
        ("cancelled", Some(standing)) => Ok(CancelOutcome::CancelledNow(CancelledJob {
            source: standing.source,
            trace: standing.trace(),
            totals: standing.totals(),
        })),
        ("cancelled", None) => Ok(CancelOutcome::CancelledAlready),
        ("ended", _) => Ok(CancelOutcome::HasEnded),
        ("not_found", _) => Ok(CancelOutcome::NotFound),
        _ => known_text("outcome of a cancel", &row.outcome, None),
    }
}

/// The account group of a job, for operators who know only the job. Looks the job up in each group,
/// by the index that begins with the group.
pub async fn find_account_group_of_job(
    connection: &mut PgConnection,
    job: &JobId,
) -> Result<Option<AccountGroupId>, Error> {
    let id = sqlx::query_scalar!(
        r#"
        select g.account_group_id
        from account_groups g
        cross join lateral (
            select from prospecting_jobs j
            where j.account_group_id = g.account_group_id and j.job_id = $1
        ) as found
        limit 1
        "#,
        job.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    known(id.map(TryInto::try_into).transpose())
}

struct JobColumns {
    job_id: String,
    source: String,
    max_results: i32,
    search_emails: bool,
    metadata: Json<BTreeMap<String, String>>,
    status: String,
    due_at: DateTime<Utc>,
    waiting_reason: Option<String>,
    attempt: i32,
    import_status: String,
    stop_reason: Option<String>,
    import_progress: f64,
    available: Option<i32>,
    fetched: i32,
    imported: i32,
    duplicates: i32,
    invalid: i32,
    not_found: i32,
    failed: i32,
    suppressed: i32,
    enrichment_status: String,
    answered: i32,
    emails_found: i32,
    enrichment_error_code: Option<String>,
    enrichment_error_message: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    credits_reserved: i64,
    credits_charged: i64,
    credits_released: i64,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

pub async fn find_job(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<Option<Job>, Error> {
    let columns = sqlx::query_as!(
        JobColumns,
        r#"
        select job_id, source, max_results, search_emails,
            metadata as "metadata: Json<BTreeMap<String, String>>", status, due_at, waiting_reason, attempt,
            import_status, stop_reason, import_progress, available, fetched, imported, duplicates, invalid,
            not_found, failed, suppressed, enrichment_status, answered, emails_found, enrichment_error_code,
            enrichment_error_message, error_code, error_message, credits_reserved, credits_charged,
            credits_released, version, created_at, updated_at, started_at, ended_at
        from prospecting_jobs
        where account_group_id = $1 and job_id = $2 and pruned_at is null
        "#,
        account_group.as_str(),
        job.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    columns
        .map(|columns| columns.into_job(account_group))
        .transpose()
}

impl JobColumns {
    fn into_job(self, account_group: &AccountGroupId) -> Result<Job, Error> {
        let status = job_status(&self.status)?;
        let error = fault(self.error_code.clone(), self.error_message.clone());
        let import = self.import_stage(status, error.clone())?;
        let enrichment = self.enrichment_stage(status, error.clone())?;
        let stop_reason = |text: &str| known_text("stop reason", text, StopReason::from_text(text));
        let waiting_reason =
            |text: &str| known_text("waiting reason", text, WaitingReason::from_text(text));
        let waiting = self
            .waiting_reason
            .as_deref()
            .map(waiting_reason)
            .transpose()?;
        Ok(Job {
            job_id: known(self.job_id.try_into())?,
            account_group_id: account_group.clone(),
            source: known_text("source", &self.source, SourceKind::from_text(&self.source))?,
            max_results: count(self.max_results),
            search_emails: self.search_emails,
            metadata: self.metadata.0,
            status,
            import,
            enrichment,
            error,
            stop_reason: self.stop_reason.as_deref().map(stop_reason).transpose()?,
            waiting: waiting.map(|reason| Waiting {
                reason,
                resume_at: self.due_at,
            }),
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
            credits: JobCredits {
                reserved: self.credits_reserved,
                charged: self.credits_charged,
                released: self.credits_released,
            },
            attempt: count(self.attempt),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            started_at: self.started_at,
            completed_at: self.ended_at,
        })
    }

    fn import_stage(&self, job: JobStatus, job_error: Option<JobFault>) -> Result<Stage, Error> {
        let status = stage_status(&self.import_status, job)?;
        let error = job_error.filter(|_| status == StageStatus::Failed);
        Ok(Stage {
            status,
            progress: self.import_progress,
            error,
        })
    }

    fn enrichment_stage(
        &self,
        job: JobStatus,
        job_error: Option<JobFault>,
    ) -> Result<Stage, Error> {
        let status = match stage_status(&self.enrichment_status, job)? {
            // The look-ups begin when the import has ended.
            StageStatus::Running if self.import_status == "open" => StageStatus::Queued,
            status => status,
        };
        let progress = match status {
            StageStatus::Completed => 1.0,
            _ if self.imported == 0 => 0.0,
            _ => f64::from(self.answered) / f64::from(self.imported),
        };
        let own_error = fault(
            self.enrichment_error_code.clone(),
            self.enrichment_error_message.clone(),
        );
        let error = own_error
            .or(job_error)
            .filter(|_| status == StageStatus::Failed);
        Ok(Stage {
            status,
            progress,
            error,
        })
    }
}

/// A stage that is still open stands where its job stands.
fn stage_status(text: &str, job: JobStatus) -> Result<StageStatus, Error> {
    match (text, job) {
        ("open", JobStatus::Running) => Ok(StageStatus::Running),
        ("open", _) => Ok(StageStatus::Queued),
        _ => known_text("stage status", text, StageStatus::from_text(text)),
    }
}

fn fault(code: Option<String>, message: Option<String>) -> Option<JobFault> {
    code.map(|code| JobFault {
        code,
        message: message.unwrap_or_default(),
    })
}
