//! Starting a job.

use chrono::{DateTime, Utc};

use crate::domain::id::JobId;
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::job::JobStatus;
use crate::domain::start_request::StartRequest;
use crate::error::Error;
use crate::service::app::App;
use crate::service::authentication::AccountGroupAccess;

/// The job that a start led to.
#[derive(Debug, Clone)]
pub struct StartedJob {
    pub job_id: JobId,
    pub status: JobStatus,
    pub created_at: DateTime<Utc>,
    /// The idempotency key had made the job before.
    pub replayed: bool,
}

/// Replays the job of the key, or checks state, quota and credits and stores a new one.
///
/// # Errors
/// [`Error::IdempotencyConflict`], then for new work [`Error::AccountGroupPaused`],
/// [`Error::LinkedinNotConnected`], [`Error::SalesNavigatorRequired`], [`Error::Upstream`],
/// [`Error::QuotaExhausted`], [`Error::InsufficientCredits`]; faults of the database.
pub async fn start_job(
    _app: &App,
    _account_group: &AccountGroupAccess,
    _request: StartRequest,
    _idempotency_key: Option<IdempotencyKey>,
) -> Result<StartedJob, Error> {
    Err(Error::IdempotencyConflict)
}
