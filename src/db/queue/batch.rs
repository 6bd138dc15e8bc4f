//! The commit of a batch of e-mail look-ups.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Lease;
use crate::db::{column, known_text};
use crate::domain::id::ProspectId;
use crate::domain::person::EmailStatus;
use crate::error::Error;

/// The answer of a look-up, ready to be stored.
#[derive(Serialize)]
pub struct StoredAnswer {
    pub prospect_id: ProspectId,
    pub email: Option<String>,
    pub email_status: StoredEmailStatus,
}

/// How an answered look-up is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredEmailStatus {
    Valid,
    Unverified,
    NotFound,
}

impl From<EmailStatus> for StoredEmailStatus {
    fn from(status: EmailStatus) -> Self {
        match status {
            EmailStatus::Valid => Self::Valid,
            EmailStatus::Unverified => Self::Unverified,
        }
    }
}

/// What became of a batch of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome {
    Committed {
        job_ended: bool,
    },
    /// The batch number is taken: an earlier try went through. Read the job back.
    AlreadyDone,
    LeaseLost,
}

/// Commits answers as batch number `batch`. With it everybody up to row `through_row` is answered,
/// and maybe some after it.
pub async fn store_emails(
    connection: &mut PgConnection,
    lease: &Lease,
    lease_time: Duration,
    batch: u32,
    through_row: u32,
    answers: &[StoredAnswer],
) -> Result<BatchOutcome, Error> {
    let row = sqlx::query!(
        r#"
        select outcome as "outcome!", job_ended as "job_ended!"
        from store_emails_v2($1, $2, $3, $4, $5, $6, $7)
        "#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        lease_time.as_secs_f64(),
        column(batch),
        column(through_row),
        Json(answers) as _,
    )
    .fetch_one(connection)
    .await?;
    match row.outcome.as_str() {
        "committed" => Ok(BatchOutcome::Committed {
            job_ended: row.job_ended,
        }),
        "already_done" => Ok(BatchOutcome::AlreadyDone),
        "lease_lost" => Ok(BatchOutcome::LeaseLost),
        _ => known_text("outcome of a batch", &row.outcome, None),
    }
}
