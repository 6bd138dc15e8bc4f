//! Settings: flags and environment, checked before anything starts.
//!
//! The only place that reads the environment. Secrets are kept in types whose Debug is redacted.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::domain::api_key::KeyKind;
use crate::domain::quota::QuotaLimits;
use crate::upstream::http::{ApiKey, BaseUrl};

/// A combination of settings that must not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

fn refuse<T>(reason: impl Into<String>) -> Result<T, InvalidSettings> {
    Err(InvalidSettings(reason.into()))
}

/// Where the database is.
#[derive(Clone, Args)]
pub struct DatabaseSettings {
    /// The PostgreSQL to use, version 15 or later; without it the program runs its own
    #[arg(
        long,
        env,
        value_name = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    database_url: Option<Text>,
    /// Where the program's own PostgreSQL keeps its data
    #[arg(long, env, value_name = "DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// The folder of PostgreSQL's programs; the usual places are searched without it
    #[arg(long, env, value_name = "POSTGRES_BIN_DIR", global = true)]
    pub postgres_bin_dir: Option<PathBuf>,
}

/// A text setting that may be secret. Empty counts as not set.
#[derive(Clone)]
struct Text(String);

impl FromStr for Text {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl Text {
    fn set(text: Option<&Self>) -> Option<&str> {
        text.map(|text| text.0.as_str())
            .filter(|text| !text.is_empty())
    }
}

impl DatabaseSettings {
    /// `None`: the program runs its own.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        Text::set(self.database_url.as_ref())
    }

    /// Where the program's own PostgreSQL lives: as given, else the platform's data folder.
    ///
    /// # Errors
    /// None is given and the platform has none.
    pub fn data_dir(&self) -> Result<PathBuf, InvalidSettings> {
        if let Some(given) = self
            .data_dir
            .as_ref()
            .filter(|given| !given.as_os_str().is_empty())
        {
            return Ok(given.clone());
        }
        if crate::db::embedded::runs_as_root() {
            return Ok(PathBuf::from("/var/lib/prospector"));
        }
        match dirs::data_local_dir() {
            Some(platform) => Ok(platform.join("prospector")),
            None => refuse("no data folder is known here: set DATA_DIR, or DATABASE_URL"),
        }
    }

    /// The settings of a private, throwaway database.
    #[must_use]
    pub fn in_folder(data_dir: PathBuf, postgres_bin_dir: Option<PathBuf>) -> Self {
        Self {
            database_url: None,
            data_dir: Some(data_dir),
            postgres_bin_dir,
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatabaseSettings")
            .field("url_is_set", &self.url().is_some())
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

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
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    Sandbox,
    Unipile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FinderName {
    None,
    Sandbox,
    Prospeo,
}

/// Where people and addresses come from.
#[derive(Clone, Args)]
pub struct UpstreamSettings {
    /// Where people come from; the sandbox invents them
    #[arg(
        long,
        env,
        value_name = "LINKEDIN_PROVIDER",
        value_enum,
        default_value = "sandbox"
    )]
    linkedin_provider: ProviderName,
    /// A sandbox that runs elsewhere; without it the program runs one itself
    #[arg(long, env, value_name = "SANDBOX_URL")]
    sandbox_url: Option<Text>,
    /// Unipile's address
    #[arg(
        long,
        env,
        help = "Unipile's address [default: https://api.unipile.com]",
        value_name = "UNIPILE_BASE_URL"
    )]
    unipile_base_url: Option<Text>,
    /// Unipile's key
    #[arg(long, env, value_name = "UNIPILE_API_KEY", hide_env_values = true)]
    unipile_api_key: Option<Text>,
    /// Where e-mail addresses come from [default: `sandbox` with the sandbox provider, else `none`]
    #[arg(long, env, value_name = "EMAIL_FINDER", value_enum)]
    email_finder: Option<FinderName>,
    /// Prospeo's address
    #[arg(
        long,
        env,
        help = "Prospeo's address [default: https://api.prospeo.io]",
        value_name = "PROSPEO_BASE_URL"
    )]
    prospeo_base_url: Option<Text>,
    /// Prospeo's key
    #[arg(long, env, value_name = "PROSPEO_API_KEY", hide_env_values = true)]
    prospeo_api_key: Option<Text>,
    /// How long one call to the provider or the finder may take
    #[arg(long, env, value_name = "UPSTREAM_TIMEOUT_SECONDS", default_value_t = 20, value_parser = positive())]
    upstream_timeout_seconds: u32,
}

