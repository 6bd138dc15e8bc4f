//! An account group with credits and a key, for a first try.

use crate::db::pool::Database;
use crate::domain::api_key::{ApiKeySecret, KeyKind};
use crate::domain::id::{AccountGroupId, LinkedinAccountId};
use crate::domain::permission::Permission;
use crate::domain::plan::Plan;
use crate::service::operator::{self, KeyOrder, NewAccountGroup};

/// What a client needs to call the API.
pub(super) struct DemoGroup {
    pub(super) id: AccountGroupId,
    pub(super) secret: ApiKeySecret,
}

/// Makes a group on plan Starter with a healthy sandbox account, and a key that may do everything.
pub(super) async fn create(database: &Database, credits: i64) -> anyhow::Result<DemoGroup> {
    let account: LinkedinAccountId = "acc_01demo".parse()?;
    let new = NewAccountGroup {
        name: "Demo".to_owned(),
        plan: Plan::Starter,
        linkedin_account: Some(account),
        credits,
    };
    let group = operator::create_account_group(database, &new).await?;
    let order = KeyOrder {
        name: "demo".to_owned(),
        kind: KeyKind::Test,
        account_groups: vec![group.id.clone()],
        permissions: Permission::ALL.to_vec(),
        expires_in_days: None,
    };
    let (_, secret) = operator::create_api_key(database, &order).await?;
    Ok(DemoGroup {
        id: group.id,
        secret,
    })
}
