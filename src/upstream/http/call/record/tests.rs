//! What operators see of calls, made with real sockets.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::Instrument;

use super::*;
use crate::upstream::error::UpstreamFault;
use crate::upstream::http::client;
use crate::upstream::http::scripted::{LONG, Reply, Scripted};

const GET: Operation = Operation {
    provider: "test",
    name: "get",
};

/// A call that takes everything but 2xx for a server error.
async fn get(url: &str) -> Result<(), UpstreamError> {
    let request = client(LONG).unwrap().get(url).header("x-api-key", "s3cret");
    let read = |answer: &crate::upstream::http::call::Answer| {
        if answer.status.is_success() {
            return Ok(());
        }
        let detail = format!("status {}", answer.status.as_u16());
        Err(GET.error(UpstreamFault::ServerError, detail))
    };
    GET.call(request, read).await
}

/// Drops a call while the server is silent.
async fn give_up(url: &str, server: &Scripted) {
    let asked = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = get(url) => panic!("the server is silent"),
        () = asked => {}
    }
}

/// Name and labels of each metric, with its value; of a histogram, how many values it has.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    let told = metrics.map(|(key, _, _, value)| {
        let key = key.key();
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let value = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Histogram(values) => {
                let plausible = |seconds: f64| (0.0..LONG.as_secs_f64()).contains(&seconds);
                assert!(values.iter().all(|seconds| plausible(seconds.into_inner())));
                values.len() as u64
            }
            DebugValue::Gauge(_) => panic!("no gauge is expected here"),
        };
        (format!("{}{{{}}}", key.name(), labels.join(",")), value)
    });
    told.collect()
}

#[tokio::test]
async fn each_call_is_counted_by_its_outcome_and_timed() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);

    let server = Scripted::start([
        Reply::with(200, &[], "{}"),
        Reply::with(200, &[], "{}"),
        Reply::html(503),
        Reply::raw(""),
    ]);
    for is_ok in [true, true, false, false] {
        assert_eq!(get(&server.url).await.is_ok(), is_ok);
    }
    let silent = Scripted::start([Reply::stall("")]);
    give_up(&silent.url, &silent).await;

    let count = |outcome: &str| {
        format!("prospector_upstream_calls_total{{provider=test,operation=get,outcome={outcome}}}")
    };
    let timed = "prospector_upstream_call_seconds{provider=test,operation=get}".to_owned();
    let expected = [
        (count("ok"), 2),
        (count("server_error"), 1),
        (count("unreachable"), 1),
        (count("abandoned"), 1),
        (timed, 5),
    ];
    assert_eq!(recorded(&snapshotter), BTreeMap::from(expected));
}

#[test]
fn classes_are_told_apart() {
    use UpstreamFault::*;
    let all = [
        TimedOut,
        Unreachable,
        ServerError,
        InvalidAnswer,
        RateLimited,
        OutOfQuota,
        KeyRefused,
        AccountDisconnected,
        SalesNavigatorMissing,
        SourceNotFound,
        Refused,
        Unprocessable,
        CircuitOpen,
    ];
    let mut classes: Vec<&str> = all.iter().map(|fault| fault.class()).collect();
    classes.extend(["ok", ABANDONED]);
    let is_word = |class: &&str| {
        class
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
    };
    assert!(classes.iter().all(is_word));
    let distinct: std::collections::BTreeSet<&str> = classes.iter().copied().collect();
    assert_eq!(distinct.len(), classes.len());
}

/// Where log lines go.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn read(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_call_leaves_one_line_with_its_context_and_neither_key_nor_person() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, a line that another test's thread reaches first, where there is
    // none, would be switched off for good. A second one, that nobody logs to, prevents that.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());

    let server = Scripted::start([Reply::with(200, &[], "{}"), Reply::html(503)]);
    let silent = Scripted::start([Reply::stall("")]);
    let calls = async {
        let person = "/users/ada-testova?keywords=ada";
        assert!(get(&format!("{}{person}", server.url)).await.is_ok());
        assert!(get(&format!("{}{person}", server.url)).await.is_err());
        give_up(&format!("{}{person}", silent.url), &silent).await;
    };
    calls
        .instrument(tracing::info_span!("run", job = "507f1f77bcf86cd799439011"))
        .await;

    let ours: Vec<_> = lines
        .read()
        .into_iter()
        .filter(|line| line["provider"] == "test")
        .collect();
    let told: Vec<_> = ours
        .iter()
        .map(|line| {
            (
                line["level"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("DEBUG", "ok"),
        ("INFO", "server_error"),
        ("INFO", "abandoned"),
    ];
    assert_eq!(told, expected);
    for line in &ours {
        assert_eq!(line["operation"], "get");
        assert_eq!(line["span"]["job"], "507f1f77bcf86cd799439011", "{line}");
        let duration = line["duration_ms"].as_u64().unwrap();
        assert!(u128::from(duration) < Duration::as_millis(&LONG));
        let text = line.to_string();
        assert!(!text.contains("s3cret") && !text.contains("ada"), "{text}");
    }
}
