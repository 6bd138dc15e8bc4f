//! What requests and workers work with: pools, upstreams and limits, put together from the settings.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::config::{Provider, ServiceSettings};
use crate::db::pool::{Database, PoolLimits};
use crate::domain::api_key::KeyKind;
use crate::domain::erasure::ErasureKey;
use crate::domain::pacing::Pacing;
use crate::service::app::App;
use crate::service::linkedin_health::LinkedinHealth;
use crate::service::linkedin_turns::LinkedinTurns;
use crate::service::wake_up::WakeUp;
use crate::startup::database::OpenDatabase;
use crate::startup::upstreams::Upstreams;
use crate::worker::context::{WorkerContext, WorkerLimits, statement_timeout};

const API_STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// A look at the books of some account groups may take long; longer than this no snapshot is held.
const UPKEEP_STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);

/// What both contexts of a process are made of.
pub(super) struct Contexts<'a> {
    pub(super) settings: &'a ServiceSettings,
    pub(super) database: &'a OpenDatabase,
    pub(super) limits: WorkerLimits,
    pub(super) pacing: Pacing,
    pub(super) key_kind: KeyKind,
    pub(super) wake_up: Arc<WakeUp>,
}

impl Contexts<'_> {
    pub(super) fn app(&self, upstreams: &Upstreams) -> Arc<App> {
        let connections = self.settings.jobs.database_api_connections;
        let database = self.pool(connections, API_STATEMENT_TIMEOUT).named("api");
        Arc::new(App {
            linkedin_turns: self.turns(&database),
            database,
            key_kind: self.key_kind,
            quota_limits: self.limits.quotas,
            linkedin: Arc::clone(&upstreams.provider),
            linkedin_health: LinkedinHealth::new(Arc::clone(&upstreams.provider)),
            email_finder: upstreams.email_finder.clone(),
            wake_up: Arc::clone(&self.wake_up),
            last_uses: Default::default(),
        })
    }

    pub(super) fn worker(
        &self,
        upstreams: &Upstreams,
        erasure_key: Option<ErasureKey>,
    ) -> Arc<WorkerContext> {
        let connections = self.settings.jobs.database_worker_connections - 1;
        let timeout = statement_timeout(self.limits.lease);
        let database = self.pool(connections, timeout).named("worker");
        Arc::new(WorkerContext {
            turns: self.turns(&database),
            database,
            reserved: self.pool(1, timeout).named("reserved"),
            // Past a pooler, too, which would not know this time-out.
            upkeep: self.session_pool(UPKEEP_STATEMENT_TIMEOUT).named("upkeep"),
            listening: self.session_pool(timeout).named("listening"),
            provider: Arc::clone(&upstreams.provider),
            email_finder: upstreams.email_finder.clone(),
            wake_up: Arc::clone(&self.wake_up),
            erasure_key,
            limits: self.limits,
        })
    }

    fn turns(&self, database: &Database) -> LinkedinTurns {
        let call_timeout = self.settings.upstream.timeout();
        LinkedinTurns::new(database.clone(), self.pacing, call_timeout)
    }

    fn pool(&self, connections: u32, statement_timeout: Duration) -> Database {
        self.pool_of(&self.database.options, connections, statement_timeout)
    }

    /// One connection that stays ours from one statement to the next.
    fn session_pool(&self, statement_timeout: Duration) -> Database {
        self.pool_of(self.database.session_options(), 1, statement_timeout)
    }

    fn pool_of(
        &self,
        options: &PgConnectOptions,
        connections: u32,
        statement_timeout: Duration,
    ) -> Database {
        Database::new(
            options,
            PoolLimits {
                connections,
                statement_timeout,
                idle_in_transaction_timeout: (self.limits.lease / 2).min(Duration::from_secs(5)),
            },
        )
    }
}

pub(super) fn worker_limits(settings: &ServiceSettings, provider: &Provider) -> WorkerLimits {
    let jobs = &settings.jobs;
    WorkerLimits {
        concurrency: usize::try_from(jobs.worker_concurrency).unwrap_or(usize::MAX),
        running_per_account_group: jobs.max_running_jobs_per_account_group,
        lease: jobs.lease(),
        step_timeout: jobs.step_timeout(),
        job_max: jobs.job_max(),
        retention_days: jobs.retention_days(),
        quotas: jobs.quotas(provider),
    }
}
