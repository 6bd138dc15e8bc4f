//! The worker pool: claims jobs while it has room, keeps their leases alive, and puts back what
//! others left behind.
//!
//! Four supervisors run side by side: the claim loop, the heartbeat, the reaper and the listener for
//! the wake-ups of other processes. None of them ends before the shutdown; if one does, by a panic
//! or otherwise, the pool says so and the process must end, since jobs would silently stand still.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics::{counter, histogram};
use sqlx::postgres::PgListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, field};

use crate::db::queue::{self, BreakOff, BreakOffOutcome, CHANNEL, ClaimOutcome, Lease};
use crate::domain::job::JobErrorCode;
use crate::domain::retry::wait_before_retry;
use crate::error::Error;
use crate::service::job_log::JobEnd;
use crate::telemetry::spans::continue_trace;
use crate::worker::context::WorkerContext;
use crate::worker::leases::Leases;
use crate::worker::progress::{BusySlot, run_ended};
use crate::worker::run::{Run, RunEnd, StopSignals, tell_end};

/// How often the queue is looked at when nothing wakes the pool, on average.
const POLL: Duration = Duration::from_millis(500);
const REAP_EVERY: Duration = Duration::from_secs(1);
/// Expired leases broken in one pass of the reaper.
const REAPED_PER_PASS: i64 = 100;
/// After so many lanes in a row without a due job the claim loop rests for a moment.
const LANES_IN_A_ROW: u32 = 16;
const LANE_PAUSE: Duration = Duration::from_millis(20);
/// Wake-ups for other processes within this time share one notification.
const NOTIFY_PAUSE: Duration = Duration::from_millis(20);

/// A supervisor ended although nobody had asked it to.
#[derive(Debug, thiserror::Error)]
#[error("the {0} ended unexpectedly")]
pub struct SupervisorEnded(&'static str);

/// The signals that take the pool down.
#[derive(Debug, Clone, Default)]
pub struct PoolSignals {
    /// Claim nothing more; finish the pages at hand and hand the jobs back.
    pub shutdown: CancellationToken,
    /// Give the pages at hand up, too.
    pub hurry: CancellationToken,
}

struct Pool {
    context: Arc<WorkerContext>,
    signals: PoolSignals,
    leases: Leases,
    runs: TaskTracker,
}

/// Runs jobs until the shutdown is signalled, then returns once every lease is handed back.
///
/// # Errors
/// [`SupervisorEnded`]: the process cannot go on.
pub async fn run_pool(
    context: Arc<WorkerContext>,
    signals: PoolSignals,
) -> Result<(), SupervisorEnded> {
    let pool = Arc::new(Pool {
        context,
        signals,
        leases: Leases::default(),
        runs: TaskTracker::new(),
    });
    // Heartbeats go on until the last run has let go of its job.
    let drained = CancellationToken::new();
    let mut supervisors: JoinSet<&'static str> = JoinSet::new();
    {
        let (pool, drained) = (Arc::clone(&pool), drained.clone());
        supervisors.spawn(named("claim loop", async move {
            pool.claim_jobs().await;
            pool.runs.close();
            pool.runs.wait().await;
            drained.cancel();
        }));
    }
    {
        let (pool, drained) = (Arc::clone(&pool), drained.clone());
        supervisors.spawn(named("heartbeat", async move {
            pool.prolong_leases(&drained).await
        }));
    }
    {
        let pool = Arc::clone(&pool);
        supervisors.spawn(named(
            "reaper",
            async move { pool.reap_expired_leases().await },
        ));
    }
    {
        let pool = Arc::clone(&pool);
        supervisors.spawn(named("listener", async move { pool.listen().await }));
    }
    supervise(supervisors, &pool.signals.shutdown).await
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    // A panic is the end of the supervisor, told by name.
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        tracing::error!(supervisor = name, "a supervisor panicked");
    }
    name
}

/// Waits for all supervisors. Before the shutdown none may end.
async fn supervise(
    mut supervisors: JoinSet<&'static str>,
    shutdown: &CancellationToken,
) -> Result<(), SupervisorEnded> {
    while let Some(ended) = supervisors.join_next().await {
        if !shutdown.is_cancelled() {
            return Err(SupervisorEnded(ended.unwrap_or("supervisor")));
        }
    }
    Ok(())
}

/// Tells other processes of jobs queued in this one, until the shutdown. For processes that start
/// jobs, with workers of their own or without.
///
/// The first wake-up goes out at once and those of the next moment share another: notifications make
/// commits wait for each other, so that one per start would slow all starts down.
pub async fn notify_other_processes(context: Arc<WorkerContext>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = context.wake_up.remote.notified() => {}
        }
        let notified =
            async { queue::notify_workers(&mut *context.database.acquire().await?).await };
        if let Err(error) = context.bounded(notified).await {
            // The others find the job by polling.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "other processes were not woken"
            );
        }
        tokio::time::sleep(NOTIFY_PAUSE).await;
    }
}

/// What the log lines of a run carry. At error level, as the span of a request.
fn run_span(lease: &Lease) -> Span {
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

fn jittered(average: Duration) -> Duration {
    average.mul_f64(0.5 + rand::random::<f64>())
}

impl Pool {
    async fn claim_jobs(self: &Arc<Self>) {
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

    async fn run(&self, lease: &Lease) {
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
                    run.break_off().await
                }
            };
            run_ended(end);
            log_end(end, began.elapsed().as_secs_f64());
        };
        running.instrument(span).await;
        self.leases.let_go(lease);
        drop(busy);
    }

    async fn prolong_leases(&self, drained: &CancellationToken) {
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

    async fn reap_expired_leases(&self) {
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

    /// Wakes the pool when another process queues a job. While the connection is lost, polling finds
    /// what is missed.
    async fn listen(&self) {
        let mut failures = 0;
        while !self.signals.shutdown.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(self.context.listening.pool()).await?;
                listener.listen(CHANNEL).await?;
                loop {
                    // `None`: the connection was lost and made again; something may have been missed.
                    listener.try_recv().await?;
                    self.context.wake_up.local.notify_one();
                }
            };
            let ended: Result<(), sqlx::Error> = tokio::select! {
                () = self.signals.shutdown.cancelled() => return,
                ended = listening => ended,
            };
            failures += 1;
            if let Err(error) = ended {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    failures,
                    "the listener lost its connection"
                );
            }
            tokio::select! {
                () = self.signals.shutdown.cancelled() => return,
                () = tokio::time::sleep(wait_before_retry(failures.min(6), rand::random())) => {}
            }
        }
    }
}
