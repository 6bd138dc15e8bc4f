//! Who is calling, and for which account group.

use uuid::Uuid;

use crate::domain::api_key::ApiKeySecret;
use crate::domain::id::{AccountGroupId, JobId, LinkedinAccountId};
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::job::JobStatus;
use crate::domain::permission::Permission;
use crate::domain::plan::Plan;
use crate::error::Error;
use crate::service::app::App;
use chrono::{DateTime, Utc};

/// A valid key and what it may do.
#[derive(Debug, Clone)]
pub struct Caller {
    pub api_key_id: Uuid,
    pub permissions: Vec<Permission>,
    /// The account group asked for; `None` when none was, it does not exist, or the key may not see it.
    pub account_group: Option<AccountGroupAccess>,
}

/// An account group that the key may use.
#[derive(Debug, Clone)]
pub struct AccountGroupAccess {
    pub id: AccountGroupId,
    pub plan: Plan,
    pub linkedin_account: Option<LinkedinAccountId>,
    pub paused: bool,
    /// The job that the request's idempotency key belongs to.
    pub job_of_key: Option<JobOfKey>,
}

/// A job found by its idempotency key.
#[derive(Debug, Clone)]
pub struct JobOfKey {
    pub job_id: JobId,
    pub status: JobStatus,
    pub created_at: DateTime<Utc>,
    pub fingerprint: Vec<u8>,
}

/// Finds the key and all that the request needs to know of its account group, in one round trip.
///
/// # Errors
/// [`Error::Unauthenticated`] when no such key is valid now; faults of the database.
pub async fn authenticate(
    _app: &App,
    _secret: &ApiKeySecret,
    _account_group: Option<&AccountGroupId>,
    _idempotency_key: Option<&IdempotencyKey>,
) -> Result<Caller, Error> {
    Err(Error::Unauthenticated)
}
