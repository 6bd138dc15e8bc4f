//! The list of metrics against the sources, the documentation, the dashboard and the alerts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prospector::telemetry::catalogue::{Kind, METRICS, find};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of every source file but the list itself.
fn sources() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, text);
            } else if !path.ends_with("telemetry/catalogue.rs") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    collect(&root().join("src"), &mut text);
    text
}

/// Every name that a macro of the given kind measures.
fn measured(sources: &str, kind: Kind) -> BTreeSet<&str> {
    let begin = format!("{}!(", kind.as_str());
    let calls = sources.match_indices(&begin).filter_map(|(at, _)| {
        let before = sources[..at].chars().next_back();
        let argument = sources[at + begin.len()..].trim_start();
        // `describe_counter!` and what has no literal name, such as the loop that makes zeros.
        if before == Some('_') {
            return None;
        }
        argument.strip_prefix('"')?.split('"').next()
    });
    calls.collect()
}

#[test]
fn what_is_measured_is_on_the_list_as_what_it_is_and_nothing_else_is_on_it() {
    let sources = sources();
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        let listed = METRICS.iter().filter(|metric| metric.kind == kind);
        // Those of the process come of the system's own files.
        let listed = listed.filter(|metric| !metric.name.starts_with("process_"));
        let listed: BTreeSet<&str> = listed.map(|metric| metric.name).collect();
        assert_eq!(measured(&sources, kind), listed, "{kind:?}");
    }
    let figures = METRICS.iter().map(|metric| metric.name);
    for figure in figures.filter(|name| name.starts_with("process_")) {
        assert!(sources.contains(&format!("\"{figure}\"")), "{figure}");
    }
    let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len(), "no name twice");
}

#[test]
fn the_documentation_lists_each_metric_as_it_is() {
    let page = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<String> = rows.map(str::to_owned).collect();
    let expected = METRICS.iter().map(|metric| {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = match labels.join(", ") {
            none if none.is_empty() => " ".to_owned(),
            labels => format!(" {labels} "),
        };
        let (name, kind, meaning) = (metric.name, metric.kind.as_str(), metric.meaning);
        format!("| `{name}` | {kind} |{labels}| {meaning} |")
    });
    assert_eq!(documented, expected.collect::<Vec<_>>());
}

/// The metrics that an expression names.
fn named(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = |word: &&str| word.starts_with("prospector_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

#[track_caller]
fn assert_known(name: &str) {
    let suffixes = ["_bucket", "_count", "_sum"].iter();
    let mut bases = suffixes.filter_map(|suffix| name.strip_suffix(suffix));
    let is_histogram =
        bases.any(|base| find(base).is_some_and(|metric| metric.kind == Kind::Histogram));
    let is_plain = find(name).is_some_and(|metric| metric.kind != Kind::Histogram);
    assert!(is_histogram || is_plain, "{name} is no metric of ours");
}

/// Every text under a key, however deep.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == key => found.push(text),
                    field => texts(field, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let dashboard = fs::read_to_string(root().join("deploy/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let alerts = fs::read_to_string(root().join("deploy/alerts.yaml")).unwrap();
    let alerts: Value = serde_saphyr::from_str(&alerts).unwrap();
    for (document, at_least) in [(&dashboard, 20), (&alerts, 8)] {
        let mut expressions = Vec::new();
        texts(document, "expr", &mut expressions);
        assert!(expressions.len() >= at_least, "{}", expressions.len());
        for expression in expressions {
            let named = named(expression);
            assert!(!named.is_empty(), "{expression}");
            named.iter().for_each(|name| assert_known(name));
        }
    }
}
