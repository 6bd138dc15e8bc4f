//! Logs and metrics.

pub mod catalogue;
pub mod metrics;
mod process;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogFormat, LogSettings};

/// Sends log lines to stderr, so that stdout carries only what a command prints.
///
/// # Errors
/// The filter cannot be read.
pub fn start_logging(settings: &LogSettings, by_default: &str) -> Result<(), ParseError> {
    let filter = settings
        .log_filter
        .as_deref()
        .filter(|filter| !filter.is_empty())
        .unwrap_or(by_default);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Set already when several services run in one process, as in tests: the first one stays.
    let set = match settings.log_format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    drop(set);
    Ok(())
}
