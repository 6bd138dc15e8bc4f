//! The claim loop: a job for every free slot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::histogram;
use tokio::sync::Semaphore;

use crate::db::queue::{self, ClaimOutcome, Lease};
use crate::domain::retry::wait_before_retry;
use crate::error::Error;
use crate::worker::pool::{Pool, jittered};

/// How often the queue is looked at when nothing wakes the pool, on average.
const POLL: Duration = Duration::from_millis(500);
/// After so many lanes in a row without a due job the claim loop rests for a moment.
const LANES_IN_A_ROW: u32 = 16;
const LANE_PAUSE: Duration = Duration::from_millis(20);

impl Pool {
    pub(super) async fn claim_jobs(self: &Arc<Self>) {
        let slots = Arc::new(Semaphore::new(self.context.limits.concurrency));
        loop {
            let slot = tokio::select! {
                biased;
                () = self.signals.shutdown.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let (Ok(slot), Some(lease)) = (slot, self.next_job().await) else {
                return;
            };
            let pool = Arc::clone(self);
            self.runs.spawn(async move {
                pool.run(&lease).await;
                // The slot goes with the task, so that even a panic frees it.
                drop(slot);
                // The group may have another job, for which its lane has room now.
                pool.context.wake_up.local.notify_one();
            });
        }
    }

    /// The next claimed job; `None` at the shutdown.
    async fn next_job(&self) -> Option<Lease> {
        let mut failures = 0;
        let mut empty_lanes = 0;
        loop {
            if self.signals.shutdown.is_cancelled() {
                return None;
            }
            let pause = match self.claim().await {
                Ok(ClaimOutcome::Claimed(lease)) => return Some(lease),
                Ok(ClaimOutcome::LaneWithoutDueJob) => {
                    empty_lanes += 1;
                    // A lane whose credit account is locked cannot be parked: no use asking on and on.
                    if empty_lanes % LANES_IN_A_ROW != 0 {
                        continue;
                    }
                    LANE_PAUSE
                }
                Ok(ClaimOutcome::NothingOpen) => {
                    failures = 0;
                    jittered(POLL)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        failures,
                        "no job can be claimed"
                    );
                    wait_before_retry(failures.min(4), rand::random())
                        .max(Duration::from_millis(100))
                }
            };
            // A wake-up that came since the last look is remembered, so none is lost in between.
            tokio::select! {
                () = self.signals.shutdown.cancelled() => return None,
                () = self.context.wake_up.local.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn claim(&self) -> Result<ClaimOutcome, Error> {
        let limits = &self.context.limits;
        let claiming = async {
            let mut connection = self.context.database.acquire().await?;
            queue::claim_job(
                &mut connection,
                limits.lease,
                limits.running_per_account_group,
            )
            .await
        };
        let began = Instant::now();
        let claimed = self.context.bounded(claiming).await;
        let outcome = match &claimed {
            Ok(ClaimOutcome::Claimed(_)) => "claimed",
            Ok(_) => "empty",
            Err(_) => "error",
        };
        histogram!("prospector_claim_seconds", "outcome" => outcome)
            .record(began.elapsed().as_secs_f64());
        claimed
    }
}
