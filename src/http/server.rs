//! Sockets: accepts connections, speaks HTTP/1.1 on them, and lets them end in good order.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::TryFutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::http::client_address::PeerAddress;
use crate::http::drain::DrainedBody;
use crate::http::metrics::OpenConnection;

/// Also the longest that a kept-alive connection may be idle.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The wait after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection without a request stays open at the shutdown. A client that connected, or
/// wrote on a connection that it kept, just before it heard of the shutdown is answered.
const LINGER: Duration = Duration::from_millis(500);

/// What the system may hold of an answer that its client has not taken yet. Small, so that even a
/// slow client makes room often enough to be seen to take something.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// What a server allows its clients.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Connections open at a time; further clients wait in the system's queue.
    pub connections: usize,
    /// A client that takes nothing of its answer for so long is cut.
    pub write_timeout: Duration,
}

/// Serves the API until `shutdown`, then for at most `grace` what has begun by then.
pub async fn serve(
    listener: TcpListener,
    api: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
    grace: Duration,
) {
    let server = Server {
        api,
        connections: http1_settings(),
        write_timeout: limits.write_timeout,
        tasks: TaskTracker::new(),
        shutdown,
        abort: CancellationToken::new(),
    };
    let slots = Arc::new(Semaphore::new(limits.connections));
    while let Some((stream, slot)) = server.next_connection(&listener, &slots).await {
        server.spawn(stream, slot);
    }
    server.close(listener, &slots);
    server.tasks.close();
    if tokio::time::timeout(grace, server.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = server.tasks.len(),
            "connections are cut at the end of the grace period"
        );
        server.abort.cancel();
        server.tasks.wait().await;
    }
}

fn http1_settings() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    builder
}

struct Server {
    api: Router,
    connections: http1::Builder,
    write_timeout: Duration,
    /// Connections, and the bodies that are drained for them.
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Ends whatever is left after the grace period.
    abort: CancellationToken,
}

impl Server {
    /// The next connection and its slot; `None` at the shutdown.
    async fn next_connection(
        &self,
        listener: &TcpListener,
        slots: &Arc<Semaphore>,
    ) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        self.shutdown
            .run_until_cancelled(async {
                let slot = Arc::clone(slots).acquire_owned().await.ok()?;
                Some((accept(listener).await, slot))
            })
            .await?
    }

    /// Stops listening. Clients whom the system has connected already are served: closing would cut
    /// them off.
    fn close(&self, listener: TcpListener, slots: &Arc<Semaphore>) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok(slot) = Arc::clone(slots).try_acquire_owned()
            && let Ok((stream, _)) = listener.accept()
            && stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            self.spawn(stream, slot);
        }
    }

    fn spawn(&self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        let address = stream.peer_addr();
        let Ok(address) = address.map(|address| PeerAddress(address.ip())) else {
            // The client is gone already.
            return;
        };
        let (api, tasks) = (self.api.clone(), self.tasks.clone());
        let draining = self.shutdown.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let awaits_continue = request.headers().contains_key(EXPECT);
            let mut request = request
                .map(|body| Body::new(DrainedBody::new(body, awaits_continue, tasks.clone())));
            request.extensions_mut().insert(address);
            let draining = draining.clone();
            api.clone().oneshot(request).map_ok(move |response| {
                let mut response = without_length_of_nothing(response);
                if draining.is_cancelled() {
                    let headers = response.headers_mut();
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            })
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let connection = self
            .connections
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let (shutdown, abort) = (self.shutdown.clone(), self.abort.clone());
        let counted = OpenConnection::counted();
        self.tasks.spawn(async move {
            let serving = async {
                let mut connection = std::pin::pin!(connection);
                let lingered = async {
                    shutdown.cancelled().await;
                    tokio::time::sleep(LINGER).await;
                };
                // Every answer from the shutdown on says that it is the last of its connection.
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = lingered => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            };
            if let Some(Err(error)) = abort.run_until_cancelled(serving).await {
                tracing::debug!(%error, "connection ended early");
            }
            drop((slot, counted));
        });
    }
}

/// The length of a 304 would be read as that of the body which it spares the client.
fn without_length_of_nothing(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// Waits for a client, whatever happens to the listener meanwhile.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written at once: waiting to fill packets only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                let socket = SockRef::from(&stream);
                if let Err(error) = socket.set_send_buffer_size(SEND_BUFFER_BYTES) {
                    tracing::debug!(%error, "no SO_SNDBUF");
                }
                return stream;
            }
            Err(error) if concerns_one_client(error.kind()) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections for the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn concerns_one_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests;
