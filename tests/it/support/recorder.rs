//! A sandbox that takes down when each call for a LinkedIn account began and ended.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use chrono::{DateTime, Utc};
use prospector::config::Provider;
use prospector::http::server::{ServerLimits, serve};
use prospector::upstream::sandbox;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One call for an account. Those about the account itself (its health) are not among them.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) began: DateTime<Utc>,
    /// `None` while it is under way.
    pub(crate) ended: Option<DateTime<Utc>>,
}

type Calls = Arc<Mutex<Vec<Call>>>;

/// Listens as long as it lives.
pub(crate) struct Recorder {
    pub(crate) url: String,
    calls: Calls,
    _serving: JoinSet<()>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Calls::default();
        let recording = from_fn_with_state(Arc::clone(&calls), record);
        let mut serving = JoinSet::new();
        serving.spawn(serve(
            listener,
            sandbox::router().layer(recording),
            ServerLimits {
                connections: 64,
                write_timeout: Duration::from_secs(30),
            },
            CancellationToken::new(),
            Duration::from_secs(1),
        ));
        Self {
            url,
            calls,
            _serving: serving,
        }
    }

    pub(crate) fn provider(&self) -> Provider {
        Provider::Sandbox {
            url: Some(self.url.parse().unwrap()),
        }
    }

    /// All calls so far, in the order they began.
    pub(crate) fn calls(&self) -> Vec<Call> {
        locked(&self.calls).clone()
    }

    /// No call began before the one before it had ended and `gap` had passed.
    pub(crate) fn assert_one_at_a_time(&self, gap: Duration) {
        for pair in self.calls().windows(2) {
            let pause = pair[0].ended.map(|ended| pair[1].began - ended);
            assert!(
                pause.and_then(|pause| pause.to_std().ok()) >= Some(gap),
                "{pause:?} between two calls: {pair:#?}"
            );
        }
    }
}

/// Notes the end, also of a call whose client went away.
struct UnderWay {
    calls: Calls,
    index: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        locked(&self.calls)[self.index].ended = Some(Utc::now());
    }
}

async fn record(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/v2/accounts") {
        return next.run(request).await;
    }
    let index = {
        let mut calls = locked(&calls);
        calls.push(Call {
            path,
            began: Utc::now(),
            ended: None,
        });
        calls.len() - 1
    };
    let _under_way = UnderWay {
        calls: Arc::clone(&calls),
        index,
    };
    next.run(request).await
}

fn locked(calls: &Calls) -> MutexGuard<'_, Vec<Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
