//! `prospector jobs`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::output::{Items, Output, iso, table};
use crate::cli::{open_migrated, watch};
use crate::config::DatabaseSettings;
use crate::db::linkedin_accounts::HeldUpBy;
use crate::db::pool::Database;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::JobStatus;
use crate::http::job_body::JobBody;
use crate::service::operator_jobs::{self, OperatorJob};

#[derive(Subcommand)]
pub(super) enum Jobs {
    /// List the newest jobs
    List {
        /// Only the jobs of this account group
        #[arg(long)]
        account_group: Option<AccountGroupId>,
        /// queued, running, completed, failed or cancelled
        #[arg(long, value_parser = status)]
        status: Option<JobStatus>,
        /// The most jobs to list
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Show one job
    Show { id: JobId },
    /// Follow a job to its end; exit code 0 when it completed, else 1
    Watch { id: JobId },
    /// Cancel a job that has not ended; what was imported stays
    Cancel { id: JobId },
}

fn status(text: &str) -> Result<JobStatus, String> {
    JobStatus::from_text(text).ok_or_else(|| {
        let all: Vec<&str> = JobStatus::ALL
            .iter()
            .map(|status| status.as_str())
            .collect();
        format!("must be one of {}", all.join(", "))
    })
}

/// A job as the API shows it, whose it is, and when something happens to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView<'a> {
    account_group_id: &'a AccountGroupId,
    #[serde(flatten)]
    job: JobBody<'a>,
    lease_expires_at: Option<String>,
    next_try_at: Option<String>,
    /// `throttled` or `turn`: what keeps it from calling its LinkedIn account.
    held_up_by: Option<&'static str>,
}

impl<'a> JobView<'a> {
    pub(super) fn of(found: &'a OperatorJob) -> Self {
        Self {
            account_group_id: &found.job.account_group_id,
            job: JobBody::of(&found.job),
            lease_expires_at: found.lease_expires_at.map(iso),
            next_try_at: found.next_try_at.map(iso),
            held_up_by: found.held_up_by.map(|held_up_by| match held_up_by {
                HeldUpBy::Rest { .. } => "throttled",
                HeldUpBy::Turn => "turn",
            }),
        }
    }
}

/// A job in one line.
pub(super) fn line(found: &OperatorJob) -> String {
    let (job, counts) = (&found.job, &found.job.counts);
    let mut line = format!(
        "{} {}: {} imported, {} duplicates, {} e-mail addresses, {} credits charged, {} released",
        job.job_id,
        job.status,
        counts.imported,
        counts.duplicates,
        counts.emails_found,
        job.credits.charged,
        job.credits.released
    );
    if let Some(waiting) = &job.waiting {
        line.push_str(&format!(
            "; waits for {} until {}",
            waiting.reason,
            iso(waiting.resume_at)
        ));
    }
    match found.held_up_by {
        Some(HeldUpBy::Rest { until, throttles }) => line.push_str(&format!(
            "; LinkedIn has throttled its account, which rests until {} (rest {throttles} in a row)",
            iso(until)
        )),
        Some(HeldUpBy::Turn) => {
            line.push_str("; it waits for its turn of its LinkedIn account");
        }
        None => {}
    }
    if let Some(error) = &job.error {
        line.push_str(&format!("; {}: {}", error.code, error.message));
    }
    line
}

fn list(jobs: &[OperatorJob]) -> String {
    let row = |found: &OperatorJob| {
        let job = &found.job;
        let waiting = job.waiting.as_ref();
        vec![
            job.job_id.to_string(),
            job.account_group_id.to_string(),
            job.source.as_str().to_owned(),
            job.status.to_string(),
            waiting.map_or("-".to_owned(), |waiting| waiting.reason.to_string()),
            job.counts.imported.to_string(),
            job.max_results.to_string(),
            job.credits.charged.to_string(),
            iso(job.created_at),
            found.next_try_at.map_or("-".to_owned(), iso),
        ]
    };
    let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
    table(
        &[
            "id",
            "account group",
            "source",
            "status",
            "waits for",
            "imported",
            "of",
            "charged",
            "created",
            "next try",
        ],
        &rows,
    )
}

async fn find(database: &Database, id: &JobId) -> anyhow::Result<OperatorJob> {
    let group = operator_jobs::find_account_group_of_job(database, id).await?;
    Ok(operator_jobs::get_job(database, &group, id).await?)
}

impl Jobs {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let opened = open_migrated(settings).await?;
        let database = opened.for_command();
        let mut code = ExitCode::SUCCESS;
        match self {
            Self::List {
                account_group,
                status,
                limit,
            } => {
                let group = account_group.as_ref();
                let jobs = operator_jobs::list_jobs(&database, group, status, limit).await?;
                let items: Vec<JobView<'_>> = jobs.iter().map(JobView::of).collect();
                output.print(&Items { items }, |_| list(&jobs))?;
            }
            Self::Show { id } => {
                let job = find(&database, &id).await?;
                output.print(&JobView::of(&job), |_| line(&job))?;
            }
            Self::Watch { id } => {
                if watch::until_end(&database, &id, output).await? != JobStatus::Completed {
                    code = ExitCode::FAILURE;
                }
            }
            Self::Cancel { id } => {
                let job = operator_jobs::cancel_job(&database, &id).await?;
                output.print(&JobView::of(&job), |_| line(&job))?;
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(code)
    }
}
