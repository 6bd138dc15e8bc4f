//! `prospector account-group`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::open_migrated;
use crate::cli::output::{Items, Output, iso, table};
use crate::config::DatabaseSettings;
use crate::db;
use crate::db::account_groups::AccountGroupChange;
use crate::domain::id::{AccountGroupId, LinkedinAccountId};
use crate::domain::plan::Plan;
use crate::service::operator::{self, NewAccountGroup};

#[derive(Subcommand)]
pub(super) enum AccountGroup {
    /// Make an account group
    Create {
        #[arg(long, value_parser = name)]
        name: String,
        /// tester, starter, scale or enterprise
        #[arg(long)]
        plan: Plan,
        /// The LinkedIn account at the provider
        #[arg(long, value_name = "acc_...")]
        linkedin_account: Option<LinkedinAccountId>,
        /// Credits to grant with it
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000_000))]
        credits: i64,
    },
    /// List all account groups
    List,
    /// Show one account group
    Show { id: AccountGroupId },
    /// Change name or plan, pause the group, or end its pause
    Update {
        id: AccountGroupId,
        #[command(flatten)]
        change: Change,
    },
    /// Connect a LinkedIn account, in place of the one that is connected
    Connect {
        id: AccountGroupId,
        /// The LinkedIn account at the provider; it may serve several groups
        #[arg(long, value_name = "acc_...")]
        linkedin_account: LinkedinAccountId,
    },
    /// Disconnect the LinkedIn account: jobs need one to start
    Disconnect { id: AccountGroupId },
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Change {
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// tester, starter, scale or enterprise
    #[arg(long)]
    plan: Option<Plan>,
    /// A paused group starts no jobs, and those it has wait
    #[arg(long, action = clap::ArgAction::Set, value_name = "true|false")]
    paused: Option<bool>,
}

/// A name for people: 1 to 200 characters, none of them for control.
pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 200 characters, without control characters".to_owned())
    }
}

/// An account group, as commands show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountGroupView {
    id: AccountGroupId,
    name: String,
    plan: Plan,
    linkedin_account_id: Option<LinkedinAccountId>,
    paused: bool,
    created_at: String,
    balance: i64,
    reserved: i64,
    available: i64,
}

impl From<db::account_groups::AccountGroup> for AccountGroupView {
    fn from(group: db::account_groups::AccountGroup) -> Self {
        Self {
            available: group.available(),
            id: group.id,
            name: group.name,
            plan: group.plan,
            linkedin_account_id: group.linkedin_account,
            paused: group.paused,
            created_at: iso(group.created_at),
            balance: group.balance,
            reserved: group.reserved,
        }
    }
}

impl AccountGroupView {
    fn print(group: db::account_groups::AccountGroup, output: Output) -> anyhow::Result<()> {
        output.print(&Self::from(group), |group| {
            Self::text(std::slice::from_ref(group))
        })
    }

    fn text(groups: &[Self]) -> String {
        let rows: Vec<Vec<String>> = groups
            .iter()
            .map(|group| {
                vec![
                    group.id.to_string(),
                    group.name.clone(),
                    group.plan.as_str().to_owned(),
                    group
                        .linkedin_account_id
                        .as_ref()
                        .map_or("-".to_owned(), ToString::to_string),
                    group.balance.to_string(),
                    group.reserved.to_string(),
                    group.available.to_string(),
                    if group.paused {
                        "paused".to_owned()
                    } else {
                        String::new()
                    },
                ]
            })
            .collect();
        table(
            &[
                "id",
                "name",
                "plan",
                "linkedin account",
                "balance",
                "reserved",
                "available",
                "",
            ],
            &rows,
        )
    }
}

impl AccountGroup {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let opened = open_migrated(settings).await?;
        let database = opened.for_command();
        match self {
            Self::Create {
                name,
                plan,
                linkedin_account,
                credits,
            } => {
                let new = NewAccountGroup {
                    name,
                    plan,
                    linkedin_account,
                    credits,
                };
                let made = operator::create_account_group(&database, &new).await?;
                AccountGroupView::print(made, output)?;
            }
            Self::List => {
                let groups = operator::list_account_groups(&database).await?;
                let items: Vec<AccountGroupView> = groups.into_iter().map(Into::into).collect();
                output.print(&Items { items }, |list| AccountGroupView::text(&list.items))?;
            }
            Self::Show { id } => {
                let group = operator::get_account_group(&database, &id).await?;
                AccountGroupView::print(group, output)?;
            }
            Self::Update { id, change } => {
                let change = AccountGroupChange {
                    name: change.name,
                    plan: change.plan,
                    paused: change.paused,
                };
                let group = operator::update_account_group(&database, &id, &change).await?;
                AccountGroupView::print(group, output)?;
            }
            Self::Connect {
                id,
                linkedin_account,
            } => {
                let account = Some(&linkedin_account);
                let group = operator::set_linkedin_account(&database, &id, account).await?;
                AccountGroupView::print(group, output)?;
            }
            Self::Disconnect { id } => {
                let group = operator::set_linkedin_account(&database, &id, None).await?;
                AccountGroupView::print(group, output)?;
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(ExitCode::SUCCESS)
    }
}
