//! The reaper: puts back the jobs whose leases ran out, whoever held them.

use std::time::Duration;

use metrics::counter;
use tracing::Instrument;

use crate::db::queue::{self, BreakOff, BreakOffOutcome, Lease};
use crate::domain::job::JobErrorCode;
use crate::error::Error;
use crate::service::job_log::JobEnd;
use crate::worker::pool::runs::run_span;
use crate::worker::pool::{Pool, jittered};
use crate::worker::run::endings::tell_end;

const REAP_EVERY: Duration = Duration::from_secs(1);
/// Expired leases broken in one pass of the reaper.
const REAPED_PER_PASS: i64 = 100;

impl Pool {
    pub(super) async fn reap_expired_leases(&self) {
        loop {
            tokio::select! {
                () = self.signals.shutdown.cancelled() => return,
                () = tokio::time::sleep(jittered(REAP_EVERY)) => {}
            }
            if let Err(error) = self.context.bounded(self.reap()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired leases were not looked for"
                );
            }
        }
    }

    async fn reap(&self) -> Result<(), Error> {
        let mut connection = self.context.database.acquire().await?;
        let expired = queue::list_expired_leases(&mut connection, REAPED_PER_PASS).await?;
        drop(connection);
        for lease in &expired {
            let reaping = Box::pin(self.reap_one(lease));
            reaping.instrument(run_span(lease)).await;
        }
        Ok(())
    }

    /// One job whose locks are held must not keep the others waiting: a fault is only logged.
    async fn reap_one(&self, lease: &Lease) {
        let breaking = async {
            let mut connection = self.context.database.acquire().await?;
            queue::break_off_run(&mut connection, lease, BreakOff::ExpiredOnly).await
        };
        match breaking.await {
            Ok(BreakOffOutcome::LeaseLost) => {}
            Ok(outcome) => {
                counter!("prospector_leases_lost_total").increment(1);
                tracing::warn!(?outcome, "expired lease broken");
                if outcome == BreakOffOutcome::Failed {
                    let end = JobEnd::Failed(JobErrorCode::TooManyAttempts);
                    tell_end(&self.context, lease, end).await;
                }
                self.context.wake_up.local.notify_one();
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired lease not broken"
                );
            }
        }
    }
}
