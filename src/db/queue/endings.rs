//! How a run lets go of its job: it waits, ends, or breaks off.

use std::time::Duration;

use sqlx::PgConnection;

use super::Lease;
use crate::db::known_text;
use crate::domain::job::{EnrichmentErrorCode, JobErrorCode, WaitingReason};
use crate::error::Error;

/// Whether a write of a run took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    Done,
    LeaseLost,
}

impl From<Option<bool>> for Fenced {
    fn from(done: Option<bool>) -> Self {
        if done == Some(true) {
            Self::Done
        } else {
            Self::LeaseLost
        }
    }
}

/// Fails a job for good and releases what is left of its reservation.
pub async fn fail_job(
    connection: &mut PgConnection,
    lease: &Lease,
    code: JobErrorCode,
) -> Result<Fenced, Error> {
    let done = sqlx::query_scalar!(
        "select fail_job_v1($1, $2, $3, $4, $5)",
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        code.as_str(),
        code.message(),
    )
    .fetch_one(connection)
    .await?;
    Ok(done.into())
}

/// Completes a job whose e-mail look-ups failed for good.
pub async fn give_up_enrichment(
    connection: &mut PgConnection,
    lease: &Lease,
    code: EnrichmentErrorCode,
) -> Result<Fenced, Error> {
    let done = sqlx::query_scalar!(
        "select give_up_enrichment_v1($1, $2, $3, $4, $5)",
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        code.as_str(),
        code.message(),
    )
    .fetch_one(connection)
    .await?;
    Ok(done.into())
}

/// Until when a run lets go of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitUntil {
    /// So long from now.
    After(Duration),
    /// So long from now, until the breaker may let a call in: this time none was made.
    LetIn(Duration),
    /// So long from now, until the LinkedIn account may be called: no fault of the upstream.
    AccountFree(Duration),
    /// The next UTC day begins.
    NextDay,
}

/// What became of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    Waiting,
    /// The upstream has kept the job waiting for too long already; nothing was changed.
    OutOfPatience,
    LeaseLost,
}

/// How long an upstream may keep a job waiting without any progress.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives the worker slot back and lets the job go on later, as the same attempt. Without a reason the
/// job is merely handed back to the queue.
pub async fn wait_job(
    connection: &mut PgConnection,
    lease: &Lease,
    reason: Option<WaitingReason>,
    until: WaitUntil,
) -> Result<WaitOutcome, Error> {
    let seconds = match until {
        WaitUntil::After(duration)
        | WaitUntil::LetIn(duration)
        | WaitUntil::AccountFree(duration) => Some(duration.as_secs_f64()),
        WaitUntil::NextDay => None,
    };
    let fault = match (reason, until) {
        (Some(WaitingReason::Upstream), WaitUntil::After(_)) => Some("failed"),
        (Some(WaitingReason::Upstream), WaitUntil::LetIn(_)) => Some("refused"),
        _ => None,
    };
    let outcome = sqlx::query_scalar!(
        r#"select wait_job_v2($1, $2, $3, $4, $5, $6, $7) as "outcome!""#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        reason.map(WaitingReason::as_str),
        fault,
        seconds,
        PATIENCE.as_secs_f64(),
    )
    .fetch_one(connection)
    .await?;
    match outcome.as_str() {
        "waiting" => Ok(WaitOutcome::Waiting),
        "out_of_patience" => Ok(WaitOutcome::OutOfPatience),
        "lease_lost" => Ok(WaitOutcome::LeaseLost),
        _ => known_text("outcome of a wait", &outcome, None),
    }
}

/// Which leases may be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakOff {
    /// The caller holds the lease; its run came to grief.
    OwnRun { retry_after: Duration },
    /// The lease ran out: whoever held it is gone or stuck.
    ExpiredOnly,
}

/// What became of a broken run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakOffOutcome {
    Requeued,
    Failed,
    LeaseLost,
}

/// Runs that a job may begin in a row without any progress.
const ATTEMPTS_MAX: i32 = 5;

/// Puts a job back into the queue after a run that broke, or fails it when that happened too often.
pub async fn break_off_run(
    connection: &mut PgConnection,
    lease: &Lease,
    which: BreakOff,
) -> Result<BreakOffOutcome, Error> {
    let (only_expired, retry_after) = match which {
        BreakOff::OwnRun { retry_after } => (false, retry_after),
        BreakOff::ExpiredOnly => (true, Duration::ZERO),
    };
    let outcome = sqlx::query_scalar!(
        r#"select break_off_run_v1($1, $2, $3, $4, $5, $6, $7, $8) as "outcome!""#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        only_expired,
        retry_after.as_secs_f64(),
        ATTEMPTS_MAX,
        JobErrorCode::TooManyAttempts.as_str(),
        JobErrorCode::TooManyAttempts.message(),
    )
    .fetch_one(connection)
    .await?;
    match outcome.as_str() {
        "requeued" => Ok(BreakOffOutcome::Requeued),
        "failed" => Ok(BreakOffOutcome::Failed),
        "lease_lost" => Ok(BreakOffOutcome::LeaseLost),
        _ => known_text("outcome of a broken run", &outcome, None),
    }
}
