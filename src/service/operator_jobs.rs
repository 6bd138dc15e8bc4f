//! What operators do with the jobs of any account group.

use chrono::{DateTime, Utc};

use crate::db;
use crate::db::job_overview::JobPlace;
use crate::db::jobs::CancelOutcome;
use crate::db::linkedin_accounts::{HeldUpBy, find_what_holds_up};
use crate::db::pool::Database;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::{Job, JobStatus, WaitingReason};
use crate::error::Error;
use crate::service::jobs::tell_cancelled;
use crate::service::operator::Refusal;

/// A job as operators see it.
#[derive(Debug, Clone)]
pub struct OperatorJob {
    pub job: Job,
    /// When its worker loses it, unless it gives a sign of life; of a running job.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// When it may run; of a queued job.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Of a job that waits for the upstream: whether it is its LinkedIn account that it waits for.
    pub held_up_by: Option<HeldUpBy>,
}

/// The newest jobs, of all account groups or of one, with any status or with one.
///
/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn list_jobs(
    database: &Database,
    account_group: Option<&AccountGroupId>,
    status: Option<JobStatus>,
    limit: u32,
) -> Result<Vec<OperatorJob>, Refusal> {
    let mut connection = database.acquire().await?;
    if let Some(group) = account_group {
        let known = db::account_groups::find_account_group(&mut connection, group).await?;
        known.ok_or_else(|| Refusal::NoAccountGroup(group.clone()))?;
    }
    let places = match status {
        None => db::job_overview::list_newest_jobs(&mut connection, account_group, limit).await?,
        Some(status) => {
            db::job_overview::list_newest_jobs_with_status(
                &mut connection,
                account_group,
                status,
                limit,
            )
            .await?
        }
    };
    drop(connection);
    let mut jobs = Vec::with_capacity(places.len());
    for place in places {
        jobs.extend(read(database, place).await?);
    }
    Ok(jobs)
}

/// Whose a job is.
///
/// # Errors
/// [`Refusal::NoJob`]; faults of the database.
pub async fn find_account_group_of_job(
    database: &Database,
    job: &JobId,
) -> Result<AccountGroupId, Refusal> {
    let mut connection = database.acquire().await?;
    db::jobs::find_account_group_of_job(&mut connection, job)
        .await?
        .ok_or_else(|| Refusal::NoJob(job.clone()))
}

/// # Errors
/// [`Refusal::NoJob`]; faults of the database.
pub async fn get_job(
    database: &Database,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<OperatorJob, Refusal> {
    let mut connection = database.acquire().await?;
    let place = db::job_overview::find_job_place(&mut connection, account_group, job).await?;
    drop(connection);
    let found = match place {
        Some(place) => read(database, place).await?,
        None => None,
    };
    found.ok_or_else(|| Refusal::NoJob(job.clone()))
}

/// Cancels a job of any account group.
///
/// # Errors
/// [`Refusal::NoJob`], [`Refusal::JobHasEnded`]; faults of the database.
pub async fn cancel_job(database: &Database, job: &JobId) -> Result<OperatorJob, Refusal> {
    let group = find_account_group_of_job(database, job).await?;
    let mut connection = database.acquire().await?;
    match db::jobs::cancel_job(&mut connection, &group, job).await? {
        CancelOutcome::CancelledNow(cancelled) => tell_cancelled(&group, job, &cancelled),
        CancelOutcome::CancelledAlready => {}
        CancelOutcome::HasEnded => return Err(Refusal::JobHasEnded(job.clone())),
        CancelOutcome::NotFound => return Err(Refusal::NoJob(job.clone())),
    }
    drop(connection);
    get_job(database, &group, job).await
}

/// Reads the rest of a job. It may have moved on meanwhile: what then no longer belongs to its
/// status is left out.
async fn read(database: &Database, place: JobPlace) -> Result<Option<OperatorJob>, Error> {
    let mut connection = database.acquire().await?;
    let job = db::jobs::find_job(&mut connection, &place.account_group, &place.job).await?;
    let Some(job) = job else { return Ok(None) };
    let waits = job.waiting.as_ref();
    let held_up_by = match waits.map(|waiting| waiting.reason) {
        Some(WaitingReason::Upstream) => {
            find_what_holds_up(&mut connection, &place.account_group, &place.job).await?
        }
        Some(WaitingReason::Quota | WaitingReason::Paused) | None => None,
    };
    Ok(Some(OperatorJob {
        lease_expires_at: place
            .lease_expires_at
            .filter(|_| job.status == JobStatus::Running),
        next_try_at: place
            .next_try_at
            .filter(|_| job.status == JobStatus::Queued),
        held_up_by,
        job,
    }))
}
