//! Spans: a client's trace goes on through its request into the job, whichever process runs that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use prospector::domain::id::JobId;
use sqlx::types::Json;

use crate::support::app::{TestApp, search, wait_for};
use crate::support::by_hand::search_source;
use crate::support::collector::{Collector, Span};
use crate::support::world::{Group, World};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENTS_SPAN: &str = "00f067aa0ba902b7";

async fn start_within_trace(world: &World, at: SocketAddr, group: &Group, flags: &str) {
    let path = format!("http://{at}/v1/accounts/{}/prospecting", group.id);
    let request = world.client.post(path).bearer_auth(group.key.reveal());
    let request = request.header("traceparent", format!("00-{TRACE}-{CLIENTS_SPAN}-{flags}"));
    let answer = request
        .json(&search("results-30", 30))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_trace_goes_on_into_the_run_of_its_job_in_another_process() {
    let (world, collector) = (World::start().await, Collector::start().await);
    let group = world.group().await;
    let url = collector.url();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let (_api, at) = world.serve("api", &["--role", "api"], &settings).await;
    let (mut worker, _) = world
        .serve("worker", &["--role", "worker"], &settings)
        .await;
    start_within_trace(&world, at, &group, "01").await;
    world.all_jobs_ended().await;
    let of_trace = || -> Vec<Span> {
        let spans = collector.spans().into_iter();
        spans.filter(|span| span.trace_id == TRACE).collect()
    };
    wait_for(async || of_trace().iter().any(|span| span.name == "request")).await;
    // The end of a process sends what is left.
    worker.signal("TERM");
    assert_eq!(worker.ended(Duration::from_secs(20)).await.code(), Some(0));

    let spans = of_trace();
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let (requests, runs, pages) = (named("request"), named("run"), named("page"));
    assert_eq!((requests.len(), runs.len()), (1, 1), "{spans:?}");
    assert!(pages.len() >= 2, "{spans:?}");
    assert_eq!(requests[0].parent_id, CLIENTS_SPAN);
    assert_eq!(runs[0].parent_id, requests[0].span_id);
    assert!(pages.iter().all(|page| page.parent_id == runs[0].span_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_its_client_does_not_record_is_not_sent_and_others_are() {
    let (world, collector) = (World::start().await, Collector::start().await);
    let group = world.group().await;
    let url = collector.url();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let (mut serve, at) = world.serve("serve", &[], &settings).await;
    start_within_trace(&world, at, &group, "00").await;
    world.start_job(at, &group, &search("results-5", 5)).await;
    world.all_jobs_ended().await;
    serve.signal("TERM");
    assert_eq!(serve.ended(Duration::from_secs(20)).await.code(), Some(0));
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace_id != TRACE), "{spans:?}");
    let run = spans.iter().find(|span| span.name == "run").unwrap();
    let request = spans
        .iter()
        .find(|span| span.span_id == run.parent_id)
        .unwrap();
    assert_eq!(
        (request.name.as_str(), request.parent_id.as_str()),
        ("request", "")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nothing_up() {
    let world = World::start().await;
    let group = world.group().await;
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    let (mut serve, at) = world.serve("serve", &[], &settings).await;
    for _ in 0..40 {
        start_within_trace(&world, at, &group, "01").await;
    }
    world.all_jobs_ended().await;
    world.assert_books_balance().await;
    let began = Instant::now();
    serve.signal("TERM");
    assert_eq!(serve.ended(Duration::from_secs(20)).await.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_job_keeps_the_trace_of_its_first_start() {
    let app = TestApp::start().await;
    let start = async |traceparent: &str| {
        let request = app
            .request("POST", &app.path("prospecting"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", "k")
            .header("traceparent", traceparent);
        let body = Body::from(search("results-3", 3).to_string());
        let answer = app
            .send(request.body(body).unwrap())
            .await
            .expect_status(202);
        (
            answer.header("x-trace-id").unwrap().to_owned(),
            answer.job_id(),
        )
    };
    let first = format!("00-{TRACE}-{CLIENTS_SPAN}-01");
    let (trace_id, job) = start(&first).await;
    let (_, replayed) = start(&first.replace("4b", "5c")).await;
    assert_eq!(replayed, job);
    let stored = sqlx::query!(
        "select trace_id, traceparent from prospecting_jobs where job_id = $1",
        job.as_str(),
    );
    let stored = stored.fetch_one(&mut app.connect().await).await.unwrap();
    assert_eq!(stored.trace_id, Some(trace_id));
    assert_eq!(stored.traceparent, Some(first));
}

#[tokio::test]
async fn a_process_of_the_version_before_can_still_start_jobs_that_this_one_runs() {
    let app = TestApp::start().await;
    let job = JobId::new();
    let source = search_source("results-3");
    let outcome = sqlx::query_scalar!(
        r#"
        select outcome as "outcome!"
        from start_job_v1($1, $2, 'linkedin_search', $3, 3, false, false, '{}', null, '\x00', 3)
        "#,
        app.group.as_str(),
        job.as_str(),
        Json(source) as _,
    );
    let outcome = outcome.fetch_one(&mut app.connect().await).await.unwrap();
    assert_eq!(outcome, "created");
    app.run_jobs_until_idle().await;
    assert_eq!(app.job(&job).await["status"], "completed");
}
