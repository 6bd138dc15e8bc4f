//! Reading, listing and cancelling jobs.

use chrono::{DateTime, Utc};

use crate::db;
use crate::db::jobs::{CancelOutcome, CancelledJob};
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::{Job, JobStatus, JobSummary};
use crate::error::Error;
use crate::service::app::App;
use crate::service::job_log::{JobEnd, job_ended};
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
        CancelOutcome::CancelledNow(cancelled) => {
            app.wake_up.job_cancelled();
            tell_cancelled(account_group, job, &cancelled);
            Ok(())
        }
        CancelOutcome::CancelledAlready => {
            app.wake_up.job_cancelled();
            Ok(())
        }
        CancelOutcome::HasEnded => Err(Error::JobHasEnded),
        CancelOutcome::NotFound => Err(Error::NotFound { what: "job" }),
    }
}

/// In a span of the job, whose trace id is that of its start and not that of the cancel.
pub(super) fn tell_cancelled(
    account_group: &AccountGroupId,
    job: &JobId,
    cancelled: &CancelledJob,
) {
    let trace_id = cancelled
        .trace
        .trace_id
        .as_ref()
        .map(tracing::field::display);
    let source = cancelled.source;
    let span = tracing::error_span!(
        "job", %account_group, %job, source = source.as_str(), trace_id
    );
    span.in_scope(|| job_ended(source, JobEnd::Cancelled, Some(cancelled.totals)));
}
