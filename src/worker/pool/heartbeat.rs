//! The heartbeat: keeps the leases of this process alive.

use tokio_util::sync::CancellationToken;

use crate::db::queue;
use crate::domain::retry::wait_before_retry;
use crate::worker::pool::Pool;

impl Pool {
    pub(super) async fn prolong_leases(&self, drained: &CancellationToken) {
        let mut failures = 0;
        loop {
            let pause = if failures == 0 {
                self.context.limits.lease / 3
            } else {
                wait_before_retry(failures, rand::random()).min(self.context.limits.lease / 6)
            };
            tokio::select! {
                () = drained.cancelled() => return,
                () = self.context.wake_up.leases.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let held = self.leases.held();
            if held.is_empty() {
                continue;
            }
            let prolonged = async {
                let mut connection = self.context.reserved.acquire().await?;
                queue::prolong_leases(&mut connection, &held, self.context.limits.lease).await
            };
            match self.context.bounded(prolonged).await {
                Ok(lost) => {
                    failures = 0;
                    self.leases.lost(&lost);
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        failures,
                        "leases were not prolonged"
                    );
                }
            }
        }
    }
}
