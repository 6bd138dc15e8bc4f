//! What processes of their own show: labels that stay few, an address of its own, log lines.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use prospector::domain::id::AccountGroupId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::metrics::page::series;
use crate::support::app::{search, wait_for};
use crate::support::replica::Replica;
use crate::support::world::{Group, World};

async fn get(world: &World, at: SocketAddr, path: &str) -> (u16, String) {
    let sent = world
        .client
        .get(format!("http://{at}{path}"))
        .send()
        .await
        .unwrap();
    (sent.status().as_u16(), sent.text().await.unwrap())
}

async fn names(world: &World, at: SocketAddr) -> BTreeSet<String> {
    let (status, page) = get(world, at, "/metrics").await;
    assert_eq!(status, 200);
    series(&page).into_keys().collect()
}

/// Requests with whatever a client can make up, in all the forms that get an answer.
async fn hammer(world: &World, at: SocketAddr, group: &Group, rounds: std::ops::Range<u32>) {
    for round in rounds {
        let made_up = AccountGroupId::new();
        let methods = ["GET", "HEAD", "POST", "DELETE", &format!("BREW{round}")];
        for method in methods {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            for path in [
                format!("/made-up-{round}"),
                format!("/v1/accounts/{made_up}/credits?x={round}"),
                format!("/v1/accounts/{}/prospecting/{made_up}", group.id),
                format!("/docs/{made_up}"),
            ] {
                for key in [group.key.reveal(), &format!("sk_test_made-up-{round}")] {
                    let request = world
                        .client
                        .request(method.clone(), format!("http://{at}{path}"));
                    let request = request
                        .header("X-Api-Key", key)
                        .header("User-Agent", path.as_str());
                    request.send().await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_make_up_makes_no_further_series() {
    let world = World::start().await;
    let group = world.group().await;
    let (_serve, at) = world.serve("hammered", &["--role", "api"], &[]).await;
    hammer(&world, at, &group, 0..1).await;
    names(&world, at).await;
    let before = names(&world, at).await;
    assert!(
        before
            .iter()
            .any(|name| name.contains("method=\"other\",status=\"405\""))
    );
    hammer(&world, at, &group, 1..6).await;
    let after = names(&world, at).await;
    let more: Vec<&String> = after.difference(&before).collect();
    assert_eq!(more, Vec::<&String>::new());
    assert!(
        !after
            .iter()
            .any(|name| name.contains("made-up") || name.contains(group.id.as_str()))
    );
}

/// The address that a log line names.
fn logged_address(serve: &Replica, message: &str) -> Option<SocketAddr> {
    let log = serve.log();
    let line = log.lines().find(|line| line.contains(message))?;
    line.split("address=")
        .nth(1)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_for_metrics_shows_them_alone_and_to_the_end() {
    let world = World::start().await;
    let group = world.group().await;
    let settings = [("METRICS_ADDR", "127.0.0.1:0")];
    let (mut serve, at) = world.serve("measured", &[], &settings).await;
    let metrics = logged_address(&serve, "metrics are shown").unwrap();
    assert_eq!(get(&world, at, "/metrics").await.0, 404);
    assert_eq!(get(&world, metrics, "/healthz").await.0, 404);
    let (status, page) = get(&world, metrics, "/metrics").await;
    assert_eq!(status, 200);
    let shown = series(&page);
    assert_eq!(shown["prospector_worker_slots"], 16.0);
    assert!(shown["prospector_database_connections_max{pool=\"worker\"}"] == 5.0);
    if cfg!(target_os = "linux") {
        assert!(shown["process_resident_memory_bytes"] > 1e6);
        assert!(shown["process_open_fds"] > 5.0);
    }

    // While a page is being fetched the process cannot end yet, and can still be watched.
    world
        .start_job(at, &group, &search("results-60+slow-3000", 100))
        .await;
    wait_for(async || {
        let page = get(&world, metrics, "/metrics").await.1;
        series(&page)["prospector_worker_slots_in_use"] == 1.0
    })
    .await;
    serve.signal("TERM");
    wait_for(async || {
        world
            .client
            .get(format!("http://{at}/healthz"))
            .send()
            .await
            .is_err()
    })
    .await;
    assert!(serve.is_running());
    let shown = series(&get(&world, metrics, "/metrics").await.1);
    assert_eq!(shown["prospector_http_requests_in_flight"], 1.0, "this one");
    assert_eq!(serve.ended(Duration::from_secs(20)).await.code(), Some(0));
}

/// The log lines with a message, as JSON.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jobs_log_lines_in_any_process_carry_the_trace_id_of_its_start_and_nobodys_data() {
    let world = World::start().await;
    let group = world.group().await;
    let settings = [("LOG_FORMAT", "json")];
    let (api, at) = world.serve("api", &["--role", "api"], &settings).await;
    let (worker, _) = world
        .serve("worker", &["--role", "worker"], &settings)
        .await;
    let mut body = search("secretkeyword+results-12", 12);
    body["searchEmails"] = json!(true);
    let path = format!("http://{at}/v1/accounts/{}/prospecting", group.id);
    let sent = world.client.post(path).bearer_auth(group.key.reveal());
    let sent = sent
        .json(&body)
        .header("Idempotency-Key", "secretorder")
        .send()
        .await
        .unwrap();
    let trace_id = sent.headers()["x-trace-id"].to_str().unwrap().to_owned();
    let job = sent.json::<Value>().await.unwrap()["data"]["jobId"].clone();
    world.all_jobs_ended().await;
    wait_for(async || !lines(&worker.log(), "job ended").is_empty()).await;

    let answered = &lines(&api.log(), "request answered")[0];
    assert_eq!(answered["status"], 202);
    assert!(answered["duration_ms"].is_u64());
    let span = &answered["spans"][0];
    assert_eq!(span["trace_id"], trace_id);
    assert_eq!(span["method"], "POST");
    assert_eq!(span["route"], "/v1/accounts/{accountGroupId}/prospecting");
    assert_eq!(span["account_group"], group.id.as_str());
    assert!(span["api_key"].is_string());
    assert_eq!(
        lines(&api.log(), "job queued")[0]["spans"][0]["trace_id"],
        trace_id
    );

    for message in ["job claimed", "job ended"] {
        let line = &lines(&worker.log(), message)[0];
        let span = &line["spans"][0];
        assert_eq!(span["trace_id"], trace_id, "{line}");
        assert_eq!(
            (&span["job"], &span["account_group"]),
            (&job, &json!(group.id))
        );
        assert_eq!(span["source"], "linkedin_search");
    }
    let ended = &lines(&worker.log(), "job ended")[0];
    assert_eq!(
        (&ended["status"], &ended["imported"]),
        (&json!("completed"), &json!(12))
    );
    assert_eq!(ended["credits_charged"], 24);
    assert!(ended["seconds"].as_f64().unwrap() > 0.0);

    let logs = api.log() + &worker.log();
    for secret in [
        "secretkeyword",
        "secretorder",
        "linkedin.com",
        "@",
        group.key.reveal(),
    ] {
        assert!(!logs.contains(secret), "{secret} is in the log");
    }
}
