//! What becomes of a request body that nobody read to its end.
//!
//! A server that answers early and closes while the client still sends makes the client's system
//! throw the answer away. So the rest is read and dropped, within bounds, while the answer is on
//! its way. A client that asked with `Expect: 100-continue` and was not told to go on sends none.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// The most that is read and dropped.
const DRAINED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest that it may take.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// A request body whose rest is drained when it is dropped.
#[derive(Debug)]
pub struct DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    /// `None` only while being dropped.
    body: Option<B>,
    /// The client sends as soon as it is read from, not before.
    awaits_continue: bool,
    has_ended: bool,
    tasks: TaskTracker,
}

impl<B> DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    /// Draining runs as one of `tasks`.
    #[must_use]
    pub fn new(body: B, awaits_continue: bool, tasks: TaskTracker) -> Self {
        Self {
            has_ended: body.is_end_stream(),
            body: Some(body),
            awaits_continue,
            tasks,
        }
    }
}

impl<B> Body for DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.awaits_continue = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        self.has_ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl<B> Drop for DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    fn drop(&mut self) {
        let Some(body) = self.body.take() else {
            return;
        };
        if self.has_ended || self.awaits_continue || body.is_end_stream() {
            return;
        }
        // Without a runtime the process is going down, and the connection with it.
        if let Ok(runtime) = Handle::try_current() {
            self.tasks.spawn_on(drain(body), &runtime);
        }
    }
}

async fn drain<B>(mut body: B)
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let reading = async {
        let mut dropped = 0;
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, Bytes::len);
            if dropped > DRAINED_BYTES_MAX {
                return;
            }
        }
    };
    // Out of time or done: either way the body is given up.
    tokio::time::timeout(DRAIN_TIME_MAX, reading)
        .await
        .unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives 64 KiB at a time without end and counts them.
    struct Endless(Arc<AtomicUsize>);

    impl Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 65_536])))))
        }
    }

    async fn read_after_drop(awaits_continue: bool, reads: usize) -> usize {
        let read = Arc::new(AtomicUsize::new(0));
        let tasks = TaskTracker::new();
        let mut body = DrainedBody::new(Endless(Arc::clone(&read)), awaits_continue, tasks.clone());
        for _ in 0..reads {
            body.frame().await.unwrap().unwrap();
        }
        drop(body);
        tasks.close();
        tasks.wait().await;
        read.load(Ordering::SeqCst) - reads
    }

    #[tokio::test]
    async fn the_rest_is_drained_up_to_8_mib() {
        assert_eq!(read_after_drop(false, 0).await, 129);
        assert_eq!(read_after_drop(false, 5).await, 129);
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_told_to_go_on_is_not_drained() {
        assert_eq!(read_after_drop(true, 0).await, 0);
        assert_eq!(read_after_drop(true, 1).await, 129);
    }
}
