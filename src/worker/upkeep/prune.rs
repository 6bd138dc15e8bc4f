//! Pruning: rows, source and metadata of jobs that ended long ago go; their totals stay.
//!
//! A batch is one statement, in which each of its jobs is pruned as a whole. Whatever dies, no job is
//! ever seen with some of its rows, and the next pass goes on with what is left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::upkeep;
use crate::error::Error;
use crate::worker::context::WorkerContext;

/// A batch is a fraction of a second of work.
const JOBS_PER_BATCH: u32 = 50;
const ROWS_PER_BATCH: u32 = 5_000;
/// Between batches, so that starts and pages have the database to themselves for most of the time.
const PAUSE: Duration = Duration::from_millis(200);

/// Prunes every job whose time has come, batch by batch, until the shutdown. Returns how many.
///
/// # Errors
/// Faults of the database; what was pruned before stays so.
pub async fn prune_old_jobs(
    context: &WorkerContext,
    shutdown: &CancellationToken,
) -> Result<u64, Error> {
    let Some(days) = context.limits.retention_days else {
        return Ok(0);
    };
    let mut all = 0;
    loop {
        let pruning = async {
            let mut connection = context.database.acquire().await?;
            upkeep::prune_jobs(&mut connection, days, JOBS_PER_BATCH, ROWS_PER_BATCH).await
        };
        let pruned = context.bounded(pruning).await?;
        all += u64::from(pruned);
        if pruned == 0 {
            if all > 0 {
                tracing::info!(jobs = all, "old jobs pruned");
            }
            return Ok(all);
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(all),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
