//! How processes tell each other that a job was queued: the notifier and the listener.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use crate::db::queue::{self, CHANNEL};
use crate::domain::retry::wait_before_retry;
use crate::worker::context::WorkerContext;
use crate::worker::pool::Pool;

/// Wake-ups for other processes within this time share one notification.
const NOTIFY_PAUSE: Duration = Duration::from_millis(20);

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

impl Pool {
    /// Wakes the pool when another process queues a job. While the connection is lost, polling finds
    /// what is missed.
    pub(super) async fn listen(&self) {
        let mut failures = 0;
        while !self.signals.shutdown.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(self.context.listening.pool()).await?;
                listener.listen(CHANNEL).await?;
                failures = 0;
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
