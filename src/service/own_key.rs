//! What the holder of an API key may know of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db;
use crate::db::key_access::{OwnAccountGroup, OwnKey};
use crate::domain::id::AccountGroupId;
use crate::error::Error;
use crate::service::app::App;
use crate::service::listing::Slice;

/// How many account groups are named with a key; all of them can be listed.
const ACCOUNT_GROUPS_MAX: u32 = 100;

/// # Errors
/// [`Error::Unauthenticated`] when there is no such key; faults of the database.
pub async fn get_own_key(app: &App, api_key: Uuid) -> Result<OwnKey, Error> {
    let mut connection = app.database.acquire().await?;
    let key = db::key_access::find_own_key(&mut connection, api_key, ACCOUNT_GROUPS_MAX).await?;
    key.ok_or(Error::Unauthenticated)
}

/// The account groups of a key that are older than `after`, the newest of them first.
///
/// # Errors
/// Faults of the database.
pub async fn list_account_groups_of_key(
    app: &App,
    api_key: Uuid,
    after: Option<(DateTime<Utc>, &AccountGroupId)>,
    limit: u32,
) -> Result<Slice<OwnAccountGroup>, Error> {
    let mut connection = app.database.acquire().await?;
    let groups =
        db::key_access::list_account_groups_of_key(&mut connection, api_key, after, limit + 1)
            .await?;
    Ok(Slice::of(groups, limit))
}
