//! What `serve` can be told.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches, ValueEnum};

use super::{ErasureSettings, JobSettings, TrustedProxies, UpstreamSettings, positive};

/// Where the API listens when it is not told.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    All,
    Api,
    Worker,
}

impl Role {
    #[must_use]
    pub fn serves_api(self) -> bool {
        self != Self::Worker
    }

    #[must_use]
    pub fn runs_jobs(self) -> bool {
        self != Self::Api
    }
}

/// Everything that `serve` can be told, the database apart.
#[derive(Clone, Args)]
pub struct ServiceSettings {
    /// Where the API listens
    #[arg(
        long = "listen",
        env = "LISTEN_ADDR",
        value_name = "LISTEN_ADDR",
        default_value = DEFAULT_LISTEN
    )]
    pub listen: SocketAddr,
    /// Where metrics are shown, and nothing else; without it they are a service route of the API
    #[arg(long, env, value_name = "METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// What this process does; `worker` serves only the service routes
    #[arg(long, value_enum, default_value = "all")]
    pub role: Role,
    /// Do not apply migrations at the start
    #[arg(long)]
    pub no_migrate: bool,
    /// The most client connections at a time
    #[arg(long, env, value_name = "MAX_CONNECTIONS", default_value_t = 4096, value_parser = positive())]
    pub max_connections: u32,
    /// How long a shutdown waits for requests and pages at hand
    #[arg(long, env, value_name = "SHUTDOWN_GRACE_SECONDS", default_value_t = 20)]
    shutdown_grace_seconds: u32,
    /// Requests a minute that each API key may send for long
    #[arg(long, env, value_name = "RATE_LIMIT_PER_MINUTE", default_value_t = 600, value_parser = positive())]
    pub rate_limit_per_minute: u32,
    /// Requests that each API key may send at once
    #[arg(long, env, value_name = "RATE_LIMIT_BURST", default_value_t = 120, value_parser = positive())]
    pub rate_limit_burst: u32,
    /// Reverse proxies whose X-Forwarded-For is believed: addresses and networks, with commas between
    #[arg(
        long,
        env,
        value_name = "TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true
    )]
    pub trusted_proxies: TrustedProxies,
    #[command(flatten)]
    pub erasure: ErasureSettings,
    #[command(flatten)]
    pub jobs: JobSettings,
    #[command(flatten)]
    pub upstream: UpstreamSettings,
}

impl ServiceSettings {
    /// What `serve` does without any flag and in an empty environment.
    ///
    /// # Errors
    /// Never, as a test pins; clap cannot promise it.
    pub fn defaults() -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new("defaults").no_binary_name(true));
        let command = command.mut_args(|argument| argument.env(Resettable::Reset));
        Self::from_arg_matches(&command.try_get_matches_from(std::iter::empty::<&str>())?)
    }

    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds.into())
    }
}
