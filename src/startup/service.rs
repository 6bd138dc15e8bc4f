//! The service: API, workers and their helpers as one set of tasks that live and end together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{InvalidSettings, Provider, ServiceSettings};
use crate::db::pool::Database;
use crate::http::metrics::MetricsPage;
use crate::http::router::{HttpSettings, HttpState, ServedRoutes, metrics_router, router};
use crate::http::server::{ServerLimits, serve};
use crate::service::app::App;
use crate::service::authentication::flush_last_uses;
use crate::service::queue_meter::measure_queue;
use crate::startup::contexts::{Contexts, worker_limits};
use crate::startup::database::OpenDatabase;
use crate::startup::erasure_key::{self, ErasureKeyError};
use crate::startup::upstreams::{Upstreams, UpstreamsError, run_sandbox};
use crate::telemetry::metrics::{Measured, start_measuring};
use crate::worker::context::WorkerContext;
use crate::worker::pool::notifications::notify_other_processes;
use crate::worker::pool::{PoolSignals, run_pool};
use crate::worker::upkeep::run_upkeep;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A client that takes nothing of its answer for so long is cut.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const FLUSH_LAST_USES_EVERY: Duration = Duration::from_secs(10);
const MEASURE_EVERY: Duration = Duration::from_secs(15);
const WATCH_DATABASE_EVERY: Duration = Duration::from_secs(1);
/// What is kept of the grace period for handing jobs back once their pages are given up.
const HURRY_TIME: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(transparent)]
    Upstreams(#[from] UpstreamsError),
    #[error(transparent)]
    ErasureKey(#[from] ErasureKeyError),
    #[error(
        "{address} cannot be listened on: {source}; set {setting} to another one, or stop what uses it"
    )]
    Listen {
        setting: &'static str,
        address: SocketAddr,
        source: std::io::Error,
    },
}

/// A part of the service ended by itself, so that the process must end too.
#[derive(Debug, thiserror::Error)]
#[error("{part} ended: {why}")]
pub struct PartEnded {
    part: &'static str,
    why: String,
}

/// A running service.
pub struct Service {
    /// Where the API listens.
    pub address: SocketAddr,
    app: Arc<App>,
    worker: Arc<WorkerContext>,
    signals: PoolSignals,
    /// Stops the parts that outlive the others: the sandbox, which the pages at hand need, and the
    /// metrics on an address of their own, by which the rest is watched to its end.
    last_stop: CancellationToken,
    last_parts: usize,
    grace: Duration,
    parts: JoinSet<Result<(), PartEnded>>,
}

impl Service {
    /// Listens, and starts every part. The database is migrated by now.
    ///
    /// # Errors
    /// [`StartError`], which names the next step.
    pub async fn start(
        settings: &ServiceSettings,
        database: &OpenDatabase,
    ) -> Result<Self, StartError> {
        let (provider, finder) = settings.upstream.resolve()?;
        let address = settings.listen;
        let (listener, address) = listen("LISTEN_ADDR", address).await?;
        let metrics_listener = match settings.metrics_addr {
            Some(address) => Some(listen("METRICS_ADDR", address).await?),
            None => None,
        };

        // Only those who import people need it.
        let erasure_key = if settings.role.runs_jobs() {
            erasure_key::find(&settings.erasure, database).await?
        } else {
            None
        };
        let is_sandbox = matches!(provider, Provider::Sandbox { .. });
        let pacing = settings.upstream.pacing(&provider)?;
        let contexts = Contexts {
            settings,
            database,
            limits: worker_limits(settings, &provider),
            pacing,
            key_kind: provider.key_kind(),
            wake_up: Arc::default(),
        };
        let call_timeout = settings.upstream.timeout();
        let upstreams = Upstreams::build(provider, finder, call_timeout, pacing.gap()).await?;
        let app = contexts.app(&upstreams);
        let worker = contexts.worker(&upstreams, erasure_key);
        let mut service = Self {
            address,
            app,
            worker,
            signals: PoolSignals::default(),
            last_stop: CancellationToken::new(),
            last_parts: 0,
            grace: settings.shutdown_grace(),
            parts: JoinSet::new(),
        };
        service.start_parts(settings, listener, metrics_listener, is_sandbox, database);
        if let Some(sandbox) = upstreams.own_sandbox {
            let until = service.last_stop.clone();
            service.last_parts += 1;
            service.spawn("the sandbox", async move {
                run_sandbox(sandbox, until)
                    .await
                    .map_err(|error| error.to_string())
            });
        }
        Ok(service)
    }

