//! How jobs are executed.

use std::time::Duration;

use clap::Args;

use super::{Provider, positive};
use crate::domain::quota::QuotaLimits;

/// How jobs are executed.
#[derive(Debug, Clone, Args)]
pub struct JobSettings {
    /// The most database connections for requests
    #[arg(long, env, value_name = "DATABASE_API_CONNECTIONS", default_value_t = 10, value_parser = positive())]
    pub database_api_connections: u32,
    /// The most database connections for jobs; one of them is kept for heartbeats and ends
    #[arg(long, env, value_name = "DATABASE_WORKER_CONNECTIONS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_worker_connections: u32,
    /// Jobs that this process runs at a time
    #[arg(long, env, value_name = "WORKER_CONCURRENCY", default_value_t = 16, value_parser = positive())]
    pub worker_concurrency: u32,
    /// Jobs of one account group that run at a time, over all processes
    #[arg(long, env, value_name = "MAX_RUNNING_JOBS_PER_ACCOUNT_GROUP", default_value_t = 1, value_parser = positive())]
    pub max_running_jobs_per_account_group: u32,
    /// How long a job is left to a worker that has gone silent
    #[arg(long, env, value_name = "LEASE_SECONDS", default_value_t = 30, value_parser = positive())]
    lease_seconds: u32,
    /// How long one page or batch may take
    #[arg(long, env, value_name = "STEP_TIMEOUT_SECONDS", default_value_t = 120, value_parser = positive())]
    step_timeout_seconds: u32,
    /// How long a job may take in all, waiting included
    #[arg(long, env, value_name = "JOB_MAX_DAYS", default_value_t = 30, value_parser = positive())]
    job_max_days: u32,
    /// Days after its end that a job is kept with its rows; 0: for good
    #[arg(long, env, value_name = "JOB_RETENTION_DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    job_retention_days: u32,
    /// Rows a day that an account group may fetch by `linkedin_search`
    #[arg(long, env, value_name = "QUOTA_LINKEDIN_CLASSIC")]
    quota_linkedin_classic: Option<u32>,
    /// Rows a day that an account group may fetch by `sales_navigator`
    #[arg(long, env, value_name = "QUOTA_SALES_NAVIGATOR")]
    quota_sales_navigator: Option<u32>,
    /// Rows a day that an account group may fetch by `post_commenters`
    #[arg(long, env, value_name = "QUOTA_POST_COMMENTERS")]
    quota_post_commenters: Option<u32>,
    /// Rows a day that an account group may fetch by `url_upload`
    #[arg(long, env, value_name = "QUOTA_URL_UPLOAD")]
    quota_url_upload: Option<u32>,
}

impl JobSettings {
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.into())
    }

    #[must_use]
    pub fn step_timeout(&self) -> Duration {
        Duration::from_secs(self.step_timeout_seconds.into())
    }

    #[must_use]
    pub fn job_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.job_max_days) * 24 * 60 * 60)
    }

    /// Days after which ended jobs are pruned; `None`: never.
    #[must_use]
    pub fn retention_days(&self) -> Option<u32> {
        Some(self.job_retention_days).filter(|days| *days > 0)
    }

    /// As set, else what LinkedIn is known to bear, else (for invented people) plenty.
    #[must_use]
    pub fn quotas(&self, provider: &Provider) -> QuotaLimits {
        let defaults = match provider {
            Provider::Sandbox { .. } => [100_000; 4],
            Provider::Unipile { .. } => [1_000, 2_500, 1_000, 100],
        };
        QuotaLimits {
            linkedin_classic: self.quota_linkedin_classic.unwrap_or(defaults[0]),
            sales_navigator: self.quota_sales_navigator.unwrap_or(defaults[1]),
            post_commenters: self.quota_post_commenters.unwrap_or(defaults[2]),
            url_upload: self.quota_url_upload.unwrap_or(defaults[3]),
        }
    }
}
