//! `prospector credits`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::account_group::name;
use crate::cli::credit_entries::EntryView;
use crate::cli::open_migrated;
use crate::cli::output::{Items, Output, table};
use crate::config::DatabaseSettings;
use crate::db;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::plan::Plan;
use crate::service::operator;

#[derive(Subcommand)]
pub(super) enum Credits {
    /// Grant credits to an account group
    Grant {
        #[arg(long)]
        account_group: AccountGroupId,
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000_000))]
        amount: i64,
        /// Why, for the ledger
        #[arg(long, value_parser = name)]
        reason: String,
        /// Your own name for this grant, such as an invoice number: sending it again grants nothing more
        #[arg(long, value_parser = name)]
        reference: Option<String>,
    },
    /// Correct the balance of an account group, never below what its unfinished jobs hold
    Adjust {
        #[arg(long)]
        account_group: AccountGroupId,
        /// How many credits come (10) or go (-10)
        #[arg(long, allow_negative_numbers = true, value_parser = signed_amount)]
        amount: i64,
        /// Why, for the ledger
        #[arg(long, value_parser = name)]
        reason: String,
        /// Your own name for this adjustment: sending it again changes nothing more
        #[arg(long, value_parser = name)]
        reference: Option<String>,
    },
    /// List the newest entries of an account group's ledger
    Entries {
        #[arg(long)]
        account_group: AccountGroupId,
        /// Only what this job was charged
        #[arg(long)]
        job: Option<JobId>,
        /// The most entries to list
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Show the credits of an account group
    Show {
        #[arg(long)]
        account_group: AccountGroupId,
    },
    /// Recompute every balance and reservation from ledger and jobs; exit code 1 on any difference
    Verify,
}

fn signed_amount(text: &str) -> Result<i64, String> {
    const MOST: i64 = 1_000_000_000_000;
    let amount = text.parse().ok();
    amount
        .filter(|amount| *amount != 0 && (-MOST..=MOST).contains(amount))
        .ok_or_else(|| format!("must be a whole number from -{MOST} to {MOST}, not 0"))
}

/// The credits of a group, as commands show them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreditsView {
    account_group_id: AccountGroupId,
    plan: Plan,
    balance: i64,
    reserved: i64,
    available: i64,
}

impl From<db::account_groups::AccountGroup> for CreditsView {
    fn from(group: db::account_groups::AccountGroup) -> Self {
        Self {
            available: group.available(),
            account_group_id: group.id,
            plan: group.plan,
            balance: group.balance,
            reserved: group.reserved,
        }
    }
}

impl CreditsView {
    fn text(&self) -> String {
        format!(
            "balance {}, reserved {}, available {}",
            self.balance, self.reserved, self.available
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationView {
    ok: bool,
    account_groups: i64,
    differences: Vec<DifferenceView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DifferenceView {
    account_group_id: String,
    what: String,
    stored: i64,
    computed: i64,
    job_id: Option<String>,
}

impl From<db::credits::Verification> for VerificationView {
    fn from(found: db::credits::Verification) -> Self {
        let differences = found
            .differences
            .into_iter()
            .map(|difference| DifferenceView {
                account_group_id: difference.account_group_id,
                what: difference.what,
                stored: difference.stored,
                computed: difference.computed,
                job_id: difference.job_id,
            });
        let differences: Vec<DifferenceView> = differences.collect();
        Self {
            ok: differences.is_empty(),
            account_groups: found.account_groups,
            differences,
        }
    }
}

impl VerificationView {
    fn text(&self) -> String {
        if self.ok {
            return format!("All agree: {} account groups.", self.account_groups);
        }
        let row = |difference: &DifferenceView| {
            vec![
                difference.account_group_id.clone(),
                difference.what.clone(),
                difference.stored.to_string(),
                difference.computed.to_string(),
                difference.job_id.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        };
        let rows: Vec<Vec<String>> = self.differences.iter().map(row).collect();
        table(
            &["account group", "what", "stored", "computed", "job"],
            &rows,
        )
    }
}

impl Credits {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let opened = open_migrated(settings).await?;
        let database = opened.for_command();
        let mut code = ExitCode::SUCCESS;
        match self {
            Self::Grant {
                account_group,
                amount,
                reason,
                reference,
            } => {
                let reference = reference.as_deref();
                let group =
                    operator::grant_credits(&database, &account_group, amount, &reason, reference)
                        .await?;
                output.print(&CreditsView::from(group), CreditsView::text)?;
            }
            Self::Adjust {
                account_group,
                amount,
                reason,
                reference,
            } => {
                let reference = reference.as_deref();
                let group =
                    operator::adjust_credits(&database, &account_group, amount, &reason, reference)
                        .await?;
                output.print(&CreditsView::from(group), CreditsView::text)?;
            }
            Self::Entries {
                account_group,
                job,
                limit,
            } => {
                let job = job.as_ref();
                let entries =
                    operator::list_credit_entries(&database, &account_group, job, limit).await?;
                let items: Vec<EntryView> = entries.into_iter().map(Into::into).collect();
                output.print(&Items { items }, |list| EntryView::text(&list.items))?;
            }
            Self::Show { account_group } => {
                let group = operator::get_account_group(&database, &account_group).await?;
                output.print(&CreditsView::from(group), CreditsView::text)?;
            }
            Self::Verify => {
                let verification =
                    VerificationView::from(operator::verify_credits(&database).await?);
                output.print(&verification, VerificationView::text)?;
                if !verification.ok {
                    code = ExitCode::FAILURE;
                }
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(code)
    }
}
