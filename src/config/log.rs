//! What is logged, and how.

use clap::{Args, ValueEnum};

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
