//! Reading jobs.

use crate::db;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::Job;
use crate::error::Error;
use crate::service::app::App;

/// # Errors
/// [`Error::NotFound`] when this account group has no such job; faults of the database.
pub async fn get_job(app: &App, account_group: &AccountGroupId, job: &JobId) -> Result<Job, Error> {
    let mut connection = app.database.acquire().await?;
    let job = db::jobs::find_job(&mut connection, account_group, job).await?;
    job.ok_or(Error::NotFound { what: "job" })
}
