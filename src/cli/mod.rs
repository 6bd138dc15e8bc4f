//! The commands.

mod account_group;
mod api_key;
mod credit_entries;
mod credits;
mod demo;
mod demo_group;
mod healthcheck;
mod jobs;
mod migrate;
mod output;
mod prospects;
mod sandbox;
mod serve;
mod upstream;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::ParseError;

use crate::cli::output::is_closed_stdout;
use crate::config::{DatabaseSettings, InvalidSettings, LogSettings};
use crate::startup::database::{DatabaseError, OpenDatabase, Ownership};
use crate::startup::erasure_key::ErasureKeyError;
use crate::startup::service::StartError;
use crate::telemetry::otlp::Exporter;
use crate::telemetry::start_logging;

pub use output::Output;

/// Under which heading the help of a command shows what all commands take.
const OF_ALL: &str = "Options of every command";

/// Starts and runs LinkedIn prospecting jobs behind an HTTP API.
#[derive(Parser)]
#[command(name = "prospector", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How answers are printed
    #[arg(long, value_enum, default_value = "text", global = true, help_heading = OF_ALL)]
    output: Output,
    #[command(flatten, next_help_heading = OF_ALL)]
    log: LogSettings,
    #[command(flatten, next_help_heading = OF_ALL)]
    database: DatabaseSettings,
}

#[derive(Subcommand)]
enum Command {
    /// Run every kind of job once against the sandbox and check what comes of it
    Demo(demo::Demo),
    /// Run the service
    Serve(Box<serve::Serve>),
    /// Apply the migrations that are missing
    Migrate,
    /// Make, list, change and connect account groups
    #[command(subcommand)]
    AccountGroup(account_group::AccountGroup),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Grant, adjust, show and verify credits
    #[command(subcommand)]
    Credits(credits::Credits),
    /// List, show, watch and cancel jobs of any account group
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Erase people
    #[command(subcommand)]
    Prospects(prospects::Prospects),
    /// Run the sandbox upstream alone
    Sandbox(sandbox::Sandbox),
    /// See whether the LinkedIn provider and the e-mail finder work
    #[command(subcommand)]
    Upstream(Box<upstream::Upstream>),
    /// Ask the service on this machine how it is; exit code 0 when well, else 1
    Healthcheck(healthcheck::Healthcheck),
}

/// As clap says it of flags: a service that is started again with the same settings fails again.
const WRONG_USE: u8 = 2;
/// A process that ended because a part of it did, and should be started again.
const PART_ENDED: u8 = 70;
/// As shells report a command that SIGPIPE ended.
const STDOUT_CLOSED: u8 = 141;

/// Runs the command of this process's arguments.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let quiet = !matches!(cli.command, Command::Serve(_) | Command::Sandbox(_));
    let exporter = match start_exporter(&cli) {
        Ok(exporter) => exporter,
        Err(error) => return failed(&error),
    };
    let by_default = if quiet { "warn" } else { "info,sqlx=warn" };
    if let Err(error) = start_logging(&cli.log, by_default, exporter.as_ref()) {
        return failed(&anyhow::Error::new(error).context("RUST_LOG cannot be read"));
    }
    let ended = execute(cli).await;
    if let Some(exporter) = exporter {
        exporter.finish().await;
    }
    match ended {
        Ok(code) => code,
        Err(error) if is_closed_stdout(&error) => ExitCode::from(STDOUT_CLOSED),
        Err(error) => failed(&error),
    }
}

/// Only a service has spans that are worth sending.
fn start_exporter(cli: &Cli) -> anyhow::Result<Option<Exporter>> {
    let Command::Serve(serve) = &cli.command else {
        return Ok(None);
    };
    let export = serve.traces.resolve()?;
    Ok(export.as_ref().map(Exporter::start).transpose()?)
}

#[expect(
    clippy::print_stderr,
    reason = "the fault is for the person at the terminal"
)]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("prospector: {error:#}");
    if is_wrong_use(error) {
        ExitCode::from(WRONG_USE)
    } else {
        ExitCode::FAILURE
    }
}

/// A setting cannot be read, or does not go with the others.
fn is_wrong_use(error: &anyhow::Error) -> bool {
    let database = error.downcast_ref();
    error.is::<InvalidSettings>()
        || error.is::<ParseError>()
        || matches!(error.downcast_ref(), Some(StartError::Settings(_)))
        || matches!(error.downcast_ref(), Some(ErasureKeyError::Settings(_)))
        || matches!(
            database,
            Some(DatabaseError::Settings(_) | DatabaseError::Url)
        )
}

async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let output = cli.output;
    match cli.command {
        Command::Demo(demo) => demo.run(cli.database.postgres_bin_dir).await,
        Command::Serve(serve) => serve.run(&cli.database, output).await,
        Command::Migrate => migrate::run(&cli.database, output).await,
        Command::AccountGroup(command) => command.run(&cli.database, output).await,
        Command::ApiKey(command) => command.run(&cli.database, output).await,
        Command::Credits(command) => command.run(&cli.database, output).await,
        Command::Jobs(command) => command.run(&cli.database, output).await,
        Command::Prospects(command) => command.run(&cli.database, output).await,
        Command::Sandbox(sandbox) => sandbox.run().await,
        Command::Upstream(command) => command.run(output).await,
        Command::Healthcheck(healthcheck) => healthcheck.run(output).await,
    }
}

/// The database of an operator's command: a private one is migrated first, a configured one must be
/// migrated already.
async fn open_migrated(settings: &DatabaseSettings) -> Result<OpenDatabase, DatabaseError> {
    let database = OpenDatabase::open(settings, Ownership::Shared).await?;
    if database.is_embedded {
        database.migrate().await?.release().await?;
    } else {
        database.check_migrated().await?;
    }
    Ok(database)
}
