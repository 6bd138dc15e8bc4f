//! Telling workers that a job was queued or cancelled.

use tokio::sync::Notify;

/// The signals that starts and cancels give. Each remembers one call, so that none is lost between two looks.
#[derive(Debug, Default)]
pub struct WakeUp {
    /// For the workers of this process.
    pub local: Notify,
    /// For whoever tells the other processes.
    pub remote: Notify,
    /// For the heartbeat of this process, which looks at once whether a lease of its own is gone.
    pub leases: Notify,
}

impl WakeUp {
    /// A job is due.
    pub fn job_queued(&self) {
        self.local.notify_one();
        self.remote.notify_one();
    }

    /// A job was cancelled: whoever runs it should stop, and its group may have another one.
    pub fn job_cancelled(&self) {
        self.leases.notify_one();
        self.job_queued();
    }
}