/// The LinkedIn provider, with what is needed to reach it.
#[derive(Debug, Clone)]
pub enum Provider {
    /// `None`: the program runs a sandbox itself.
    Sandbox {
        url: Option<BaseUrl>,
    },
    Unipile {
        url: BaseUrl,
        key: ApiKey,
    },
}

impl Provider {
    /// Which API keys are valid with this provider.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        match self {
            Self::Sandbox { .. } => KeyKind::Test,
            Self::Unipile { .. } => KeyKind::Live,
        }
    }
}

/// The e-mail finder, with what is needed to reach it.
#[derive(Debug, Clone)]
pub enum Finder {
    None,
    /// The sandbox that the provider is.
    Sandbox,
    Prospeo {
        url: BaseUrl,
        key: ApiKey,
    },
}

impl UpstreamSettings {
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.upstream_timeout_seconds.into())
    }

    /// The provider and the finder, if the settings go together.
    ///
    /// # Errors
    /// A setting of something that is not chosen, a missing key, invented addresses for real people,
    /// or an address that is none.
    pub fn resolve(&self) -> Result<(Provider, Finder), InvalidSettings> {
        let provider = self.provider()?;
        let finder = self.finder(&provider)?;
        Ok((provider, finder))
    }

    /// Which API keys are valid with these settings.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        match self.linkedin_provider {
            ProviderName::Sandbox => KeyKind::Test,
            ProviderName::Unipile => KeyKind::Live,
        }
    }

    fn provider(&self) -> Result<Provider, InvalidSettings> {
        let unipile_url = Text::set(self.unipile_base_url.as_ref());
        let unipile_key = Text::set(self.unipile_api_key.as_ref());
        let sandbox_url = Text::set(self.sandbox_url.as_ref());
        match self.linkedin_provider {
            ProviderName::Sandbox if unipile_url.is_some() || unipile_key.is_some() => refuse(
                "UNIPILE_BASE_URL or UNIPILE_API_KEY is set although LINKEDIN_PROVIDER is `sandbox`: \
                 set LINKEDIN_PROVIDER=unipile for real people, or unset them",
            ),
            ProviderName::Sandbox => {
                let url = sandbox_url
                    .map(|url| parsed("SANDBOX_URL", url))
                    .transpose()?;
                Ok(Provider::Sandbox { url })
            }
            ProviderName::Unipile if sandbox_url.is_some() => refuse(
                "SANDBOX_URL is set although LINKEDIN_PROVIDER is `unipile`: unset one of them",
            ),
            ProviderName::Unipile => Ok(Provider::Unipile {
                url: parsed(
                    "UNIPILE_BASE_URL",
                    unipile_url.unwrap_or("https://api.unipile.com"),
                )?,
                key: required("UNIPILE_API_KEY", unipile_key, "LINKEDIN_PROVIDER=unipile")?,
            }),
        }
    }

    fn finder(&self, provider: &Provider) -> Result<Finder, InvalidSettings> {
        let prospeo_url = Text::set(self.prospeo_base_url.as_ref());
        let prospeo_key = Text::set(self.prospeo_api_key.as_ref());
        let is_sandbox = matches!(provider, Provider::Sandbox { .. });
        let by_default = if is_sandbox {
            FinderName::Sandbox
        } else {
            FinderName::None
        };
        let name = self.email_finder.unwrap_or(by_default);
        if name != FinderName::Prospeo && (prospeo_url.is_some() || prospeo_key.is_some()) {
            return refuse(
                "PROSPEO_BASE_URL or PROSPEO_API_KEY is set although EMAIL_FINDER is not `prospeo`: \
                 set EMAIL_FINDER=prospeo, or unset them",
            );
        }
        match name {
            FinderName::None => Ok(Finder::None),
            FinderName::Sandbox if is_sandbox => Ok(Finder::Sandbox),
            FinderName::Sandbox => refuse(
                "EMAIL_FINDER is `sandbox` although LINKEDIN_PROVIDER is `unipile`: \
                 real people would get invented addresses",
            ),
            FinderName::Prospeo => Ok(Finder::Prospeo {
                url: parsed(
                    "PROSPEO_BASE_URL",
                    prospeo_url.unwrap_or("https://api.prospeo.io"),
                )?,
                key: required("PROSPEO_API_KEY", prospeo_key, "EMAIL_FINDER=prospeo")?,
            }),
        }
    }
}

