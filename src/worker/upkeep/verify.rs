//! Once a day one process compares every balance and reservation with the ledger and the jobs; all
//! processes show what came of it.

use std::time::Duration;

use crate::db::credits::Verification;
use crate::db::upkeep::{self, DailyTask, LastRun, Turn};
use crate::error::Error;
use crate::service::operator::{Refusal, verify_credits};
use crate::worker::context::WorkerContext;

/// Less than the hour after which another process takes over.
const TIME_MAX: Duration = Duration::from_secs(50 * 60);
/// Differences that are written to the log.
const LOGGED_MAX: usize = 20;

/// Compares the books if that is due, and shows the last result, whoever found it.
///
/// # Errors
/// Faults of the database, or the books took too long. It is tried again in an hour.
pub async fn verify_ledger_daily(context: &WorkerContext) -> Result<Option<LastRun>, Error> {
    let task = DailyTask::VerifyLedger;
    let turn = upkeep::begin_daily(&mut *context.upkeep.acquire().await?, task).await?;
    let last = match turn {
        Turn::NotDue(last) => last,
        Turn::Ours => {
            let verifying = tokio::time::timeout(TIME_MAX, verify_credits(&context.upkeep));
            let found = match verifying.await {
                Ok(Ok(found)) => found,
                Ok(Err(Refusal::Failed(error))) => return Err(error),
                Ok(Err(refusal)) => return Err(Error::internal(refusal)),
                Err(elapsed) => return Err(Error::database_unavailable(elapsed)),
            };
            tell(&found);
            let result = i64::try_from(found.differences.len()).unwrap_or(i64::MAX);
            let mut connection = context.upkeep.acquire().await?;
            Some(upkeep::finish_daily(&mut connection, task, result).await?)
        }
    };
    if let Some(last) = &last {
        show(last);
    }
    Ok(last)
}

fn tell(found: &Verification) {
    for difference in found.differences.iter().take(LOGGED_MAX) {
        tracing::error!(
            account_group = difference.account_group_id,
            what = difference.what,
            stored = difference.stored,
            computed = difference.computed,
            job = difference.job_id,
            "the books differ from the ledger: run `prospector credits verify`"
        );
    }
    tracing::info!(
        account_groups = found.account_groups,
        differences = found.differences.len(),
        "ledger verified"
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and seconds are far below 2^53"
)]
fn show(last: &LastRun) {
    metrics::gauge!("prospector_ledger_differences").set(last.result as f64);
    metrics::gauge!("prospector_ledger_verified_timestamp_seconds")
        .set(last.finished_at.timestamp() as f64);
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn the_last_result_is_shown_as_metrics() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let last = LastRun {
            finished_at: DateTime::from_timestamp(1_800_000_000, 500).unwrap(),
            result: 3,
        };
        metrics::with_local_recorder(&recorder, || show(&last));
        let shown = recorder.handle().render();
        for line in [
            "prospector_ledger_differences 3",
            "prospector_ledger_verified_timestamp_seconds 1800000000",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{shown}");
        }
    }
}
