//! The run of a claimed job, from its claim until its lease is let go.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tracing::{Instrument, Span, field};

use crate::db::queue::Lease;
use crate::telemetry::spans::continue_trace;
use crate::worker::pool::Pool;
use crate::worker::progress::{BusySlot, run_ended};
use crate::worker::run::{Run, RunEnd, StopSignals};

impl Pool {
    pub(super) async fn run(&self, lease: &Lease) {
        let busy = BusySlot::of_run(lease.source);
        let span = run_span(lease);
        if let Some(parent) = &lease.trace.parent {
            continue_trace(&span, parent);
        }
        let lost = self.leases.hold(lease);
        let stop = StopSignals {
            lost,
            finish_page: self.signals.shutdown.clone(),
            give_up_page: self.signals.hurry.clone(),
        };
        let began = tokio::time::Instant::now();
        let running = async {
            tracing::info!("job claimed");
            let run = Run::new(&self.context, lease, stop);
            let end = AssertUnwindSafe(run.carry_on()).catch_unwind().await;
            let end = match end {
                Ok(end) => end,
                Err(_) => {
                    tracing::error!("the run panicked");
                    run.break_off_after_panic().await
                }
            };
            run_ended(end);
            log_end(end, began.elapsed().as_secs_f64());
        };
        running.instrument(span).await;
        self.leases.let_go(lease);
        drop(busy);
    }
}

/// What the log lines of a run carry. At error level, as the span of a request.
pub(super) fn run_span(lease: &Lease) -> Span {
    tracing::error_span!(
        "run",
        account_group = %lease.account_group,
        job = %lease.job,
        source = lease.source.as_str(),
        trace_id = lease.trace.trace_id.as_ref().map(field::display),
    )
}

/// The line of a run that let go of its job; that of the job's end is written where it is made.
fn log_end(end: RunEnd, seconds: f64) {
    match end {
        RunEnd::Completed | RunEnd::Failed(_) => tracing::debug!(seconds, "run ended"),
        RunEnd::Waiting(reason) => tracing::info!(seconds, reason = reason.as_str(), "job waits"),
        RunEnd::HandedBack => tracing::info!(seconds, "job handed back"),
        RunEnd::BrokenOff => tracing::warn!(seconds, "run broken off"),
        RunEnd::LeaseLost => tracing::warn!(
            seconds,
            "run stopped: the job has ended elsewhere, was cancelled, or its lease is lost"
        ),
    }
}
