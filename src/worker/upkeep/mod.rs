//! What keeps a service well through the nights, beside its jobs: old jobs are pruned, and the books
//! are compared with the ledger.
//!
//! One file per task. Each has a pass that can be called by itself, and a loop here that calls it
//! again and again. A pass that fails is told in the log and made again at its next time.

pub mod prune;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::worker::context::WorkerContext;

/// The first passes come soon, but not all at once after a start of many processes.
const FIRST_AFTER: Duration = Duration::from_secs(60);
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);
/// The books are compared once a day; how often it is asked whether that is due, and what came of it
/// elsewhere.
const ASK_EVERY: Duration = Duration::from_secs(10 * 60);

/// Does all upkeep until the shutdown.
pub async fn run_upkeep(context: Arc<WorkerContext>, shutdown: CancellationToken) {
    tokio::join!(
        prune_regularly(&context, &shutdown),
        verify_regularly(&context, &shutdown)
    );
}

async fn prune_regularly(context: &WorkerContext, shutdown: &CancellationToken) {
    let mut pause = FIRST_AFTER;
    while goes_on_after(pause, shutdown).await {
        note("pruning", prune::prune_old_jobs(context, shutdown).await);
        pause = PRUNE_EVERY;
    }
}

async fn verify_regularly(context: &WorkerContext, shutdown: &CancellationToken) {
    let mut pause = FIRST_AFTER;
    while goes_on_after(pause, shutdown).await {
        tokio::select! {
            // Before its last statement it only reads, so that it can be dropped anywhere.
            () = shutdown.cancelled() => return,
            verified = verify::verify_ledger_daily(context) => note("verifying the ledger", verified),
        }
        pause = ASK_EVERY;
    }
}

/// Waits for about so long; `false` at the shutdown.
async fn goes_on_after(average: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(average.mul_f64(0.5 + rand::random::<f64>())) => true,
    }
}

fn note<T>(task: &str, done: Result<T, Error>) {
    if let Err(error) = done {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            task,
            "upkeep failed and is tried again later"
        );
    }
}
