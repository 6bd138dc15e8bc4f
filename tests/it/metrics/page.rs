//! The page. Tests of this binary share what they measure, so figures are compared with those before.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use prospector::telemetry::catalogue::{Kind, find};
use serde_json::json;
use tower::ServiceExt;

use crate::support::app::{TestApp, search};

/// Values by name and labels, as they stand on the page.
pub(super) type Series = BTreeMap<String, f64>;

pub(super) fn series(page: &str) -> Series {
    let lines = page
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    pairs.collect()
}

pub(super) async fn page(app: &TestApp) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// How much a series has grown.
fn grown(before: &Series, after: &Series, name: &str) -> f64 {
    let value = |series: &Series| series.get(name).copied().unwrap_or(0.0);
    value(after) - value(before)
}

#[tokio::test]
async fn a_job_shows_from_its_start_to_its_end() {
    let app = TestApp::start().await;
    let before = series(&page(&app).await);
    let mut body = search("results-30", 30);
    body["searchEmails"] = json!(true);
    let (_, job) = app.run_job(&body).await;
    assert_eq!(job["status"], "completed");
    let (_, uploaded) = app
        .run_job(&json!({"source": "url_upload", "urls": ["linkedin.com/in/missing-one"]}))
        .await;
    assert_eq!(uploaded["counts"]["notFound"], 1);
    let cancelled = app.start_job(&search("results-5", 5)).await;
    for _ in 0..2 {
        let path = app.path(&format!("prospecting/{cancelled}/cancel"));
        let request = app.request("POST", &path).body(Body::empty()).unwrap();
        app.send(request).await.expect_status(200);
    }
    let after = series(&page(&app).await);
    let least = |name: &str, by: f64| {
        let grown = grown(&before, &after, name);
        assert!(grown >= by, "{name} grew by {grown}");
    };
    least(
        "prospector_jobs_started_total{source=\"linkedin_search\"}",
        2.0,
    );
    least(
        "prospector_jobs_ended_total{source=\"linkedin_search\",status=\"completed\"}",
        1.0,
    );
    least(
        "prospector_jobs_ended_total{source=\"linkedin_search\",status=\"cancelled\"}",
        1.0,
    );
    least("prospector_pages_total{source=\"linkedin_search\"}", 2.0);
    least(
        "prospector_prospects_total{source=\"linkedin_search\",outcome=\"imported\"}",
        30.0,
    );
    least(
        "prospector_prospects_total{source=\"url_upload\",outcome=\"not_found\"}",
        1.0,
    );
    least("prospector_credits_charged_total{kind=\"import\"}", 30.0);
    least("prospector_credits_charged_total{kind=\"email\"}", 30.0);
    least("prospector_email_lookups_total{outcome=\"not_found\"}", 1.0);
    least(
        "prospector_runs_started_total{source=\"linkedin_search\"}",
        1.0,
    );
    least("prospector_runs_ended_total{end=\"completed\"}", 2.0);
    least("prospector_claim_seconds_count{outcome=\"claimed\"}", 2.0);
    least(
        "prospector_database_acquire_seconds_count{pool=\"other\"}",
        5.0,
    );
    let started = "route=\"/v1/accounts/{accountGroupId}/prospecting\",method=\"POST\"";
    least(
        &format!("prospector_http_requests_total{{{started},status=\"202\"}}"),
        3.0,
    );
    least(
        &format!("prospector_http_request_seconds_count{{{started}}}"),
        3.0,
    );
}

#[tokio::test]
async fn whatever_is_on_the_page_is_on_the_list_with_its_type_and_its_labels() {
    let app = TestApp::start().await;
    app.run_job(&search("results-3", 3)).await;
    let page = page(&app).await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types: BTreeMap<&str, &str> = types.map(|line| line.split_once(' ').unwrap()).collect();
    assert!(types.len() > 15, "{types:?}");
    for (name, kind) in &types {
        let listed = find(name).unwrap_or_else(|| panic!("{name} is not on the list"));
        assert_eq!(listed.kind.as_str(), *kind, "{name}");
        assert!(page.contains(&format!("# HELP {name} {}\n", listed.meaning)));
    }
    for series in series(&page).keys() {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = ["_bucket", "_count", "_sum"].iter();
        let mut base = base.filter_map(|suffix| name.strip_suffix(suffix));
        let is_histogram =
            |name: &&str| find(name).is_some_and(|metric| metric.kind == Kind::Histogram);
        let metric = base
            .find(is_histogram)
            .and_then(find)
            .or_else(|| find(name));
        let labels = labels
            .split('"')
            .step_by(2)
            .map(|text| text.trim_matches([',', '=', '}']));
        let labels: BTreeSet<&str> = labels
            .filter(|label| !label.is_empty() && *label != "le")
            .collect();
        let expected = metric
            .unwrap_or_else(|| panic!("{name} is not on the list"))
            .labels;
        assert_eq!(labels, expected.iter().copied().collect(), "{series}");
    }
}
