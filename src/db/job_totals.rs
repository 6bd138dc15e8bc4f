//! What a job has come to, for metrics and log lines.

use std::time::Duration;

use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::id::{AccountGroupId, JobId, TraceId};
use crate::domain::start_request::SourceKind;
use crate::domain::trace::{JobTrace, TraceParent};
use crate::error::Error;

/// A job's counts after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobTotals {
    pub fetched: u32,
    pub imported: u32,
    pub duplicates: u32,
    pub invalid: u32,
    pub not_found: u32,
    pub failed: u32,
    pub suppressed: u32,
    /// Look-ups that were answered, and those of them that found an address.
    pub answered: u32,
    pub emails_found: u32,
    pub credits_charged: i64,
    /// From the start to the end, or until now.
    pub age: Duration,
}

/// A row of `job_totals_v1`, read as JSON, so that the statements that end in it need not repeat its
/// columns.
#[derive(Debug, Deserialize)]
pub(super) struct JobStanding {
    pub(super) source: SourceKind,
    trace_id: Option<TraceId>,
    traceparent: Option<String>,
    fetched: u32,
    imported: u32,
    duplicates: u32,
    invalid: u32,
    not_found: u32,
    failed: u32,
    suppressed: u32,
    answered: u32,
    emails_found: u32,
    credits_charged: i64,
    seconds: f64,
}

impl JobStanding {
    pub(super) fn totals(&self) -> JobTotals {
        JobTotals {
            fetched: self.fetched,
            imported: self.imported,
            duplicates: self.duplicates,
            invalid: self.invalid,
            not_found: self.not_found,
            failed: self.failed,
            suppressed: self.suppressed,
            answered: self.answered,
            emails_found: self.emails_found,
            credits_charged: self.credits_charged,
            // The clock may have been set back since the start.
            age: Duration::try_from_secs_f64(self.seconds).unwrap_or_default(),
        }
    }

    pub(super) fn trace(&self) -> JobTrace {
        let parent = self.traceparent.as_deref();
        JobTrace {
            trace_id: self.trace_id.clone(),
            parent: parent.and_then(TraceParent::parse),
        }
    }
}

/// Reads what a job has come to.
pub async fn find_job_totals(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<Option<JobTotals>, Error> {
    let standing = sqlx::query_scalar!(
        r#"select to_jsonb(t) as "standing!: Json<JobStanding>" from job_totals_v1($1, $2) as t"#,
        account_group.as_str(),
        job.as_str(),
    );
    let standing = standing.fetch_optional(connection).await?;
    Ok(standing.map(|standing| standing.totals()))
}
