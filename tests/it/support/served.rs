//! The API on a real socket, in the process of the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use prospector::config::TrustedProxies;
use prospector::db::pool::{Database, PoolLimits};
use prospector::domain::api_key::KeyKind;
use prospector::http::router::{HttpSettings, HttpState, ServedRoutes, router};
use prospector::http::server::{ServerLimits, serve};
use prospector::service::app::App;
use prospector::service::linkedin_health::LinkedinHealth;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

/// A server on the database of a test, gone when dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) state: HttpState,
    _tasks: JoinSet<()>,
}

/// What a test may want otherwise.
pub(crate) struct Limits {
    pub(crate) database_connections: u32,
    pub(crate) request_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            database_connections: 5,
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}

pub(crate) async fn listen(app: &TestApp, limits: Limits) -> Listening {
    let pool = PoolLimits {
        connections: limits.database_connections,
        statement_timeout: Duration::from_secs(15),
        idle_in_transaction_timeout: Duration::from_secs(5),
    };
    let app = App {
        database: Database::new(&app.database, pool),
        key_kind: KeyKind::Test,
        quota_limits: app.app.quota_limits,
        linkedin: Arc::clone(&app.worker.provider),
        linkedin_health: LinkedinHealth::new(Arc::clone(&app.worker.provider)),
        linkedin_turns: app.app.linkedin_turns.clone(),
        email_finder: None,
        wake_up: Arc::default(),
        last_uses: Default::default(),
    };
    let settings = HttpSettings {
        rate_limit_per_minute: 600,
        rate_limit_burst: 100_000,
        request_timeout: limits.request_timeout,
        trusted_proxies: TrustedProxies::default(),
        sandbox: true,
        served_routes: ServedRoutes::All,
        draining: CancellationToken::new(),
    };
    let state = HttpState::new(Arc::new(app), Arc::new(settings));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server_limits = ServerLimits {
        connections: 64,
        write_timeout: limits.write_timeout,
    };
    let api = router(state.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let never = CancellationToken::new();
        serve(listener, api, server_limits, never, Duration::ZERO).await;
    });
    Listening {
        address,
        state,
        _tasks: tasks,
    }
}
