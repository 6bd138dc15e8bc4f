//! The ledger: grants, balances, and the proof that they agree.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

use sqlx::PgConnection;

use crate::db::known;
use crate::domain::credits::EntryKind;
use crate::domain::id::AccountGroupId;
use crate::domain::plan::Plan;
use crate::error::Error;

/// What an account group owns and what its unfinished jobs still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditAccount {
    pub plan: Plan,
    pub balance: i64,
    pub reserved: i64,
}

impl CreditAccount {
    /// What new jobs may reserve.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.balance.saturating_sub(self.reserved)
    }
}

pub async fn find_credit_account(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
) -> Result<Option<CreditAccount>, Error> {
    let row = sqlx::query!(
        r#"
        select g.plan, c.balance, c.reserved
        from credit_accounts c
        join account_groups g on g.account_group_id = c.account_group_id
        where c.account_group_id = $1
        "#,
        account_group.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(CreditAccount {
            plan: known(row.plan.parse())?,
            balance: row.balance,
            reserved: row.reserved,
        })
    })
    .transpose()
}

/// Takes the credit account, which comes first in every change of a group; `None` when there is none.
pub async fn lock_credit_account(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
) -> Result<Option<CreditAccount>, Error> {
    let locked = sqlx::query_scalar!(
        "select balance from credit_accounts where account_group_id = $1 for no key update",
        account_group.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    match locked {
        Some(_) => find_credit_account(connection, account_group).await,
        None => Ok(None),
    }
}

/// What became of a grant or an adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantOutcome {
    Granted,
    /// The reference was used before, for the same amount: nothing was granted again.
    AlreadyGranted,
    /// The reference was used before, for another amount or in another way.
    ReferenceTaken,
    /// The balance would be less than what unfinished jobs hold.
    BelowReserved {
        available: i64,
    },
    /// The balance would be more than can be counted.
    TooMuch,
    NoAccountGroup,
}

/// Adds credits and the entry that says why. Needs a transaction: it locks the credit account first.
pub async fn grant_credits(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    amount: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<GrantOutcome, Error> {
    let kind = EntryKind::Grant;
    write_entry(connection, account_group, kind, amount, reason, reference).await
}

/// Corrects a balance, upwards or down to what is reserved. Needs a transaction, as a grant does.
pub async fn adjust_credits(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    amount: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<GrantOutcome, Error> {
    let kind = EntryKind::Adjust;
    write_entry(connection, account_group, kind, amount, reason, reference).await
}

async fn write_entry(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    kind: EntryKind,
    amount: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<GrantOutcome, Error> {
    let Some(account) = lock_credit_account(&mut *connection, account_group).await? else {
        return Ok(GrantOutcome::NoAccountGroup);
    };
    let before = sqlx::query!(
        "select kind, amount from credit_entries where account_group_id = $1 and reference = $2",
        account_group.as_str(),
        reference,
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(before) = before {
        let same = before.kind == kind.as_str() && before.amount == amount;
        return Ok(if same {
            GrantOutcome::AlreadyGranted
        } else {
            GrantOutcome::ReferenceTaken
        });
    }
    match account.balance.checked_add(amount) {
        None => return Ok(GrantOutcome::TooMuch),
        Some(balance) if balance < account.reserved => {
            let available = account.available();
            return Ok(GrantOutcome::BelowReserved { available });
        }
        Some(_) => {}
    }

    sqlx::query!(
        r#"
        with account as (
            update credit_accounts set balance = balance + $2
            where account_group_id = $1
            returning balance
        )
        insert into credit_entries (account_group_id, kind, amount, balance_after, reason, reference)
        select $1, $5, $2, account.balance, $3, $4 from account
        "#,
        account_group.as_str(),
        amount,
        reason,
        reference,
        kind.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(GrantOutcome::Granted)
}

/// Something that does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub account_group_id: String,
    /// `balance`, `reserved`, `job charges` or `balance after`.
    pub what: String,
    pub stored: i64,
    pub computed: i64,
    pub job_id: Option<String>,
}

/// What a check of the whole ledger found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    pub account_groups: i64,
    pub differences: Vec<Difference>,
}

/// How many differences of some account groups are looked at.
const DIFFERENCES_MAX: i64 = 100;

/// Account groups that have credits, by id, after `after`.
pub async fn list_accounts(
    connection: &mut PgConnection,
    after: Option<&AccountGroupId>,
    limit: i64,
) -> Result<Vec<AccountGroupId>, Error> {
    let ids = sqlx::query_scalar!(
        r#"
        select account_group_id from credit_accounts
        where account_group_id > coalesce($1, '')
        order by account_group_id
        limit $2
        "#,
        after.map(AccountGroupId::as_str),
        limit,
    )
    .fetch_all(connection)
    .await?;
    ids.into_iter().map(|id| known(id.try_into())).collect()
}

/// Recomputes balances and reservations of some account groups from ledger and jobs, in one statement
/// and so on one snapshot: work that goes on meanwhile makes no difference appear.
pub async fn verify_ledger(
    connection: &mut PgConnection,
    account_groups: &[AccountGroupId],
) -> Result<Vec<Difference>, Error> {
    let account_groups: Vec<String> = account_groups.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"
        with entries as (
            select account_group_id, sum(amount)::bigint as balance
            from credit_entries where account_group_id = any($1) group by account_group_id
        ),
        held as (
            select account_group_id, sum(credits_reserved - credits_charged)::bigint as reserved
            from prospecting_jobs
            where account_group_id = any($1) and ended_at is null
            group by account_group_id
        ),
        charges as (
            select account_group_id, job_id, -sum(amount)::bigint as charged
            from credit_entries
            where account_group_id = any($1) and job_id is not null
            group by account_group_id, job_id
        ),
        running as (
            select account_group_id, entry_id, balance_after, job_id,
                sum(amount) over (partition by account_group_id order by entry_id)::bigint as balance
            from credit_entries
            where account_group_id = any($1)
        )
        select account_group_id as "account_group_id!", what as "what!", stored as "stored!",
            computed as "computed!", job_id
        from (
            select c.account_group_id, 'balance' as what, c.balance as stored,
                coalesce(e.balance, 0) as computed, null::text as job_id
            from credit_accounts c
            left join entries e on e.account_group_id = c.account_group_id
            where c.account_group_id = any($1)
            union all
            select c.account_group_id, 'reserved', c.reserved, coalesce(h.reserved, 0), null
            from credit_accounts c
            left join held h on h.account_group_id = c.account_group_id
            where c.account_group_id = any($1)
            union all
            select j.account_group_id, 'job charges', j.credits_charged, coalesce(h.charged, 0), j.job_id
            from prospecting_jobs j
            left join charges h on h.account_group_id = j.account_group_id and h.job_id = j.job_id
            where j.account_group_id = any($1)
            union all
            select r.account_group_id, 'balance after', r.balance_after, r.balance, r.job_id
            from running r
        ) as compared
        where stored <> computed
        order by account_group_id, what, job_id
        limit $2
        "#,
        &account_groups,
        DIFFERENCES_MAX,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Difference {
            account_group_id: row.account_group_id,
            what: row.what,
            stored: row.stored,
            computed: row.computed,
            job_id: row.job_id,
        })
        .collect())
}
