//! Reading jobs.

use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::Job;
use crate::error::Error;
use crate::service::app::App;

/// # Errors
/// [`Error::NotFound`] when this account group has no such job; faults of the database.
pub async fn get_job(
    _app: &App,
    _account_group: &AccountGroupId,
    _job: &JobId,
) -> Result<Job, Error> {
    Err(Error::NotFound { what: "job" })
}
