//! Every metric that the program measures, wherever it is measured.
//!
//! `docs/metrics.md`, the dashboard and the alert rules are held against this list by tests, and so
//! are the sources. No label may have values without bound: routes are the router's own patterns,
//! everything else comes of closed lists.

/// How values of a metric are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the process on.
    Counter,
    /// As it is now.
    Gauge,
    /// How often, and how long in seconds.
    Histogram,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub meaning: &'static str,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        labels,
        meaning,
    }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        labels,
        meaning,
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        labels,
        meaning,
    }
}

/// In the order of `docs/metrics.md`.
#[rustfmt::skip]
pub static METRICS: [Metric; 39] = [
    counter("prospector_http_requests_total", &["route", "method", "status"], "Requests answered, or abandoned by their client"),
    histogram("prospector_http_request_seconds", &["route", "method"], "Time from a request's head to its answer's head"),
    gauge("prospector_http_requests_in_flight", &[], "Requests that have no answer yet"),
    gauge("prospector_http_connections", &[], "Client connections open"),
    counter("prospector_http_rate_limited_total", &["by"], "Requests refused because there were too many"),

    counter("prospector_jobs_started_total", &["source"], "Jobs stored; replays do not count"),
    counter("prospector_jobs_ended_total", &["source", "status"], "Jobs that ended"),
    gauge("prospector_jobs", &["state", "source"], "Jobs that have not ended, of the whole database"),
    gauge("prospector_queue_due_jobs", &[], "Queued jobs that may run now, of the whole database"),
    gauge("prospector_queue_oldest_due_seconds", &[], "How long the longest waiting of them may run already"),
    gauge("prospector_queue_sampled_timestamp_seconds", &[], "When the jobs were last counted"),

    gauge("prospector_worker_slots", &[], "Jobs that this process may run at a time"),
    gauge("prospector_worker_slots_in_use", &[], "Jobs that this process runs"),
    histogram("prospector_claim_seconds", &["outcome"], "Time that a look into the queue took"),
    counter("prospector_runs_started_total", &["source"], "Jobs taken from the queue by this process: first attempts, further attempts and continuations"),
    counter("prospector_runs_ended_total", &["end"], "Runs that let go of their job"),
    counter("prospector_leases_lost_total", &[], "Leases that ran out and were broken by this process"),
    counter("prospector_pages_total", &["source"], "Pages committed"),
    counter("prospector_prospects_total", &["source", "outcome"], "Items of committed pages"),
    counter("prospector_email_lookups_total", &["outcome"], "E-mail look-ups answered and stored"),
    counter("prospector_credits_charged_total", &["kind"], "Credits charged"),

    counter("prospector_upstream_calls_total", &["provider", "operation", "outcome"], "Calls to the LinkedIn provider and the e-mail finder"),
    histogram("prospector_upstream_call_seconds", &["provider", "operation"], "Time that such a call took"),
    gauge("prospector_circuit_open", &["provider"], "1 while calls are not even tried because the upstream is down"),

    gauge("prospector_ledger_differences", &[], "What `credits verify` found wrong the last time"),
    gauge("prospector_ledger_verified_timestamp_seconds", &[], "When the ledger was last verified by this process"),

    gauge("prospector_database_connections", &["pool", "state"], "Connections of a pool"),
    gauge("prospector_database_connections_max", &["pool"], "The most connections that a pool may open"),
    histogram("prospector_database_acquire_seconds", &["pool"], "Time that a caller waited for a connection"),
    counter("prospector_database_acquire_timeouts_total", &["pool"], "Callers that got no connection in time"),

    gauge("prospector_build_info", &["version"], "Always 1"),
    gauge("prospector_uptime_seconds", &[], "Time since the process began to measure"),
    counter("process_cpu_seconds_total", &[], "Processor time used"),
    gauge("process_resident_memory_bytes", &[], "Memory held"),
    gauge("process_virtual_memory_bytes", &[], "Address space held"),
    gauge("process_open_fds", &[], "File descriptors open"),
    gauge("process_max_fds", &[], "The most file descriptors that may be open"),
    gauge("process_threads", &[], "Threads"),
    gauge("process_start_time_seconds", &[], "When the process started"),
];

/// The metric of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}