fn parsed<T>(name: &str, text: &str) -> Result<T, InvalidSettings>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    text.parse()
        .map_err(|error| InvalidSettings(format!("{name}: {error}")))
}

fn required<T>(name: &str, text: Option<&str>, choice: &str) -> Result<T, InvalidSettings>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    match text {
        Some(text) => parsed(name, text),
        None => refuse(format!("{choice} needs {name}")),
    }
}

fn positive() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// The form of a log line
    #[arg(
        long,
        env,
        value_name = "LOG_FORMAT",
        value_enum,
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,
    /// What is logged, such as `info,prospector=debug` [default: `info,sqlx=warn` for `serve` and `sandbox`, else `warn`]
    #[arg(long = "log", env = "RUST_LOG", value_name = "RUST_LOG", global = true)]
    pub log_filter: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> UpstreamSettings {
        let command = UpstreamSettings::augment_args(Command::new("test").no_binary_name(true));
        let command = command.mut_args(|argument| argument.env(Resettable::Reset));
        let matches = command.try_get_matches_from(arguments).unwrap();
        UpstreamSettings::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_defaults_are_a_sandbox_with_its_finder() {
        let defaults = ServiceSettings::defaults().unwrap();
        let (provider, finder) = defaults.upstream.resolve().unwrap();
        assert!(matches!(provider, Provider::Sandbox { url: None }));
        assert!(matches!(finder, Finder::Sandbox));
        assert_eq!(defaults.jobs.quotas(&provider).url_upload, 100_000);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        for (arguments, named) in [
            (&["--unipile-api-key", "k"][..], "UNIPILE_API_KEY"),
            (&["--linkedin-provider", "unipile"], "UNIPILE_API_KEY"),
            (
                &[
                    "--linkedin-provider",
                    "unipile",
                    "--unipile-api-key",
                    "k",
                    "--email-finder",
                    "sandbox",
                ],
                "invented addresses",
            ),
            (
                &[
                    "--linkedin-provider",
                    "unipile",
                    "--unipile-api-key",
                    "k",
                    "--sandbox-url",
                    "http://127.0.0.1:1",
                ],
                "SANDBOX_URL",
            ),
            (&["--prospeo-api-key", "k"], "PROSPEO_API_KEY"),
            (&["--email-finder", "prospeo"], "PROSPEO_API_KEY"),
            (&["--sandbox-url", "ftp://x"], "SANDBOX_URL"),
        ] {
            let refusal = settings(arguments)
                .resolve()
                .map(|_| ())
                .unwrap_err()
                .to_string();
            assert!(refusal.contains(named), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn an_empty_setting_is_not_set() {
        assert!(
            settings(&["--unipile-api-key", "", "--sandbox-url", " "])
                .resolve()
                .is_ok()
        );
    }

    #[test]
    fn real_people_get_the_quotas_that_linkedin_bears() {
        let (provider, finder) =
            settings(&["--linkedin-provider", "unipile", "--unipile-api-key", "k"])
                .resolve()
                .unwrap();
        assert!(matches!(finder, Finder::None));
        assert_eq!(
            ServiceSettings::defaults()
                .unwrap()
                .jobs
                .quotas(&provider)
                .url_upload,
            100
        );
        assert_eq!(provider.key_kind(), KeyKind::Live);
    }
}
