//! What the unit tests of this layer share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;

use crate::config::TrustedProxies;
use crate::db::pool::{Database, PoolLimits};
use crate::domain::account_health::AccountHealth;
use crate::domain::api_key::KeyKind;
use crate::domain::pacing::Pacing;
use crate::domain::quota::QuotaLimits;
use crate::http::router::{HttpSettings, HttpState, ServedRoutes};
use crate::service::app::App;
use crate::service::linkedin_health::LinkedinHealth;
use crate::service::linkedin_turns::LinkedinTurns;
use crate::upstream::provider::LinkedinProvider;
use crate::upstream::provider_stub::HealthOnly;

pub(crate) fn settings() -> Arc<HttpSettings> {
    Arc::new(HttpSettings {
        rate_limit_per_minute: 600,
        rate_limit_burst: 120,
        request_timeout: Duration::from_millis(200),
        trusted_proxies: TrustedProxies::default(),
        sandbox: false,
        served_routes: ServedRoutes::All,
        draining: CancellationToken::new(),
    })
}

/// A state for tests that never get as far as a use case.
pub(crate) fn state(settings: Arc<HttpSettings>) -> HttpState {
    let limits = PoolLimits {
        connections: 1,
        statement_timeout: Duration::from_secs(1),
        idle_in_transaction_timeout: Duration::from_secs(1),
    };
    let linkedin: Arc<dyn LinkedinProvider> =
        Arc::new(HealthOnly::answering(AccountHealth::NotConnected));
    // Nothing listens there: a test that gets as far as the database fails.
    let database = Database::new(&"postgres://127.0.0.1:1/none".parse().unwrap(), limits);
    let app = App {
        linkedin_turns: LinkedinTurns::new(database.clone(), Pacing::Off, Duration::ZERO),
        database,
        key_kind: KeyKind::Live,
        quota_limits: QuotaLimits {
            linkedin_classic: 0,
            sales_navigator: 0,
            post_commenters: 0,
            url_upload: 0,
        },
        linkedin_health: LinkedinHealth::new(Arc::clone(&linkedin)),
        linkedin,
        email_finder: None,
        wake_up: Arc::default(),
        last_uses: Default::default(),
    };
    HttpState::new(Arc::new(app), settings)
}

pub(crate) async fn text_of(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn json_of(response: Response<Body>) -> (u16, serde_json::Value) {
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&text_of(response).await).unwrap(),
    )
}
