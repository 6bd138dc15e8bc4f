//! `prospector sandbox`

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::cli::output::say;
use crate::cli::serve::stop_signal;
use crate::startup::upstreams::run_sandbox;
use crate::upstream;

#[derive(clap::Args)]
pub(super) struct Sandbox {
    /// Where the sandbox listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

impl Sandbox {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_signal()?;
        let bound = upstream::sandbox::Sandbox::bind(self.listen).await;
        let sandbox = bound.with_context(|| format!("{} cannot be listened on", self.listen))?;
        let address = sandbox.local_addr();
        say(format_args!(
            "The sandbox listens on http://{address}. For the service: SANDBOX_URL=http://{address}"
        ))?;
        let shutdown = CancellationToken::new();
        let running = run_sandbox(sandbox, shutdown.clone());
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => ended?,
            () = stop => {
                shutdown.cancel();
                running.await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
