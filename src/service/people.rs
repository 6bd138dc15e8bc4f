//! Finding people whom an account group has.

use crate::db;
use crate::domain::id::{AccountGroupId, ProviderId};
use crate::domain::person::KnownPerson;
use crate::error::Error;
use crate::service::app::App;

/// The most people that one id is shown to lead to.
const MATCHES_MAX: u32 = 100;

/// Everybody in the account group who goes by this provider id; up to 100.
///
/// # Errors
/// Faults of the database.
pub async fn find_people_by_provider_id(
    app: &App,
    account_group: &AccountGroupId,
    provider_id: &ProviderId,
) -> Result<Vec<KnownPerson>, Error> {
    let mut connection = app.database.acquire().await?;
    db::people::list_people_by_provider_id(&mut connection, account_group, provider_id, MATCHES_MAX)
        .await
}
