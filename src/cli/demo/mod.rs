//! `prospector demo`: the newcomer's first run.
//!
//! Everything is real but the people: a PostgreSQL, the service, its workers and the sandbox run in
//! this process on free ports, and five jobs go through the HTTP API. What comes of them is compared
//! with what must come of them. Nothing of the environment has a say, and nothing is left behind.

mod checks;
mod client;
mod expectation;
mod jobs;
mod story;
mod table;
mod view;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::demo::checks::Checks;
use crate::cli::demo::client::Client;
use crate::cli::demo::jobs::CREDITS;
use crate::cli::demo::view::{heading, line, thousands};
use crate::cli::demo_group;
use crate::cli::output::say;
use crate::cli::serve::stop_signal;
use crate::config::{DatabaseSettings, ServiceSettings};
use crate::db::embedded::throwaway_dir;
use crate::service::operator::verify_credits;
use crate::startup::database::{OpenDatabase, Ownership};
use crate::startup::service::Service;

/// As shells report a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[derive(clap::Args)]
pub(super) struct Demo {}

impl Demo {
    pub(super) async fn run(self, postgres_bin_dir: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let interrupted = CancellationToken::new();
        let mut listening = JoinSet::new();
        let (stop, cancelled) = (stop_signal()?, interrupted.clone());
        listening.spawn(async move {
            stop.await;
            cancelled.cancel();
        });

        say("prospector demo: every kind of job once, with invented people")?;
        heading("What is started")?;
        // Removed when it is dropped, so after PostgreSQL has stopped.
        let folder = tokio::task::spawn_blocking(|| throwaway_dir("prospector-demo")).await??;
        let settings = DatabaseSettings::in_folder(folder.path().to_owned(), postgres_bin_dir);
        let opened = OpenDatabase::open(&settings, Ownership::Throwaway).await?;
        line(&format!(
            "database  a PostgreSQL of its own in {}",
            folder.path().display()
        ))?;
        let told = Box::pin(with_database(&opened, &interrupted)).await;
        let closed = opened.close().await;
        let told = told?;
        closed.context("the private PostgreSQL did not stop")?;
        Ok(match told {
            Some(checks) => conclude(&checks, began)?,
            None => {
                say("\nInterrupted. Everything that was started is gone.")?;
                ExitCode::from(INTERRUPTED)
            }
        })
    }
}

/// Runs the service on the database and tells the story; `None` if it was interrupted.
async fn with_database(
    opened: &OpenDatabase,
    interrupted: &CancellationToken,
) -> anyhow::Result<Option<Checks>> {
    opened.migrate().await?.release().await?;
    let database = opened.for_command();
    let group = demo_group::create(&database, CREDITS).await?;
    if interrupted.is_cancelled() {
        return Ok(None);
    }
    let mut settings = ServiceSettings::defaults()?;
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let service = Service::start(&settings, opened).await?;
    let address = service.address;
    line(&format!(
        "service   http://{address} with its workers, and the sandbox beside it"
    ))?;
    line(&format!(
        "account   group {} on plan Starter, {} credits, a key",
        group.id,
        thousands(CREDITS)
    ))?;

    let client = Client::new(address, &group)?;
    let mut told = None;
    let telling = async {
        told = Some(tokio::select! {
            biased;
            () = interrupted.cancelled() => Ok(None),
            checks = story::tell(&client) => checks.map(Some),
        });
    };
    service.run_until(telling).await?;
    let Some(mut checks) = told.transpose()?.flatten() else {
        return Ok(None);
    };
    let verified = verify_credits(&database).await?;
    checks.equal(
        "differences between ledger, jobs and balance",
        &serde_json::json!(0),
        &serde_json::json!(verified.differences.len()),
    );
    database.close().await;
    Ok(Some(checks))
}

fn conclude(checks: &Checks, began: Instant) -> anyhow::Result<ExitCode> {
    let seconds = began.elapsed().as_secs_f64();
    let made = checks.made;
    if checks.differences.is_empty() {
        say(format_args!(
            "\nAll {made} checks held in {seconds:.1} s. Everything that was started is gone."
        ))?;
        heading("What next")?;
        line("script/server   runs the service; its first start prints a key and a curl line")?;
        line("README.md       shows the API and how to use it with real people")?;
        return Ok(ExitCode::SUCCESS);
    }
    let failed = checks.differences.len();
    say(format_args!(
        "\n{failed} of {made} checks did not hold ({seconds:.1} s):"
    ))?;
    for difference in &checks.differences {
        line(&format!("- {difference}"))?;
    }
    Ok(ExitCode::FAILURE)
}
