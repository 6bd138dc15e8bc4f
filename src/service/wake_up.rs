//! Telling workers that a job was queued.

use tokio::sync::Notify;

/// The signals that a start gives. Each remembers one call, so that none is lost between two looks.
#[derive(Debug, Default)]
pub struct WakeUp {
    /// For the workers of this process.
    pub local: Notify,
    /// For whoever tells the other processes.
    pub remote: Notify,
}

impl WakeUp {
    /// A job is due.
    pub fn job_queued(&self) {
        self.local.notify_one();
        self.remote.notify_one();
    }
}