    fn start_parts(
        &mut self,
        settings: &ServiceSettings,
        listener: TcpListener,
        metrics_listener: Option<(TcpListener, SocketAddr)>,
        is_sandbox: bool,
        database: &OpenDatabase,
    ) {
        let shutdown = self.signals.shutdown.clone();
        let http = HttpSettings {
            rate_limit_per_minute: settings.rate_limit_per_minute,
            rate_limit_burst: settings.rate_limit_burst,
            request_timeout: REQUEST_TIMEOUT,
            trusted_proxies: settings.trusted_proxies.clone(),
            sandbox: is_sandbox,
            served_routes: if settings.role.serves_api() {
                ServedRoutes::All
            } else {
                ServedRoutes::ServiceOnly
            },
            draining: shutdown.clone(),
        };
        let limits = ServerLimits {
            connections: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
            write_timeout: WRITE_TIMEOUT,
        };
        let state = HttpState::new(Arc::clone(&self.app), Arc::new(http));
        let state = self.start_metrics(state, metrics_listener, limits);
        let api = router(state);
        let serving = serve(listener, api, limits, shutdown.clone(), self.grace);
        self.spawn("the API", async move {
            serving.await;
            Ok(())
        });
        if settings.role.serves_api() {
            let notifying = notify_other_processes(Arc::clone(&self.worker), shutdown.clone());
            self.spawn("the notifier", async move {
                notifying.await;
                Ok(())
            });
            let flushing = flush_regularly(Arc::clone(&self.app), shutdown.clone());
            self.spawn("the key log", async move {
                flushing.await;
                Ok(())
            });
        }
        if settings.role.runs_jobs() {
            let slots = settings.jobs.worker_concurrency;
            gauge!("prospector_worker_slots").set(f64::from(slots));
            gauge!("prospector_worker_slots_in_use").increment(0.0);
            let pool = run_pool(Arc::clone(&self.worker), self.signals.clone());
            self.spawn("the worker pool", async move {
                pool.await.map_err(|error| error.to_string())
            });
        }
        if settings.role.runs_jobs() {
            let upkeep = run_upkeep(Arc::clone(&self.worker), shutdown.clone());
            self.spawn("the upkeep", async move {
                upkeep.await;
                Ok(())
            });
        }
        if let Some(server) = database.server.clone() {
            self.spawn("the database", async move {
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        () = tokio::time::sleep(WATCH_DATABASE_EVERY) => {}
                    }
                    server.check_alive().map_err(|error| error.to_string())?;
                }
            });
        }
    }

    /// Begins to measure, and shows it: on the address of its own where there is one, else with the
    /// service routes of the state that is returned.
    fn start_metrics(
        &mut self,
        state: HttpState,
        listener: Option<(TcpListener, SocketAddr)>,
        limits: ServerLimits,
    ) -> HttpState {
        let measured = start_measuring();
        let pools = [
            &self.app.database,
            &self.worker.database,
            &self.worker.reserved,
            &self.worker.listening,
            &self.worker.upkeep,
        ];
        let pools = pools.map(Database::clone);
        let page = {
            let measured = measured.clone();
            MetricsPage::new(move || {
                pools.iter().for_each(Database::measure);
                measured.page()
            })
        };
        let measuring = measure_regularly(
            measured,
            Arc::clone(&self.app),
            self.signals.shutdown.clone(),
        );
        self.spawn("the meter", async move {
            measuring.await;
            Ok(())
        });
        let Some((listener, address)) = listener else {
            return state.with_metrics(page);
        };
        tracing::info!(%address, "metrics are shown");
        let router = metrics_router(state.clone().with_metrics(page));
        let serving = serve(listener, router, limits, self.last_stop.clone(), self.grace);
        self.last_parts += 1;
        self.spawn("the metrics", async move {
            serving.await;
            Ok(())
        });
        state
    }

    fn spawn(
        &mut self,
        part: &'static str,
        work: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        self.parts
            .spawn(async move { work.await.map_err(|why| PartEnded { part, why }) });
    }

    /// Runs until `stop` is ready, then ends in order: no new requests or jobs, then requests and
    /// pages at hand are finished, leases handed back, connections closed.
    ///
    /// # Errors
    /// [`PartEnded`]: something that must not end did.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let ended = tokio::select! {
            () = stop => Ok(()),
            ended = self.parts.join_next() => Err(early_end(ended)),
        };
        tracing::info!("shutting down");
        let shut_down = self.shut_down().await;
        ended.and(shut_down)
    }

    async fn shut_down(&mut self) -> Result<(), PartEnded> {
        self.signals.shutdown.cancel();
        let hurry = self.signals.hurry.clone();
        let patience = self.grace.saturating_sub(HURRY_TIME.min(self.grace / 2));
        let parts = &mut self.parts;
        let last = (self.last_parts, &self.last_stop);
        let all_ended = async {
            let mut result = Ok(());
            let mut deadline = std::pin::pin!(tokio::time::sleep(patience));
            loop {
                if parts.len() <= last.0 {
                    last.1.cancel();
                }
                tokio::select! {
                    () = &mut deadline, if !hurry.is_cancelled() => hurry.cancel(),
                    ended = parts.join_next() => match ended {
                        None => return result,
                        Some(Ok(Ok(()))) => {}
                        Some(Ok(Err(error))) => result = Err(error),
                        Some(Err(error)) => result = Err(panicked(&error)),
                    },
                }
            }
        };
        let result = match tokio::time::timeout(self.grace, all_ended).await {
            Ok(result) => result,
            Err(_) => {
                tracing::warn!(
                    "the grace period is over: leases that could not be handed back run out"
                );
                self.parts.abort_all();
                Ok(())
            }
        };
        if let Err(error) = flush_last_uses(&self.app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "last uses of keys were not written"
            );
        }
        for database in [
            &self.app.database,
            &self.worker.database,
            &self.worker.reserved,
            &self.worker.upkeep,
            &self.worker.listening,
            &self.worker.upkeep,
        ] {
            drop(tokio::time::timeout(Duration::from_secs(1), database.close()).await);
        }
        result
    }
}

fn early_end(ended: Option<Result<Result<(), PartEnded>, tokio::task::JoinError>>) -> PartEnded {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => panicked(&error),
        Some(Ok(Ok(()))) | None => PartEnded {
            part: "a part of the service",
            why: "without a reason".to_owned(),
        },
    }
}

fn panicked(error: &tokio::task::JoinError) -> PartEnded {
    PartEnded {
        part: "a part of the service",
        why: error.to_string(),
    }
}

async fn listen(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let fault = |source| StartError::Listen {
        setting,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

/// Counts the jobs of the database, and keeps what is measured tidy.
async fn measure_regularly(measured: Measured, app: Arc<App>, shutdown: CancellationToken) {
    loop {
        let measuring = measure_queue(&app.database);
        match shutdown.run_until_cancelled(measuring).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the jobs of the database were not counted"
            ),
        }
        measured.tidy();
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
}

async fn flush_regularly(app: Arc<App>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(FLUSH_LAST_USES_EVERY) => {}
        }
        if let Err(error) = flush_last_uses(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "last uses of keys were not written"
            );
        }
    }
}
