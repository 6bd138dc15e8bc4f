//! `prospector jobs`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::open_migrated;
use crate::cli::output::Output;
use crate::config::DatabaseSettings;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::Job;
use crate::http::job_body::JobBody;
use crate::service::operator;

#[derive(Subcommand)]
pub(super) enum Jobs {
    /// Cancel a job that has not ended; what was imported stays
    Cancel { id: JobId },
}

/// A job as the API shows it, and whose it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobView<'a> {
    account_group_id: &'a AccountGroupId,
    #[serde(flatten)]
    job: JobBody<'a>,
}

fn line(job: &Job) -> String {
    let counts = &job.counts;
    format!(
        "{} {}: {} imported, {} duplicates, {} credits charged, {} released",
        job.job_id,
        job.status,
        counts.imported,
        counts.duplicates,
        job.credits.charged,
        job.credits.released
    )
}

impl Jobs {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let opened = open_migrated(settings).await?;
        let database = opened.for_command();
        match self {
            Self::Cancel { id } => {
                let job = operator::cancel_job(&database, &id).await?;
                let view = JobView {
                    account_group_id: &job.account_group_id,
                    job: JobBody::of(&job),
                };
                output.print(&view, |_| line(&job))?;
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(ExitCode::SUCCESS)
    }
}
