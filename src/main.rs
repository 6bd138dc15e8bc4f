//! The `prospector` program: see [`prospector::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    prospector::cli::run().await
}
