//! Settings: flags and environment, checked before anything starts.
//!
//! The only place that reads the environment. Secrets are kept in types whose Debug is redacted.

mod database;
mod erasure;
mod healthcheck;
mod jobs;
mod log;
mod proxies;
mod service;
mod traces;
mod upstream;

use std::fmt;
use std::str::FromStr;

pub use database::DatabaseSettings;
pub use erasure::ErasureSettings;
pub use healthcheck::HealthcheckSettings;
pub use jobs::JobSettings;
pub use log::{LogFormat, LogSettings};
pub use proxies::TrustedProxies;
pub use service::{Role, ServiceSettings};
pub use traces::{TraceExport, TraceSettings};
pub use upstream::{Finder, Provider, UpstreamNames, UpstreamSettings};

/// A combination of settings that must not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

fn refuse<T>(reason: impl Into<String>) -> Result<T, InvalidSettings> {
    Err(InvalidSettings(reason.into()))
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
