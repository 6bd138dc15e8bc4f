//! What runs leave behind in metrics.

use metrics::{counter, gauge};

use crate::db::job_totals::JobTotals;
use crate::db::queue::{StoredAnswer, StoredEmailStatus};
use crate::domain::start_request::SourceKind;
use crate::worker::run::RunEnd;

/// A worker slot in use, until it is dropped.
pub struct BusySlot(());

impl BusySlot {
    #[must_use]
    pub fn of_run(source: SourceKind) -> Self {
        counter!("prospector_runs_started_total", "source" => source.as_str()).increment(1);
        gauge!("prospector_worker_slots_in_use").increment(1.0);
        Self(())
    }
}

impl Drop for BusySlot {
    fn drop(&mut self) {
        gauge!("prospector_worker_slots_in_use").decrement(1.0);
    }
}

/// A page was committed, between these two totals.
pub fn page_committed(source: SourceKind, before: &JobTotals, after: &JobTotals) {
    let source = source.as_str();
    counter!("prospector_pages_total", "source" => source).increment(1);
    let outcomes = [
        ("imported", before.imported, after.imported),
        ("duplicate", before.duplicates, after.duplicates),
        ("invalid", before.invalid, after.invalid),
        ("not_found", before.not_found, after.not_found),
        ("failed", before.failed, after.failed),
        ("suppressed", before.suppressed, after.suppressed),
    ];
    for (outcome, before, after) in outcomes {
        counter!("prospector_prospects_total", "source" => source, "outcome" => outcome)
            .increment(after.saturating_sub(before).into());
    }
    let charged = after.credits_charged.saturating_sub(before.credits_charged);
    counter!("prospector_credits_charged_total", "kind" => "import")
        .increment(u64::try_from(charged).unwrap_or(0));
}

/// A batch of look-ups was committed. Each answer was charged one credit.
pub fn batch_committed(answers: &[StoredAnswer]) {
    for answer in answers {
        let outcome = match answer.email_status {
            StoredEmailStatus::Valid => "valid",
            StoredEmailStatus::Unverified => "unverified",
            StoredEmailStatus::NotFound => "not_found",
        };
        counter!("prospector_email_lookups_total", "outcome" => outcome).increment(1);
    }
    let charged = u64::try_from(answers.len()).unwrap_or(0);
    counter!("prospector_credits_charged_total", "kind" => "email").increment(charged);
}

/// A run let go of its job.
pub fn run_ended(end: RunEnd) {
    let end = match end {
        RunEnd::Completed => "completed",
        RunEnd::Failed(_) => "failed",
        RunEnd::Waiting(_) => "waiting",
        RunEnd::HandedBack => "handed_back",
        RunEnd::LeaseLost => "lease_lost",
        RunEnd::BrokenOff => "broken_off",
    };
    counter!("prospector_runs_ended_total", "end" => end).increment(1);
}
