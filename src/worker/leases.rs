//! The leases that this process holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::db::queue::Lease;

/// All leases held here, each with the signal that it is lost.
#[derive(Debug, Default)]
pub struct Leases(Mutex<HashMap<Uuid, (Lease, CancellationToken)>>);

impl Leases {
    /// Takes note of a lease. The token is cancelled when the lease turns out to be lost.
    pub fn hold(&self, lease: &Lease) -> CancellationToken {
        let lost = CancellationToken::new();
        self.locked()
            .insert(lease.token, (lease.clone(), lost.clone()));
        lost
    }

    /// The run has let go of its job.
    pub fn let_go(&self, lease: &Lease) {
        self.locked().remove(&lease.token);
    }

    #[must_use]
    pub fn held(&self) -> Vec<Lease> {
        self.locked()
            .values()
            .map(|(lease, _)| lease.clone())
            .collect()
    }

    /// Tells the runs of these leases to stop.
    pub fn lost(&self, tokens: &[Uuid]) {
        let leases = self.locked();
        for (lease, lost) in tokens.iter().filter_map(|token| leases.get(token)) {
            tracing::warn!(account_group = %lease.account_group, job = %lease.job, "lease lost");
            lost.cancel();
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (Lease, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
