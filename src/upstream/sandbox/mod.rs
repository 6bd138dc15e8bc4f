//! A server that speaks the protocols of the real providers about invented people.
//!
//! It serves the demo, the first run and the tests: the LinkedIn provider's reads (Unipile API v2)
//! and the e-mail finders (Hunter and Prospeo). Any two servers of one version answer alike, since everything
//! is computed from the text, id or slug that is asked for; only the counters behind some magic
//! words live in memory. Writes do not exist: like every unknown route they answer 404. No input
//! makes it panic, and bodies are bounded. `docs/sandbox.md` lists the magic values.

mod accounts;
mod answer;
mod finder;
mod layout;
mod magic;
mod names;
pub mod person;
pub mod population;
mod posts;
mod search;
mod stable;
mod wire;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::map_response;
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::upstream::sandbox::answer::Failure;
use crate::upstream::sandbox::finder::{hunter, prospeo};
use crate::upstream::sandbox::magic::Counters;

const MOST_BODY_BYTES: usize = 1024 * 1024;
const HEAD_TIME_OUT: Duration = Duration::from_secs(30);
const DRAIN_TIME: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sandbox on a socket of its own.
pub struct Sandbox {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl Sandbox {
    /// Takes the address; with port 0 any free port.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        Ok(Self {
            listener,
            local_addr,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` comes true; calls under way then get 2 s to finish. Dropping the
    /// future closes every connection at once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let router = router();
        let mut shutdown = pin!(shutdown);
        let stop = CancellationToken::new();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, router.clone(), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "sandbox cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        stop.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
            tracing::debug!("sandbox drops connections that are still busy");
        }
        Ok(())
    }
}

async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "sandbox connection keeps its delay");
    }
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_OUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "sandbox connection ended early");
    }
}

/// All routes, with counters of their own.
pub fn router() -> Router {
    let sales_navigator = Router::new()
        .route("/search", post(search::sales_navigator))
        .route("/search/people", post(search::sales_navigator_people))
        .route("/search/parameters", get(search::parameters))
        .route("/lead-lists", get(search::lead_lists))
        .route("/lead-lists/{list}", post(search::lead_list));
    let methods = Router::new()
        .route("/v2/{account}/linkedin/search", post(search::classic))
        .nest("/v2/{account}/linkedin/sales-navigator", sales_navigator)
        .route("/v2/{account}/linkedin/contracts", get(accounts::contracts))
        .route("/v2/{account}/posts/{post}", get(posts::post))
        .route("/v2/{account}/posts/{post}/comments", get(posts::comments))
        .route(
            "/v2/{account}/posts/{post}/comments/{comment}/replies",
            get(posts::replies),
        )
        .route("/v2/{account}/users/{user}", get(accounts::profile))
        .layer(map_response(answer::with_rate_limit));
    Router::new()
        .merge(methods)
        .route("/v2/accounts", get(accounts::accounts))
        .route("/v2/accounts/", get(accounts::accounts))
        .route("/v2/accounts/{account}", get(accounts::account))
        .route("/v2/account", get(hunter::account))
        .route("/v2/email-finder", get(hunter::email_finder))
        .route("/account-information", get(prospeo::account_information))
        .route("/enrich-person", post(prospeo::enrich_person))
        .route("/bulk-enrich-person", post(prospeo::bulk_enrich_person))
        .route("/healthz", get(|| async { "ok" }))
        .method_not_allowed_fallback(no_route)
        .fallback(no_route)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(Arc::new(Counters::default()))
}

async fn no_route() -> Failure {
    Failure::no_route()
}
