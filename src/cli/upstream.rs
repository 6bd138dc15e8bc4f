//! `prospector upstream`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::output::Output;
use crate::config::UpstreamSettings;
use crate::domain::id::LinkedinAccountId;
use crate::domain::pacing::Gap;
use crate::service::upstream_check::{Finding, Verdict, check_finder, check_provider};
use crate::startup::upstreams::{Upstreams, run_sandbox};

#[derive(Subcommand)]
pub(super) enum Upstream {
    /// Ask the LinkedIn provider and the e-mail finder once for what costs nothing
    ///
    /// Says what works, what does not, and what to do. Needs no database, prints no key, and exits
    /// with 1 when something does not work.
    Check(Check),
}

#[derive(clap::Args)]
pub(super) struct Check {
    /// Ask about this connected LinkedIn account as well; may be given several times
    #[arg(long, value_name = "ACCOUNT")]
    linkedin_account: Vec<LinkedinAccountId>,
    #[command(flatten)]
    settings: UpstreamSettings,
}

impl Upstream {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(check) => check.run(output).await,
        }
    }
}

impl Check {
    async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let report = Report::of(self.findings().await?);
        output.print(&report, Report::text)?;
        Ok(if report.ok {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn findings(&self) -> anyhow::Result<Vec<Finding>> {
        let (provider, finder) = self.settings.resolve()?;
        let (provider_names, finder_names) = (provider.names(), finder.names());
        let upstreams =
            Upstreams::build(provider, finder, self.settings.timeout(), Gap::NONE).await?;
        let checking = async {
            let accounts = &self.linkedin_account;
            let mut findings = check_provider(&*upstreams.provider, provider_names, accounts).await;
            let finder = upstreams.email_finder.as_deref();
            findings.push(check_finder(finder, finder_names).await);
            findings
        };
        let Some(sandbox) = upstreams.own_sandbox else {
            return Ok(checking.await);
        };
        tokio::select! {
            findings = checking => Ok(findings),
            ended = run_sandbox(sandbox, CancellationToken::new()) => {
                ended?;
                anyhow::bail!("the sandbox has ended by itself")
            }
        }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Line>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    upstream: &'static str,
    linkedin_account_id: Option<String>,
    status: &'static str,
    message: String,
    advice: Option<String>,
}

impl Report {
    fn of(findings: Vec<Finding>) -> Self {
        Self {
            ok: findings
                .iter()
                .all(|finding| finding.verdict != Verdict::Fails),
            checks: findings.into_iter().map(Line::of).collect(),
        }
    }

    fn text(&self) -> String {
        let mut lines: Vec<String> = self.checks.iter().map(Line::text).collect();
        lines.push(String::new());
        lines.push(if self.ok {
            "Everything that is set up works.".to_owned()
        } else {
            "Something does not work.".to_owned()
        });
        lines.join("\n")
    }
}

impl Line {
    fn of(finding: Finding) -> Self {
        Self {
            upstream: finding.upstream,
            linkedin_account_id: finding.linkedin_account.map(|account| account.to_string()),
            status: match finding.verdict {
                Verdict::Works => "works",
                Verdict::Fails => "fails",
                Verdict::Off => "off",
            },
            message: finding.message,
            advice: finding.advice,
        }
    }

    fn text(&self) -> String {
        let account = self.linkedin_account_id.as_deref();
        let account = account.map_or_else(String::new, |account| format!(", account {account}"));
        let advice = self.advice.as_deref();
        let advice = advice.map_or_else(String::new, |advice| format!("\n      {advice}"));
        format!(
            "{:5} {}{account}: {}{advice}",
            self.status, self.upstream, self.message
        )
    }
}
