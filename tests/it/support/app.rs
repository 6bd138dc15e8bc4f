//! The API in process, on a database of its own, with a sandbox on a real socket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use prospector::config::{Finder, Provider, TrustedProxies};
use prospector::db::pool::{Database, PoolLimits};
use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::erasure::ErasureKey;
use prospector::domain::id::{AccountGroupId, JobId};
use prospector::domain::pacing::Pacing;
use prospector::domain::permission::Permission;
use prospector::domain::plan::Plan;
use prospector::domain::quota::QuotaLimits;
use prospector::http::metrics::MetricsPage;
use prospector::http::router::{HttpSettings, HttpState, ServedRoutes, router};
use prospector::service::app::App;
use prospector::service::linkedin_health::LinkedinHealth;
use prospector::service::linkedin_turns::LinkedinTurns;
use prospector::service::operator::{self, KeyOrder, NewAccountGroup};
use prospector::startup::upstreams::{Upstreams, run_sandbox};
use prospector::telemetry::metrics::start_measuring;
use prospector::worker::context::{WorkerContext, WorkerLimits};
use prospector::worker::pool::{PoolSignals, run_pool};
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::answer::Answer;
use crate::support::by_hand::erasure_key;
use crate::support::database::{connect, fresh_database};
use crate::support::openapi::OpenApi;
use crate::support::proxy::DatabaseProxy;

/// The longest that a test waits for a state.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that one call of an upstream may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What a test may want otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) plan: Plan,
    pub(crate) credits: i64,
    pub(crate) linkedin_account: Option<&'static str>,
    pub(crate) rate_limit_per_minute: u32,
    pub(crate) rate_limit_burst: u32,
    pub(crate) request_timeout: Duration,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) quotas: QuotaLimits,
    pub(crate) lease: Duration,
    pub(crate) step_timeout: Duration,
    pub(crate) running_per_account_group: u32,
    pub(crate) finder: Finder,
    pub(crate) erasure_key: Option<ErasureKey>,
    pub(crate) retention_days: Option<u32>,
    /// Another provider than a sandbox of the test's own.
    pub(crate) provider: Provider,
    pub(crate) upstream_timeout: Duration,
    pub(crate) pacing: Pacing,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            plan: Plan::Starter,
            credits: 10_000,
            linkedin_account: Some("acc_01test"),
            rate_limit_per_minute: 600,
            rate_limit_burst: 100_000,
            request_timeout: Duration::from_secs(30),
            trusted_proxies: TrustedProxies::default(),
            quotas: QuotaLimits {
                linkedin_classic: 100_000,
                sales_navigator: 100_000,
                post_commenters: 100_000,
                url_upload: 100_000,
            },
            lease: Duration::from_secs(30),
            step_timeout: Duration::from_secs(120),
            running_per_account_group: 1,
            finder: Finder::Sandbox,
            erasure_key: Some(erasure_key()),
            retention_days: None,
            provider: Provider::Sandbox { url: None },
            upstream_timeout: CALL_TIMEOUT,
            pacing: Pacing::Off,
        }
    }
}

pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) app: Arc<App>,
    pub(crate) worker: Arc<WorkerContext>,
    pub(crate) database: PgConnectOptions,
    /// The account group of [`Setup`], and a key that may do everything with it.
    pub(crate) group: AccountGroupId,
    pub(crate) key: ApiKeySecret,
    _background: JoinSet<()>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let database = fresh_database().await;
        Self::on(database.clone(), &database, setup).await
    }

    /// Its pools reach the database through a proxy; the test's own connections do not.
    pub(crate) async fn behind_proxy(setup: Setup) -> (Self, DatabaseProxy) {
        let database = fresh_database().await;
        let proxy = DatabaseProxy::start(&database);
        let app = Self::on(database, proxy.options(), setup).await;
        (app, proxy)
    }

    /// Of one database, reached by the program in one way and by the test in another.
    async fn on(database: PgConnectOptions, of_pools: &PgConnectOptions, setup: Setup) -> Self {
        let pool = |connections| {
            Database::new(
                of_pools,
                PoolLimits {
                    connections,
                    statement_timeout: Duration::from_secs(15),
                    idle_in_transaction_timeout: Duration::from_secs(5),
                },
            )
        };
        let upstreams = upstreams_of(&setup).await;
        let mut background = JoinSet::new();
        if let Some(sandbox) = upstreams.own_sandbox {
            let running = run_sandbox(sandbox, CancellationToken::new());
            background.spawn(async move { running.await.unwrap() });
        }
        let (for_requests, for_jobs) = (pool(10), pool(5));
        let turns = |database: &Database| {
            LinkedinTurns::new(database.clone(), setup.pacing, setup.upstream_timeout)
        };
        let app = Arc::new(App {
            linkedin_turns: turns(&for_requests),
            database: for_requests,
            key_kind: KeyKind::Test,
            quota_limits: setup.quotas,
            linkedin: Arc::clone(&upstreams.provider),
            linkedin_health: LinkedinHealth::new(Arc::clone(&upstreams.provider)),
            email_finder: upstreams.email_finder.clone(),
            wake_up: Arc::default(),
            last_uses: Default::default(),
        });
        let worker = Arc::new(WorkerContext {
            turns: turns(&for_jobs),
            database: for_jobs,
            reserved: pool(1),
            upkeep: pool(1),
            listening: pool(1),
            provider: upstreams.provider,
            email_finder: upstreams.email_finder,
            wake_up: Arc::clone(&app.wake_up),
            erasure_key: setup.erasure_key.clone(),
            limits: worker_limits(&setup),
        });
        let settings = HttpSettings {
            rate_limit_per_minute: setup.rate_limit_per_minute,
            rate_limit_burst: setup.rate_limit_burst,
            request_timeout: setup.request_timeout,
            trusted_proxies: setup.trusted_proxies.clone(),
            sandbox: true,
            served_routes: ServedRoutes::All,
            draining: CancellationToken::new(),
        };
        let router = measured_router(&app, settings);
        let (group, key) = make_group(&app.database, &setup).await;
        Self {
            router,
            app,
            worker,
            database,
            group,
            key,
            _background: background,
        }
    }

    /// The program once more, on the same database, with another account group.
    pub(crate) async fn beside(&self, setup: Setup) -> Self {
        Self::on(self.database.clone(), &self.database, setup).await
    }

    /// Another account group, with a key for it alone.
    pub(crate) async fn another_group(&self, setup: &Setup) -> (AccountGroupId, ApiKeySecret) {
        make_group(&self.app.database, setup).await
    }

    /// A connection past the program, to look at what is stored.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.database).await
    }

    /// Sends a request as it is and checks the answer against the document.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let status = parts.status.as_u16();
        if let Err(fault) =
            OpenApi::get().check_response(method.as_str(), &path, status, &parts.headers, &bytes)
        {
            panic!("{method} {path} was answered otherwise than openapi.yaml says: {fault}");
        }
        Answer {
            status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// A request with the key of the test's group.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {}", self.key.reveal()))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// A path below the test's account group.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/accounts/{}/{rest}", self.group)
    }

    pub(crate) async fn post_job(&self, body: &Value) -> Answer {
        self.post_raw(body.to_string(), None).await
    }

    pub(crate) async fn post_job_with_key(&self, body: &Value, idempotency_key: &str) -> Answer {
        self.post_raw(body.to_string(), Some(idempotency_key)).await
    }

    pub(crate) async fn post_raw(
        &self,
        body: impl Into<Body>,
        idempotency_key: Option<&str>,
    ) -> Answer {
        let mut request = self
            .request("POST", &self.path("prospecting"))
            .header("Content-Type", "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Starts a job that must be accepted.
    pub(crate) async fn start_job(&self, body: &Value) -> JobId {
        self.post_job(body).await.expect_status(202).job_id()
    }

    pub(crate) async fn job(&self, job: &JobId) -> Value {
        self.get(&self.path(&format!("prospecting/{job}")))
            .await
            .expect_status(200)
            .data()
            .clone()
    }

    /// All rows of a job, read page by page.
    pub(crate) async fn rows(&self, job: &JobId) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .get(&self.path(&format!("prospecting/{job}/prospects?limit=100{cursor}")))
                .await;
            let page = page.expect_status(200);
            rows.extend(page.data()["items"].as_array().unwrap().iter().cloned());
            match page.data()["nextCursor"].as_str() {
                Some(next) if page.data()["hasMore"] == json!(true) => {
                    cursor = format!("&cursor={next}")
                }
                _ => return rows,
            }
        }
    }

    pub(crate) async fn credits(&self) -> Value {
        self.get(&self.path("credits"))
            .await
            .expect_status(200)
            .data()
            .clone()
    }

    /// Runs workers until no job is left that could run now, then shuts them down.
    pub(crate) async fn run_jobs_until_idle(&self) {
        self.run_jobs_until(async || {
            let mut connection = self.connect().await;
            let open = sqlx::query_scalar!(
                r#"
                select count(*) as "count!" from prospecting_jobs
                where ended_at is null and not (status = 'queued' and due_at > now() + interval '20 seconds')
                "#
            );
            open.fetch_one(&mut connection).await.unwrap() == 0
        })
        .await;
    }

    /// Runs workers until the condition holds, then shuts them down.
    pub(crate) async fn run_jobs_until(&self, condition: impl AsyncFnMut() -> bool) {
        let signals = PoolSignals::default();
        let running = run_pool(Arc::clone(&self.worker), signals.clone());
        let watching = async {
            wait_for(condition).await;
            signals.shutdown.cancel();
        };
        let (ended, ()) = tokio::join!(running, watching);
        ended.unwrap();
    }

    /// Starts a job, runs it to its end, checks the books and returns its status.
    pub(crate) async fn run_job(&self, body: &Value) -> (JobId, Value) {
        let job = self.start_job(body).await;
        self.run_jobs_until_idle().await;
        self.assert_books_balance().await;
        let status = self.job(&job).await;
        (job, status)
    }

    /// Every balance is what the ledger says, and nothing is held for jobs that have ended.
    pub(crate) async fn assert_books_balance(&self) {
        let verification = operator::verify_credits(&self.app.database).await.unwrap();
        assert_eq!(verification.differences, []);
        let mut connection = self.connect().await;
        let running = sqlx::query!(
            r#"
            select l.account_group_id, l.running, count(j.job_id) as "leased!"
            from lanes l
            left join prospecting_jobs j on j.account_group_id = l.account_group_id and j.status = 'running'
            group by l.account_group_id
            having l.running <> count(j.job_id)
            "#
        );
        assert_eq!(
            running.fetch_all(&mut connection).await.unwrap().len(),
            0,
            "lanes count what runs"
        );
    }
}

