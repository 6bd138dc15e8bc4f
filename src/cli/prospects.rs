//! `prospector prospects`

use std::process::ExitCode;

use anyhow::bail;
use clap::{ArgGroup, Subcommand};
use serde::Serialize;

use crate::cli::open_migrated;
use crate::cli::output::{Items, Output};
use crate::config::{DatabaseSettings, ErasureSettings};
use crate::db::pool::Database;
use crate::domain::erasure::ErasureKey;
use crate::domain::id::{AccountGroupId, ProspectId};
use crate::domain::linkedin_url::ProfileUrl;
use crate::service::erasure::{Erased, erase_person};
use crate::service::operator;
use crate::startup::erasure_key;

#[derive(Subcommand)]
pub(super) enum Prospects {
    /// Erase a person, and keep them from being imported again
    #[command(group = ArgGroup::new("where").required(true))]
    Erase {
        /// Where they are to be erased
        #[arg(long, group = "where")]
        account_group: Option<AccountGroupId>,
        /// Erase them in every account group that there is
        #[arg(long, group = "where")]
        all_account_groups: bool,
        /// The address of the person's page, such as `https://www.linkedin.com/in/name`
        #[arg(long, value_parser = ProfileUrl::parse)]
        linkedin_url: ProfileUrl,
        #[command(flatten)]
        key: ErasureSettings,
    },
}

/// What was erased in one account group. Names nobody.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErasedView {
    account_group_id: AccountGroupId,
    prospect_ids: Vec<ProspectId>,
    rows: u64,
    uploaded_urls: u64,
}

impl From<Erased> for ErasedView {
    fn from(erased: Erased) -> Self {
        Self {
            account_group_id: erased.account_group,
            prospect_ids: erased.prospects,
            rows: erased.rows,
            uploaded_urls: erased.uploaded_urls,
        }
    }
}

impl ErasedView {
    fn text(&self) -> String {
        let ids: Vec<String> = self.prospect_ids.iter().map(ToString::to_string).collect();
        let found = match ids.as_slice() {
            [] => "no prospect was this person".to_owned(),
            ids => format!("erased {}", ids.join(", ")),
        };
        format!(
            "{}: {found}; {} rows and {} uploaded URLs cleared; they are not imported again",
            self.account_group_id, self.rows, self.uploaded_urls
        )
    }
}

impl Prospects {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let Self::Erase {
            account_group,
            all_account_groups: _,
            linkedin_url,
            key,
        } = self;
        let opened = open_migrated(settings).await?;
        let Some(key) = erasure_key::find(&key, &opened).await? else {
            bail!(
                "with DATABASE_URL the key that erased people are remembered by must be set: ERASURE_KEY, 32 or more random characters, the same for every process"
            );
        };
        let database = opened.for_command();
        match account_group {
            Some(group) => {
                let erased = erase_person(&database, &key, &group, &linkedin_url).await?;
                output.print(&ErasedView::from(erased), ErasedView::text)?;
            }
            None => {
                let items = erase_everywhere(&database, &key, &linkedin_url).await?;
                output.print(&Items { items }, |list| {
                    let lines: Vec<String> = list.items.iter().map(ErasedView::text).collect();
                    lines.join("\n")
                })?;
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One account group after the other: what is done stays done when a later one fails, and doing it
/// all again changes nothing of it.
async fn erase_everywhere(
    database: &Database,
    key: &ErasureKey,
    linkedin_url: &ProfileUrl,
) -> anyhow::Result<Vec<ErasedView>> {
    let mut erased = Vec::new();
    for group in operator::list_account_groups(database).await? {
        let found = erase_person(database, key, &group.id, linkedin_url).await?;
        erased.push(ErasedView::from(found));
    }
    Ok(erased)
}
