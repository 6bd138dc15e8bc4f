//! The recorder behind `metrics::counter!` and its like, and the page that shows it.

use std::sync::OnceLock;
use std::time::Instant;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::telemetry::catalogue::{Kind, METRICS};
use crate::telemetry::process;

/// Upper bounds of the histograms' buckets, in seconds. From a claim to a call with time-out.
const BUCKETS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0,
];

/// What this process has measured. Clones and services of one process share it.
#[derive(Debug, Clone)]
pub struct Measured {
    handle: PrometheusHandle,
    since: Instant,
}

/// Begins to measure; the first call of a process counts.
pub fn start_measuring() -> Measured {
    static MEASURED: OnceLock<Measured> = OnceLock::new();
    MEASURED.get_or_init(install).clone()
}

fn install() -> Measured {
    let builder = PrometheusBuilder::new();
    // Refused only when there is no bucket.
    let builder = builder
        .set_buckets(&BUCKETS)
        .unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    // Somebody else's recorder is there already only if this crate is used as a library.
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("metrics go to another recorder: the page stays empty");
    }
    for metric in &METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.meaning),
            Kind::Gauge => describe_gauge!(metric.name, metric.meaning),
            Kind::Histogram => describe_histogram!(metric.name, metric.meaning),
        }
        // What has not happened yet is a zero: an increase from nothing is no increase.
        let is_ours = !metric.name.starts_with(process::PREFIX);
        if metric.kind == Kind::Counter && metric.labels.is_empty() && is_ours {
            counter!(metric.name).increment(0);
        }
    }
    gauge!("prospector_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Measured {
        handle,
        since: Instant::now(),
    }
}

impl Measured {
    /// The page in Prometheus' text format.
    #[must_use]
    pub fn page(&self) -> String {
        gauge!("prospector_uptime_seconds").set(self.since.elapsed().as_secs_f64());
        let mut page = self.handle.render();
        process::write(&mut page);
        page
    }

    /// Sorts what was measured since the last time into buckets. Without it, times pile up in
    /// memory while nobody asks for the page.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}