async fn upstreams_of(setup: &Setup) -> Upstreams {
    let (provider, finder) = (setup.provider.clone(), setup.finder.clone());
    let upstreams = Upstreams::build(provider, finder, setup.upstream_timeout, setup.pacing.gap());
    upstreams.await.unwrap()
}

/// All tests of this process share what they measure.
fn measured_router(app: &Arc<App>, settings: HttpSettings) -> Router {
    let measured = start_measuring();
    let state = HttpState::new(Arc::clone(app), Arc::new(settings));
    router(state.with_metrics(MetricsPage::new(move || measured.page())))
}

fn worker_limits(setup: &Setup) -> WorkerLimits {
    WorkerLimits {
        concurrency: 16,
        running_per_account_group: setup.running_per_account_group,
        lease: setup.lease,
        step_timeout: setup.step_timeout,
        job_max: Duration::from_secs(30 * 24 * 60 * 60),
        retention_days: setup.retention_days,
        quotas: setup.quotas,
    }
}

pub(crate) async fn make_group(
    database: &Database,
    setup: &Setup,
) -> (AccountGroupId, ApiKeySecret) {
    let new = NewAccountGroup {
        name: "Test".to_owned(),
        plan: setup.plan,
        linkedin_account: setup
            .linkedin_account
            .map(|account| account.parse().unwrap()),
        credits: setup.credits,
    };
    let group = operator::create_account_group(database, &new)
        .await
        .unwrap();
    let order = KeyOrder {
        name: "test".to_owned(),
        kind: KeyKind::Test,
        account_groups: vec![group.id.clone()],
        permissions: Permission::ALL.to_vec(),
        expires_in_days: None,
    };
    let (_, key) = operator::create_api_key(database, &order).await.unwrap();
    (group.id, key)
}

/// Asks until the condition holds.
pub(crate) async fn wait_for(mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the state that the test waits for does not come");
}

/// A start by `linkedin_search`.
pub(crate) fn search(keywords: &str, max_results: u32) -> Value {
    let url = format!("https://www.linkedin.com/search/results/people/?keywords={keywords}");
    json!({"source": "linkedin_search", "searchUrl": url, "maxResults": max_results})
}
