//! `prospector migrate`

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::output::Output;
use crate::config::DatabaseSettings;
use crate::startup::database::{OpenDatabase, Ownership};

#[derive(Serialize)]
struct Migrated {
    migrated: bool,
}

pub(super) async fn run(settings: &DatabaseSettings, output: Output) -> anyhow::Result<ExitCode> {
    let database = OpenDatabase::open(settings, Ownership::Shared).await?;
    database.migrate().await?.release().await?;
    database.close().await?;
    output.print(&Migrated { migrated: true }, |_| {
        "The database is up to date.".to_owned()
    })?;
    Ok(ExitCode::SUCCESS)
}
