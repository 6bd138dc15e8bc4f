//! How many jobs there are to do.

use std::time::Duration;

use sqlx::PgConnection;

use crate::db::known_text;
use crate::domain::job::WaitingReason;
use crate::domain::start_request::SourceKind;
use crate::error::Error;

/// Jobs counted of each state. Beyond that the count is no longer exact, and the queue long anyway.
pub const COUNTED_MAX: i64 = 100_000;

/// Where a job stands that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenState {
    Queued,
    Waiting(WaitingReason),
    Running,
}

/// The jobs that have not ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueSample {
    pub jobs: Vec<(OpenState, SourceKind, u64)>,
    /// Queued and due, for their first run or after a wait.
    pub due: u64,
    /// How long the longest due of them is due.
    pub oldest_due: Option<Duration>,
}

/// Counts the jobs that have not ended, up to [`COUNTED_MAX`] queued and as many running ones. What it
/// costs does not depend on how many have ended.
pub async fn sample_queue(connection: &mut PgConnection) -> Result<QueueSample, Error> {
    let rows = sqlx::query!(
        r#"
        select status as "status!", source as "source!", waiting_reason, jobs as "jobs!", due as "due!", oldest_due
        from count_open_jobs_v1($1)
        "#,
        COUNTED_MAX,
    )
    .fetch_all(connection)
    .await?;
    let mut sample = QueueSample::default();
    for row in rows {
        let reason = row.waiting_reason.as_deref();
        let state = match (row.status.as_str(), reason) {
            ("running", _) => OpenState::Running,
            (_, None) => OpenState::Queued,
            (_, Some(text)) => {
                let reason = WaitingReason::from_text(text);
                OpenState::Waiting(known_text("waiting reason", text, reason)?)
            }
        };
        let source = SourceKind::from_text(&row.source);
        let source = known_text("source", &row.source, source)?;
        sample.jobs.push((state, source, row.jobs.unsigned_abs()));
        sample.due += row.due.unsigned_abs();
        let oldest = row.oldest_due.map(Duration::try_from_secs_f64);
        sample.oldest_due = sample.oldest_due.max(oldest.and_then(Result::ok));
    }
    Ok(sample)
}
