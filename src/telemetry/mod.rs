//! Logs, metrics and spans.

pub mod catalogue;
pub mod metrics;
pub mod otlp;
mod process;
pub mod spans;

use std::io::IsTerminal;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, LogSettings};
use crate::telemetry::otlp::Exporter;

/// Sends log lines to stderr, so that stdout carries only what a command prints, and spans to the
/// exporter, if there is one.
///
/// # Errors
/// The filter cannot be read.
pub fn start_logging(
    settings: &LogSettings,
    by_default: &str,
    exporter: Option<&Exporter>,
) -> Result<(), ParseError> {
    let filter = settings
        .log_filter
        .as_deref()
        .filter(|filter| !filter.is_empty())
        .unwrap_or(by_default);
    let filter = EnvFilter::builder().parse(filter)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        // The innermost span would be there twice, and may be a step that knows nothing of its job.
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
    };
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(exporter.map(Exporter::layer))
        .with(lines);
    // Set already when several services run in one process, as in tests: the first one stays.
    drop(subscriber.try_init());
    Ok(())
}
