//! The entries of the ledger, newest first.
//!
//! The entries of a group are written one after another, each under its credit account's lock. So
//! their ids are in the order in which they came, also where a clock was put back in between.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::{count, known, known_text};
use crate::domain::credits::EntryKind;
use crate::domain::id::{AccountGroupId, JobId};
use crate::error::Error;

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditEntry {
    pub entry_id: i64,
    pub kind: EntryKind,
    /// Signed: what came, or what went.
    pub amount: i64,
    pub balance_after: i64,
    /// The job that was charged.
    pub job_id: Option<JobId>,
    /// The page of its import or the batch of its look-up.
    pub page: Option<u32>,
    /// Why an operator changed the balance.
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
}

struct EntryColumns {
    entry_id: i64,
    kind: String,
    amount: i64,
    balance_after: i64,
    job_id: Option<String>,
    page: Option<i32>,
    reason: Option<String>,
    created_at: DateTime<Utc>,
}

/// Entries older than entry `before`, the newest of them first.
pub async fn list_credit_entries(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<CreditEntry>, Error> {
    let entries = sqlx::query_as!(
        EntryColumns,
        r#"
        select entry_id, kind, amount, balance_after, job_id, page, reason, created_at
        from credit_entries
        where account_group_id = $1 and entry_id < coalesce($2, 9223372036854775807)
        order by entry_id desc
        limit $3
        "#,
        account_group.as_str(),
        before,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    entries.into_iter().map(EntryColumns::into_entry).collect()
}

/// The same of those that one job was charged. A statement of its own, so that each is planned for
/// its index.
pub async fn list_credit_entries_of_job(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<CreditEntry>, Error> {
    let entries = sqlx::query_as!(
        EntryColumns,
        r#"
        select entry_id, kind, amount, balance_after, job_id, page, reason, created_at
        from credit_entries
        where account_group_id = $1 and job_id = $2 and entry_id < coalesce($3, 9223372036854775807)
        order by entry_id desc
        limit $4
        "#,
        account_group.as_str(),
        job.as_str(),
        before,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    entries.into_iter().map(EntryColumns::into_entry).collect()
}

impl EntryColumns {
    fn into_entry(self) -> Result<CreditEntry, Error> {
        Ok(CreditEntry {
            entry_id: self.entry_id,
            kind: known_text(
                "kind of credit entry",
                &self.kind,
                EntryKind::from_text(&self.kind),
            )?,
            amount: self.amount,
            balance_after: self.balance_after,
            job_id: known(self.job_id.map(TryInto::try_into).transpose())?,
            page: self.page.map(count),
            reason: self.reason,
            created_at: self.created_at,
        })
    }
}
