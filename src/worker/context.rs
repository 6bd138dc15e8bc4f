//! What every run needs.

use std::sync::Arc;
use std::time::Duration;

use crate::db::pool::Database;
use crate::domain::quota::QuotaLimits;
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
    pub quotas: QuotaLimits,
}

/// The parts that runs are made of, built once at start-up and shared.
pub struct WorkerContext {
    /// For claims, pages and batches.
    pub database: Database,
    /// For heartbeats and ends, which must not queue behind pages.
    pub reserved: Database,
    pub provider: Arc<dyn LinkedinProvider>,
    pub email_finder: Option<Arc<dyn EmailFinder>>,
    pub wake_up: Arc<WakeUp>,
    pub limits: WorkerLimits,
}
