//! The worker pool: claims jobs while it has room, keeps their leases alive, and puts back what
//! others left behind.
//!
//! Four supervisors run side by side: the claim loop, the heartbeat, the reaper and the listener for
//! the wake-ups of other processes. None of them ends before the shutdown; if one does, by a panic
//! or otherwise, the pool says so and the process must end, since jobs would silently stand still.
//!
//! One file per supervisor; [`runs`] has what the claim loop starts for each job.

mod claims;
mod heartbeat;
pub mod notifications;
mod reaper;
mod runs;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::worker::context::WorkerContext;
use crate::worker::leases::Leases;

/// A supervisor ended although nobody had asked it to.
#[derive(Debug, thiserror::Error)]
#[error("the {0} ended unexpectedly")]
pub struct SupervisorEnded(&'static str);

/// The signals that take the pool down.
#[derive(Debug, Clone, Default)]
pub struct PoolSignals {
    /// Claim nothing more; finish the pages at hand and hand the jobs back.
    pub shutdown: CancellationToken,
    /// Give the pages at hand up, too.
    pub hurry: CancellationToken,
}

struct Pool {
    context: Arc<WorkerContext>,
    signals: PoolSignals,
    leases: Leases,
    runs: TaskTracker,
}

/// Runs jobs until the shutdown is signalled, then returns once every lease is handed back.
///
/// # Errors
/// [`SupervisorEnded`]: the process cannot go on.
pub async fn run_pool(
    context: Arc<WorkerContext>,
    signals: PoolSignals,
) -> Result<(), SupervisorEnded> {
    let pool = Arc::new(Pool {
        context,
        signals,
        leases: Leases::default(),
        runs: TaskTracker::new(),
    });
    // Heartbeats go on until the last run has let go of its job.
    let drained = CancellationToken::new();
    let mut supervisors: JoinSet<&'static str> = JoinSet::new();
    {
        let (pool, drained) = (Arc::clone(&pool), drained.clone());
        supervisors.spawn(named("claim loop", async move {
            pool.claim_jobs().await;
            pool.runs.close();
            pool.runs.wait().await;
            drained.cancel();
        }));
    }
    {
        let (pool, drained) = (Arc::clone(&pool), drained.clone());
        supervisors.spawn(named("heartbeat", async move {
            pool.prolong_leases(&drained).await
        }));
    }
    {
        let pool = Arc::clone(&pool);
        supervisors.spawn(named(
            "reaper",
            async move { pool.reap_expired_leases().await },
        ));
    }
    {
        let pool = Arc::clone(&pool);
        supervisors.spawn(named("listener", async move { pool.listen().await }));
    }
    supervise(supervisors, &pool.signals.shutdown).await
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    // A panic is the end of the supervisor, told by name.
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        tracing::error!(supervisor = name, "a supervisor panicked");
    }
    name
}

/// Waits for all supervisors. Before the shutdown none may end.
async fn supervise(
    mut supervisors: JoinSet<&'static str>,
    shutdown: &CancellationToken,
) -> Result<(), SupervisorEnded> {
    while let Some(ended) = supervisors.join_next().await {
        if !shutdown.is_cancelled() {
            return Err(SupervisorEnded(ended.unwrap_or("supervisor")));
        }
    }
    Ok(())
}

fn jittered(average: Duration) -> Duration {
    average.mul_f64(0.5 + rand::random::<f64>())
}
