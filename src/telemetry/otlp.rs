//! Sends spans to a collector, by OTLP as protobuf over HTTP.
//!
//! Spans wait in a queue of fixed length, which a thread of its own empties every few seconds. What
//! does not fit is dropped: a collector that is slow or away costs spans and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TraceExport;
use crate::upstream::http;

/// How long the collector may take for one batch.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the last spans to go out.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The exporter cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    #[error(transparent)]
    Client(#[from] http::ClientError),
    #[error("the exporter of spans cannot be set up")]
    Settings(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sends spans until it is told to finish.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// To be called within the runtime that does the sending.
    ///
    /// # Errors
    /// [`ExporterError`]; that nobody listens at the address is none.
    pub fn start(export: &TraceExport) -> Result<Self, ExporterError> {
        let client = Client {
            http: http::client(SEND_TIMEOUT)?,
            runtime: Handle::current(),
            is_failing: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(export.collector.join(&["v1", "traces"]))
            .with_timeout(SEND_TIMEOUT)
            .build()?;
        let resource = Resource::builder()
            .with_service_name(export.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self { provider })
    }

    /// Turns what the log's filter lets pass into spans of the collector, lines into their events.
    ///
    /// There is no filter of its own: filters of single layers lose an event now and then, when a
    /// library has only asked on the same thread whether it should make one.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer: SdkTracer = self.provider.tracer("prospector");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
    }

    /// Sends what is left, for as long as the end of a process may take.
    pub async fn finish(self) {
        let finishing = move || self.provider.shutdown_with_timeout(FLUSH_TIMEOUT);
        match tokio::task::spawn_blocking(finishing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans were not sent"),
            Err(error) => tracing::warn!(%error, "the exporter of spans panicked"),
        }
    }
}

/// Does the sending in the runtime of the process: the thread that asks for it has none.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    /// The last batch was not taken.
    is_failing: AtomicBool,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.http.clone();
        let sending = self
            .runtime
            .spawn(async move { client.execute(request).await });
        let sent = sending.await?;
        let is_taken = sent
            .as_ref()
            .is_ok_and(|answer| answer.status().is_success());
        self.tell(is_taken);
        // Whatever the body says, there is nothing to be done about it.
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = sent?.status();
        Ok(response)
    }
}

impl Client {
    /// One line when it begins to fail and one when it works again, however long that takes.
    fn tell(&self, is_taken: bool) {
        let was_failing = self.is_failing.swap(!is_taken, Ordering::Relaxed);
        match (was_failing, is_taken) {
            (false, false) => tracing::warn!("the collector takes no spans; they are dropped"),
            (true, true) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
    }
}
