//! What every run needs.

use std::sync::Arc;
use std::time::Duration;

use crate::db::pool::Database;
use crate::domain::erasure::ErasureKey;
use crate::domain::quota::QuotaLimits;
use crate::error::Error;
use crate::service::linkedin_turns::LinkedinTurns;
use crate::service::wake_up::WakeUp;
use crate::upstream::email_finder::EmailFinder;
use crate::upstream::provider::LinkedinProvider;

/// The bounds that runs keep to.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// Jobs that this process runs at the same time.
    pub concurrency: usize,
    /// Jobs of one account group that all processes together run at the same time.
    pub running_per_account_group: u32,
    /// How long a job stays with a worker that gives no sign of life.
    pub lease: Duration,
    /// The longest that fetching one page or batch may take, its tries and waits included.
    pub step_timeout: Duration,
    /// The longest that a job may take from its first run on.
    pub job_max: Duration,
    /// Days after which ended jobs are pruned; `None`: never.
    pub retention_days: Option<u32>,
    pub quotas: QuotaLimits,
}

/// What is added to a statement's own time limit before the connection counts as dead.
const SLACK: Duration = Duration::from_secs(5);

/// The parts that runs are made of, built once at start-up and shared.
pub struct WorkerContext {
    /// For claims, pages and batches.
    pub database: Database,
    /// For heartbeats and ends, which must not queue behind pages.
    pub reserved: Database,
    /// For upkeep that takes long: one connection, used once in a while.
    pub upkeep: Database,
    /// For the one connection that listens for wake-ups.
    pub listening: Database,
    pub provider: Arc<dyn LinkedinProvider>,
    /// Who may call the provider for an account, and when.
    pub turns: LinkedinTurns,
    pub email_finder: Option<Arc<dyn EmailFinder>>,
    pub wake_up: Arc<WakeUp>,
    /// What erased people are recognised by; none where nobody was ever erased.
    pub erasure_key: Option<ErasureKey>,
    pub limits: WorkerLimits,
}

impl WorkerContext {
    /// Waits for the database, but not for one whose host is gone without a word: its own time limits
    /// cannot be heard any more.
    ///
    /// # Errors
    /// Those of the work, or [`Error::Unavailable`] when it takes too long. What became of a write is
    /// then unknown.
    pub async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = statement_timeout(self.limits.lease) + SLACK;
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|elapsed| Err(Error::database_unavailable(elapsed)))
    }
}

/// How long a statement of a worker may take on the database: half the lease, at least 5 s.
#[must_use]
pub fn statement_timeout(lease: Duration) -> Duration {
    (lease / 2).max(Duration::from_secs(5))
}
