//! Reading the rows of a job.

use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::JobRow;
use crate::error::Error;
use crate::service::app::App;

/// Some rows of a job, in the order of their number.
#[derive(Debug, Clone)]
pub struct JobRows {
    pub rows: Vec<JobRow>,
    /// Rows beyond these are stored already.
    pub has_more: bool,
    /// The job has ended: no further rows will come.
    pub job_has_ended: bool,
}

/// The rows of a job after row number `after`, at most `limit`.
///
/// # Errors
/// [`Error::NotFound`] when this account group has no such job; faults of the database.
pub async fn list_job_rows(
    _app: &App,
    _account_group: &AccountGroupId,
    _job: &JobId,
    _after: u32,
    _limit: u32,
) -> Result<JobRows, Error> {
    Err(Error::NotFound { what: "job" })
}
