//! What the holder of an API key sees of it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::api_keys::parse_permissions;
use crate::db::known;
use crate::domain::id::AccountGroupId;
use crate::domain::permission::Permission;
use crate::error::Error;

/// A key, by whoever uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    pub name: String,
    pub permissions: Vec<Permission>,
    /// By id; cut off where there are more than were asked for.
    pub account_groups: Vec<AccountGroupId>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// An account group, by whoever may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccountGroup {
    pub id: AccountGroupId,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

pub async fn find_own_key(
    connection: &mut PgConnection,
    api_key: Uuid,
    account_groups_max: u32,
) -> Result<Option<OwnKey>, Error> {
    let row = sqlx::query!(
        r#"
        select k.name, k.permissions, k.expires_at,
            array(
                select a.account_group_id from api_key_account_groups a
                where a.api_key_id = k.api_key_id
                order by a.account_group_id
                limit $2
            ) as "account_groups!"
        from api_keys k
        where k.api_key_id = $1
        "#,
        api_key,
        i64::from(account_groups_max),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let account_groups = row.account_groups.into_iter().map(TryInto::try_into);
        Ok(OwnKey {
            name: row.name,
            permissions: parse_permissions(&row.permissions)?,
            account_groups: known(account_groups.collect())?,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// The account groups of a key that are older than `after`, the newest of them first. Each page
/// costs as much as the key has groups.
pub async fn list_account_groups_of_key(
    connection: &mut PgConnection,
    api_key: Uuid,
    after: Option<(DateTime<Utc>, &AccountGroupId)>,
    limit: u32,
) -> Result<Vec<OwnAccountGroup>, Error> {
    let (after_time, after_id) = after.unzip();
    let rows = sqlx::query!(
        r#"
        select g.account_group_id, g.name, g.created_at
        from api_key_account_groups a
        join account_groups g on g.account_group_id = a.account_group_id
        where a.api_key_id = $1
            and (g.created_at, g.account_group_id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, ''))
        order by g.created_at desc, g.account_group_id desc
        limit $4
        "#,
        api_key,
        after_time,
        after_id.map(AccountGroupId::as_str),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OwnAccountGroup {
                id: known(row.account_group_id.try_into())?,
                name: row.name,
                created_at: row.created_at,
            })
        })
        .collect()
}
