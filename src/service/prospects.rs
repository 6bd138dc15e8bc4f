//! Reading the rows of a job.

use crate::db;
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
    app: &App,
    account_group: &AccountGroupId,
    job: &JobId,
    after: u32,
    limit: u32,
) -> Result<JobRows, Error> {
    let mut connection = app.database.acquire().await?;
    let found =
        db::prospects::find_rows_of_job(&mut connection, account_group, job, after, limit + 1);
    let found = found.await?.ok_or(Error::NotFound { what: "job" })?;
    let mut rows = found.rows;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    Ok(JobRows {
        rows,
        has_more,
        job_has_ended: found.job_has_ended,
    })
}
