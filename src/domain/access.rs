//! What a caller may see of an account group, read with its key.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::id::{AccountGroupId, JobId, LinkedinAccountId};
use crate::domain::job::JobStatus;
use crate::domain::plan::Plan;
use crate::domain::quota::{ListType, QuotaLimits, QuotaStanding};

/// An account group that the key may use.
#[derive(Debug, Clone)]
pub struct AccountGroupAccess {
    pub id: AccountGroupId,
    pub plan: Plan,
    pub linkedin_account: Option<LinkedinAccountId>,
    pub paused: bool,
    pub quota_used_today: HashMap<ListType, u32>,
    pub quota_resets_at: DateTime<Utc>,
    /// The job that the request's idempotency key belongs to.
    pub job_of_key: Option<JobOfKey>,
}

impl AccountGroupAccess {
    /// What of today's quota for this kind of list is used and left.
    #[must_use]
    pub fn quota(&self, list_type: ListType, limits: &QuotaLimits) -> QuotaStanding {
        QuotaStanding {
            list_type,
            used: self.quota_used_today.get(&list_type).copied().unwrap_or(0),
            limit: limits.of(list_type),
            resets_at: self.quota_resets_at,
        }
    }
}

/// A job found by its idempotency key.
#[derive(Debug, Clone)]
pub struct JobOfKey {
    pub job_id: JobId,
    pub status: JobStatus,
    pub created_at: DateTime<Utc>,
    pub fingerprint: Vec<u8>,
}
