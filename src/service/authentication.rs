//! Who is calling, and for which account group.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::db::api_keys;
use crate::domain::access::AccountGroupAccess;
use crate::domain::api_key::ApiKeySecret;
use crate::domain::id::AccountGroupId;
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::permission::Permission;
use crate::error::Error;
use crate::service::app::App;

/// A valid key and what it may do.
#[derive(Debug, Clone)]
pub struct Caller {
    pub api_key_id: Uuid,
    pub permissions: Vec<Permission>,
    /// The account group asked for; `None` when none was, it does not exist, or the key may not see it.
    pub account_group: Option<AccountGroupAccess>,
}

/// Finds the key and all that the request needs to know of its account group, in one round trip.
///
/// # Errors
/// [`Error::Unauthenticated`] when no such key is valid now; faults of the database.
pub async fn authenticate(
    app: &App,
    secret: &ApiKeySecret,
    account_group: Option<&AccountGroupId>,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Caller, Error> {
    let digest = secret.digest();
    let mut connection = app.database.acquire().await?;
    let found = api_keys::authenticate(
        &mut connection,
        &digest,
        app.key_kind,
        account_group,
        idempotency_key,
    )
    .await?;
    drop(connection);
    // The index found the digest; the comparison that counts takes the same time for every digest.
    let found = found.filter(|found| bool::from(found.secret_sha256.ct_eq(&digest)));
    let found = found.ok_or(Error::Unauthenticated)?;
    if found.last_use_is_stale {
        app.last_uses.note(found.api_key_id);
    }
    Ok(Caller {
        api_key_id: found.api_key_id,
        permissions: found.permissions,
        account_group: found.account_group,
    })
}

/// Keys used since the last flush whose stored last use is out of date. Collected here, so that a
/// request does not pay for the write.
#[derive(Debug, Default)]
pub struct LastUses(Mutex<HashSet<Uuid>>);

impl LastUses {
    fn note(&self, api_key: Uuid) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(api_key);
    }

    fn take(&self) -> Vec<Uuid> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .collect()
    }
}

/// Writes the last uses noted so far.
///
/// # Errors
/// Faults of the database; what was noted is then noted again by the next use.
pub async fn flush_last_uses(app: &App) -> Result<(), Error> {
    let used = app.last_uses.take();
    if used.is_empty() {
        return Ok(());
    }
    let mut connection = app.database.acquire().await?;
    api_keys::stamp_last_use(&mut connection, &used).await
}
