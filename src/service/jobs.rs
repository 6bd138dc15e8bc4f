//! Reading, listing and cancelling jobs.

use chrono::{DateTime, Utc};

use crate::db;
use crate::db::jobs::CancelOutcome;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::{Job, JobStatus, JobSummary};
use crate::error::Error;
use crate::service::app::App;
use crate::service::listing::Slice;

/// # Errors
/// [`Error::NotFound`] when this account group has no such job; faults of the database.
pub async fn get_job(app: &App, account_group: &AccountGroupId, job: &JobId) -> Result<Job, Error> {
    let mut connection = app.database.acquire().await?;
    let job = db::jobs::find_job(&mut connection, account_group, job).await?;
    job.ok_or(Error::NotFound { what: "job" })
}

/// The jobs of an account group that are older than `after`, the newest of them first.
///
/// # Errors
/// Faults of the database.
pub async fn list_jobs(
    app: &App,
    account_group: &AccountGroupId,
    status: Option<JobStatus>,
    after: Option<(DateTime<Utc>, &JobId)>,
    limit: u32,
) -> Result<Slice<JobSummary>, Error> {
    use db::job_list::{list_jobs, list_jobs_with_status};
    let mut connection = app.database.acquire().await?;
    let jobs = match status {
        None => list_jobs(&mut connection, account_group, after, limit + 1).await?,
        Some(status) => {
            list_jobs_with_status(&mut connection, account_group, status, after, limit + 1).await?
        }
    };
    Ok(Slice::of(jobs, limit))
}

/// Cancels a job that has not ended; one that is cancelled already stays so. From here on nothing
/// more is imported or charged; what was imported stays.
///
/// # Errors
/// [`Error::NotFound`], [`Error::JobHasEnded`]; faults of the database.
pub async fn cancel_job(
    app: &App,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<(), Error> {
    let mut connection = app.database.acquire().await?;
    match db::jobs::cancel_job(&mut connection, account_group, job).await? {
        CancelOutcome::Cancelled => {
            app.wake_up.job_cancelled();
            tracing::info!(%account_group, %job, "job cancelled");
            Ok(())
        }
        CancelOutcome::HasEnded => Err(Error::JobHasEnded),
        CancelOutcome::NotFound => Err(Error::NotFound { what: "job" }),
    }
}
