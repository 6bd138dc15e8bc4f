//! stub
use std::path::PathBuf;
use std::process::ExitCode;
#[derive(clap::Args)]
pub(super) struct Demo {}
impl Demo {
    pub(super) async fn run(self, _bin: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
