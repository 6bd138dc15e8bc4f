//! Account groups.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::known;
use crate::domain::id::{AccountGroupId, LinkedinAccountId};
use crate::domain::plan::Plan;
use crate::error::Error;

/// An account group with its credits, as operators see it.
#[derive(Debug, Clone)]
pub struct AccountGroup {
    pub id: AccountGroupId,
    pub name: String,
    pub plan: Plan,
    pub linkedin_account: Option<LinkedinAccountId>,
    pub paused: bool,
    pub created_at: DateTime<Utc>,
    pub balance: i64,
    pub reserved: i64,
}

impl AccountGroup {
    /// What new jobs may reserve.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.balance.saturating_sub(self.reserved)
    }
}

/// Stores a group without credits, its credit account and its lane.
pub async fn insert_account_group(
    connection: &mut PgConnection,
    id: &AccountGroupId,
    name: &str,
    plan: Plan,
    linkedin_account: Option<&LinkedinAccountId>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        with account_group as (
            insert into account_groups (account_group_id, name, plan, linkedin_account_id)
            values ($1, $2, $3, $4)
            returning account_group_id
        ),
        credit_account as (
            insert into credit_accounts (account_group_id) select account_group_id from account_group
        )
        insert into lanes (account_group_id) select account_group_id from account_group
        "#,
        id.as_str(),
        name,
        plan.as_str(),
        linkedin_account.map(LinkedinAccountId::as_str),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What of an account group is to be changed; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountGroupChange {
    pub name: Option<String>,
    pub plan: Option<Plan>,
    pub paused: Option<bool>,
}

/// Changes a group; whether there is one. Needs a transaction that holds the credit account.
pub async fn update_account_group(
    connection: &mut PgConnection,
    id: &AccountGroupId,
    change: &AccountGroupChange,
) -> Result<bool, Error> {
    let updated = sqlx::query!(
        r#"
        update account_groups
        set name = coalesce($2, name), plan = coalesce($3, plan), paused = coalesce($4, paused)
        where account_group_id = $1
        "#,
        id.as_str(),
        change.name.as_deref(),
        change.plan.map(Plan::as_str),
        change.paused,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() > 0)
}

/// Makes the jobs that wait for the end of a pause due now, and opens the group's lane for them.
/// Needs a transaction that holds the credit account; takes jobs and then the lane.
pub async fn resume_paused_jobs(
    connection: &mut PgConnection,
    id: &AccountGroupId,
) -> Result<u64, Error> {
    let resumed = sqlx::query!(
        r#"
        update prospecting_jobs
        set waiting_reason = null,
            due_at = clock_timestamp(),
            -- The wait for an operator had moved it ahead.
            progressed_at = clock_timestamp(),
            updated_at = clock_timestamp(),
            version = version + 1
        where account_group_id = $1 and status = 'queued' and waiting_reason = 'paused'
        "#,
        id.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        update lanes
        set parked = false, next_turn_at = least(next_turn_at, clock_timestamp())
        where account_group_id = $1 and parked and $2
        "#,
        id.as_str(),
        resumed.rows_affected() > 0,
    )
    .execute(connection)
    .await?;
    Ok(resumed.rows_affected())
}

/// Gives a group another LinkedIn account, or none; whether there is such a group.
pub async fn set_linkedin_account(
    connection: &mut PgConnection,
    id: &AccountGroupId,
    linkedin_account: Option<&LinkedinAccountId>,
) -> Result<bool, Error> {
    let updated = sqlx::query!(
        "update account_groups set linkedin_account_id = $2 where account_group_id = $1",
        id.as_str(),
        linkedin_account.map(LinkedinAccountId::as_str),
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() > 0)
}

struct Row {
    account_group_id: String,
    name: String,
    plan: String,
    linkedin_account_id: Option<String>,
    paused: bool,
    created_at: DateTime<Utc>,
    balance: i64,
    reserved: i64,
}

impl TryFrom<Row> for AccountGroup {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: known(row.account_group_id.try_into())?,
            name: row.name,
            plan: known(row.plan.parse())?,
            linkedin_account: known(row.linkedin_account_id.map(TryInto::try_into).transpose())?,
            paused: row.paused,
            created_at: row.created_at,
            balance: row.balance,
            reserved: row.reserved,
        })
    }
}

pub async fn find_account_group(
    connection: &mut PgConnection,
    id: &AccountGroupId,
) -> Result<Option<AccountGroup>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select g.account_group_id, g.name, g.plan, g.linkedin_account_id, g.paused, g.created_at,
            c.balance, c.reserved
        from account_groups g
        join credit_accounts c on c.account_group_id = g.account_group_id
        where g.account_group_id = $1
        "#,
        id.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// Groups by id, after `after`: operators page through all of them.
pub async fn list_account_groups(
    connection: &mut PgConnection,
    after: Option<&AccountGroupId>,
    limit: i64,
) -> Result<Vec<AccountGroup>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select g.account_group_id, g.name, g.plan, g.linkedin_account_id, g.paused, g.created_at,
            c.balance, c.reserved
        from account_groups g
        join credit_accounts c on c.account_group_id = g.account_group_id
        where g.account_group_id > $1
        order by g.account_group_id
        limit $2
        "#,
        after.map_or("", AccountGroupId::as_str),
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}
