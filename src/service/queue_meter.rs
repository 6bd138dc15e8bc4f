//! Keeps the metrics of the queue current.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::gauge;

use crate::db::pool::Database;
use crate::db::queue_sample::{OpenState, QueueSample, sample_queue};
use crate::domain::job::WaitingReason;
use crate::domain::start_request::SourceKind;
use crate::error::Error;

/// How long counting may take before the figures count as unknown.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts the jobs of the database. Figures that could not be had are shown as not a number, so that
/// nobody takes old ones for new.
///
/// # Errors
/// Faults of the database.
pub async fn measure_queue(database: &Database) -> Result<(), Error> {
    let sampling = async { sample_queue(&mut *database.acquire().await?).await };
    let sampled = tokio::time::timeout(PATIENCE, sampling).await;
    let sampled = sampled.unwrap_or_else(|elapsed| Err(Error::database_unavailable(elapsed)));
    show(sampled.as_ref().ok());
    sampled.map(|_| ())
}

fn show(sample: Option<&QueueSample>) {
    let waiting = WaitingReason::ALL.iter().copied().map(OpenState::Waiting);
    let states = [OpenState::Queued, OpenState::Running];
    for state in states.into_iter().chain(waiting) {
        for source in SourceKind::ALL {
            let jobs = sample.map(|sample| jobs_of(sample, state, source));
            let label = match state {
                OpenState::Queued => "queued".to_owned(),
                OpenState::Running => "running".to_owned(),
                OpenState::Waiting(reason) => format!("waiting_{reason}"),
            };
            gauge!("prospector_jobs", "state" => label, "source" => source.as_str())
                .set(known(jobs));
        }
    }
    let due = sample.map(|sample| as_float(sample.due));
    gauge!("prospector_queue_due_jobs").set(known(due));
    let oldest = sample.map(|sample| sample.oldest_due.unwrap_or_default().as_secs_f64());
    gauge!("prospector_queue_oldest_due_seconds").set(known(oldest));
    if sample.is_some() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs_f64();
        gauge!("prospector_queue_sampled_timestamp_seconds").set(now);
    }
}

fn jobs_of(sample: &QueueSample, state: OpenState, source: SourceKind) -> f64 {
    let counted = sample.jobs.iter();
    let of_both =
        counted.filter(|(of_state, of_source, _)| (*of_state, *of_source) == (state, source));
    as_float(of_both.map(|(.., jobs)| jobs).sum())
}

/// Exact up to what is ever counted.
fn as_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn known(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
