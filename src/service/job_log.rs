//! The one log line, and the count, that the end of a job leaves behind.

use metrics::counter;

use crate::db::job_totals::JobTotals;
use crate::domain::job::{JobErrorCode, JobStatus};
use crate::domain::start_request::SourceKind;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    Completed,
    Failed(JobErrorCode),
    Cancelled,
}

impl JobEnd {
    #[must_use]
    pub fn status(self) -> JobStatus {
        match self {
            Self::Completed => JobStatus::Completed,
            Self::Failed(_) => JobStatus::Failed,
            Self::Cancelled => JobStatus::Cancelled,
        }
    }
}

/// Tells that a job has ended. To be called within a span that names the job, by whoever made the
/// write that ended it. Without totals when they could not be read any more.
pub fn job_ended(source: SourceKind, end: JobEnd, totals: Option<JobTotals>) {
    let status = end.status().as_str();
    counter!("prospector_jobs_ended_total", "source" => source.as_str(), "status" => status)
        .increment(1);
    let code = match end {
        JobEnd::Failed(code) => Some(code.as_str()),
        JobEnd::Completed | JobEnd::Cancelled => None,
    };
    let Some(totals) = totals else {
        tracing::info!(status, code, "job ended");
        return;
    };
    tracing::info!(
        status,
        code,
        fetched = totals.fetched,
        imported = totals.imported,
        duplicates = totals.duplicates,
        invalid = totals.invalid,
        not_found = totals.not_found,
        failed = totals.failed,
        suppressed = totals.suppressed,
        emails_found = totals.emails_found,
        credits_charged = totals.credits_charged,
        seconds = totals.age.as_secs_f64(),
        "job ended"
    );
}
