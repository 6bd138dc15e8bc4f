//! Every route, and the layers that all of them share.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use crate::config::TrustedProxies;
use crate::error::Error;
use crate::http::authentication::{Authentication, require_key};
use crate::http::body::refuse_announced_size;
use crate::http::metrics::MetricsPage;
use crate::http::rate_limit::TokenBuckets;
use crate::http::routes::prospects::export::EXPORTS_MAX;
use crate::http::routes::{
    credits, docs, estimate, job_list, own_key, people, prospecting, prospects, quota,
    sales_navigator, service,
};
use crate::http::trace::trace;
use crate::http::unknown_keys::UnknownKeys;
use crate::service::app::App;

/// How long a client stays away that was not answered in time.
const RETRY_AFTER_TIMEOUT: Duration = Duration::from_secs(5);

/// How the layer is set up.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub rate_limit_per_minute: u32,
    pub rate_limit_burst: u32,
    /// A request that takes longer is a 503.
    pub request_timeout: Duration,
    /// Reverse proxies whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// The provider is the sandbox: every answer says so.
    pub sandbox: bool,
    pub served_routes: ServedRoutes,
    /// The process is going down: it is not ready, and connections end with their answer.
    pub draining: CancellationToken,
}

/// Which routes a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedRoutes {
    All,
    /// Those that need no key: what a process that only works on jobs offers.
    ServiceOnly,
}

/// What handlers and layers work with. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct HttpState {
    pub app: Arc<App>,
    pub settings: Arc<HttpSettings>,
    /// A bucket for each API key.
    pub rate_limiter: Arc<TokenBuckets<Uuid>>,
    pub unknown_keys: Arc<UnknownKeys>,
    /// A place for each export that may run now.
    pub exports: Arc<Semaphore>,
    /// `None`: the metrics are shown elsewhere or not at all.
    pub metrics: Option<MetricsPage>,
}

impl HttpState {
    #[must_use]
    pub fn new(app: Arc<App>, settings: Arc<HttpSettings>) -> Self {
        let limiter = TokenBuckets::new(settings.rate_limit_per_minute, settings.rate_limit_burst);
        Self {
            app,
            settings,
            rate_limiter: Arc::new(limiter),
            unknown_keys: Arc::default(),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            metrics: None,
        }
    }

    /// Shows the metrics with the service routes.
    #[must_use]
    pub fn with_metrics(self, page: MetricsPage) -> Self {
        Self {
            metrics: Some(page),
            ..self
        }
    }
}

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Open,
    Key,
    /// A key, and the job of the request's idempotency key is looked up with it.
    KeyAndIdempotency,
}

/// One method of one path. A GET is served as HEAD too.
pub struct Route {
    pub method: Method,
    pub pattern: &'static str,
    pub access: Access,
    handler: fn() -> MethodRouter<HttpState>,
}

const fn route(
    access: Access,
    method: Method,
    pattern: &'static str,
    handler: fn() -> MethodRouter<HttpState>,
) -> Route {
    Route {
        method,
        pattern,
        access,
        handler,
    }
}

/// Where the metrics are, on whichever address.
const METRICS: &str = "/metrics";

/// All that this program answers to.
#[rustfmt::skip]
pub static ROUTES: [Route; 20] = [
    route(Access::Key, Method::GET, "/v1/accounts", || get(own_key::list_account_groups)),
    route(Access::Key, Method::GET, "/v1/key", || get(own_key::show)),
    route(Access::KeyAndIdempotency, Method::POST, "/v1/accounts/{accountGroupId}/prospecting", || post(prospecting::start)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/prospecting", || get(job_list::list)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/prospecting/quota", || get(quota::show)),
    route(Access::Key, Method::POST, "/v1/accounts/{accountGroupId}/prospecting/estimate", || post(estimate::estimate)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/prospecting/{jobId}", || get(prospecting::show)),
    route(Access::Key, Method::POST, "/v1/accounts/{accountGroupId}/prospecting/{jobId}/cancel", || post(prospecting::cancel)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/prospecting/{jobId}/prospects", || get(prospects::list)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/prospects/by-provider-id/{providerId}", || get(people::show_by_provider_id)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/sales-navigator/saved-searches", || get(sales_navigator::list_saved_searches)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/sales-navigator/lead-lists", || get(sales_navigator::list_lead_lists)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/credits", || get(credits::show)),
    route(Access::Key, Method::GET, "/v1/accounts/{accountGroupId}/credits/entries", || get(credits::list_entries)),
    route(Access::Open, Method::GET, "/healthz", || get(service::healthz)),
    route(Access::Open, Method::GET, "/readyz", || get(service::readyz)),
    route(Access::Open, Method::GET, METRICS, || get(service::metrics)),
    route(Access::Open, Method::GET, "/openapi.yaml", || get(service::openapi)),
    route(Access::Open, Method::GET, "/docs", || get(docs::page)),
    route(Access::Open, Method::GET, "/docs/{file}", || get(docs::file)),
];

/// The whole API with all of its layers: what a server serves and a test calls.
pub fn router(state: HttpState) -> Router {
    let settings = Arc::clone(&state.settings);
    let mut router = Router::new();
    for route in &ROUTES {
        if settings.served_routes == ServedRoutes::ServiceOnly && route.access != Access::Open {
            continue;
        }
        if route.pattern == METRICS && state.metrics.is_none() {
            continue;
        }
        let mut handler = (route.handler)();
        if route.access != Access::Open {
            let authentication = Authentication {
                state: state.clone(),
                reads_idempotency_key: route.access == Access::KeyAndIdempotency,
            };
            handler = handler.route_layer(from_fn_with_state(authentication, require_key));
        }
        // On the methods and not the path, so that a wrong method is a 405 for everybody.
        handler = handler.route_layer(from_fn(refuse_announced_size));
        router = router.route(route.pattern, handler);
    }
    with_layers(router.with_state(state), settings)
}

/// The metrics alone, for an address of their own.
pub fn metrics_router(state: HttpState) -> Router {
    let settings = Arc::clone(&state.settings);
    let router = Router::new().route(METRICS, get(service::metrics));
    with_layers(router.with_state(state), settings)
}

/// Puts around a router what every answer needs: 404 and 405, the time limit, the net for panics,
/// the envelope.
pub(crate) fn with_layers(router: Router, settings: Arc<HttpSettings>) -> Router {
    router
        .fallback(|| async { Error::NotFound { what: "route" } })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(from_fn_with_state(Arc::clone(&settings), limit_time))
        .layer(CatchPanicLayer::custom(answer_to_panic))
        .layer(from_fn_with_state(settings, trace))
}

async fn limit_time(
    State(settings): State<Arc<HttpSettings>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    tokio::time::timeout(settings.request_timeout, next.run(request))
        .await
        .map_err(|elapsed| Error::Unavailable {
            reason: "the request took too long",
            retry_after: RETRY_AFTER_TIMEOUT,
            source: Some(elapsed.into()),
        })
}

fn answer_to_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no text".to_owned());
    Error::internal(format!("a handler panicked: {text}")).into_response()
}

#[cfg(test)]
mod tests;
