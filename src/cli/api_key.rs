//! `prospector api-key`

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::account_group::name;
use crate::cli::open_migrated;
use crate::cli::output::{Items, Output, iso, table};
use crate::config::{DatabaseSettings, UpstreamSettings};
use crate::db;
use crate::domain::api_key::KeyKind;
use crate::domain::id::AccountGroupId;
use crate::domain::permission::Permission;
use crate::service::operator::{self, KeyOrder};

#[derive(Subcommand)]
pub(super) enum ApiKey {
    /// Make a key; its secret is shown once
    Create(Box<Create>),
    /// List all keys, without their secrets
    List,
    /// Revoke a key at once
    Revoke { id: Uuid },
}

#[derive(clap::Args)]
pub(super) struct Create {
    /// An account group that the key may use; may be repeated
    #[arg(long = "account-group", required = true, num_args = 1..)]
    account_groups: Vec<AccountGroupId>,
    /// prospecting:read, prospecting:write or prospects:read; may be repeated
    #[arg(long = "permission", required = true, num_args = 1..)]
    permissions: Vec<Permission>,
    #[arg(long, default_value = "unnamed", value_parser = name)]
    name: String,
    /// Days until the key expires; without it, never
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires_in_days: Option<u32>,
    /// The provider decides of which kind the key is
    #[command(flatten)]
    upstream: UpstreamSettings,
}

/// A key, as commands show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiKeyView {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    name: String,
    permissions: Vec<Permission>,
    account_group_ids: Vec<AccountGroupId>,
    expires_at: Option<String>,
    #[serde(flatten)]
    usage: Option<Usage>,
}

/// What lists add: a key that was just made has neither.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<db::api_keys::ApiKey> for ApiKeyView {
    fn from(key: db::api_keys::ApiKey) -> Self {
        Self {
            id: key.id,
            secret: None,
            name: key.name,
            permissions: key.permissions,
            account_group_ids: key.account_groups,
            expires_at: key.expires_at.map(iso),
            usage: Some(Usage {
                last_used_at: key.last_used_at.map(iso),
                revoked_at: key.revoked_at.map(iso),
            }),
        }
    }
}

impl ApiKeyView {
    fn made(key: db::api_keys::ApiKey, secret: &str) -> Self {
        Self {
            secret: Some(secret.to_owned()),
            usage: None,
            ..key.into()
        }
    }

    fn text(keys: &[Self]) -> String {
        let rows: Vec<Vec<String>> = keys
            .iter()
            .map(|key| {
                let permissions: Vec<&str> = key
                    .permissions
                    .iter()
                    .map(|permission| permission.as_str())
                    .collect();
                let groups: Vec<&str> = key
                    .account_group_ids
                    .iter()
                    .map(AccountGroupId::as_str)
                    .collect();
                let usage = |read: fn(&Usage) -> &Option<String>| {
                    key.usage
                        .as_ref()
                        .and_then(|usage| read(usage).clone())
                        .unwrap_or_else(|| "-".to_owned())
                };
                vec![
                    key.id.to_string(),
                    key.name.clone(),
                    permissions.join(","),
                    groups.join(","),
                    key.expires_at.clone().unwrap_or_else(|| "-".to_owned()),
                    usage(|usage| &usage.last_used_at),
                    usage(|usage| &usage.revoked_at),
                ]
            })
            .collect();
        table(
            &[
                "id",
                "name",
                "permissions",
                "account groups",
                "expires",
                "last used",
                "revoked",
            ],
            &rows,
        )
    }
}

impl ApiKey {
    pub(super) async fn run(
        self,
        settings: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        let opened = open_migrated(settings).await?;
        let database = opened.for_command();
        match self {
            Self::Create(create) => {
                let order = KeyOrder {
                    name: create.name,
                    kind: create.upstream.key_kind(),
                    account_groups: create.account_groups,
                    permissions: create.permissions,
                    expires_in_days: create.expires_in_days,
                };
                let (made, secret) = operator::create_api_key(&database, &order).await?;
                output.print(&ApiKeyView::made(made, secret.reveal()), |key| {
                    format!(
                        "{}\n\nThe secret, shown this once; it is valid with the provider {}:\n{}",
                        ApiKeyView::text(std::slice::from_ref(key)),
                        match order.kind {
                            KeyKind::Live => "unipile",
                            KeyKind::Test => "sandbox",
                        },
                        key.secret.as_deref().unwrap_or_default()
                    )
                })?;
            }
            Self::List => {
                let keys = operator::list_api_keys(&database).await?;
                let items: Vec<ApiKeyView> = keys.into_iter().map(Into::into).collect();
                output.print(&Items { items }, |list| ApiKeyView::text(&list.items))?;
            }
            Self::Revoke { id } => {
                let revoked = operator::revoke_api_key(&database, id).await?;
                output.print(&ApiKeyView::from(revoked), |key| {
                    ApiKeyView::text(std::slice::from_ref(key))
                })?;
            }
        }
        database.close().await;
        opened.close().await?;
        Ok(ExitCode::SUCCESS)
    }
}
