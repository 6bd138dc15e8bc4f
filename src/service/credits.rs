//! Credits of an account group.

use crate::db;
use crate::db::credits::CreditAccount;
use crate::domain::id::AccountGroupId;
use crate::error::Error;
use crate::service::app::App;

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
