//! Credits of an account group.

use crate::db;
use crate::db::credit_entries::{
    CreditEntry, list_credit_entries as list_all, list_credit_entries_of_job,
};
use crate::db::credits::CreditAccount;
use crate::domain::id::{AccountGroupId, JobId};
use crate::error::Error;
use crate::service::app::App;
use crate::service::listing::Slice;

/// # Errors
/// [`Error::AccountGroupForbidden`] when there is no such account group; faults of the database.
pub async fn get_credits(
    app: &App,
    account_group: &AccountGroupId,
) -> Result<CreditAccount, Error> {
    let mut connection = app.database.acquire().await?;
    let account = db::credits::find_credit_account(&mut connection, account_group).await?;
    account.ok_or(Error::AccountGroupForbidden)
}

/// The changes of the balance that came before entry `before`, the newest of them first.
///
/// # Errors
/// Faults of the database.
pub async fn list_credit_entries(
    app: &App,
    account_group: &AccountGroupId,
    job: Option<&JobId>,
    before: Option<i64>,
    limit: u32,
) -> Result<Slice<CreditEntry>, Error> {
    let mut connection = app.database.acquire().await?;
    let entries = match job {
        None => list_all(&mut connection, account_group, before, limit + 1).await?,
        Some(job) => {
            list_credit_entries_of_job(&mut connection, account_group, job, before, limit + 1)
                .await?
        }
    };
    Ok(Slice::of(entries, limit))
}
