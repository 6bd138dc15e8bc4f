//! Exports: all rows of a job as one file, whole or not at all, at a cost that no size changes.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Version};
use http_body_util::BodyExt;
use prospector::domain::id::JobId;
use prospector::http::routes::prospects::export::EXPORTS_MAX;
use prospector::upstream::http::client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::support::app::{PATIENCE, TestApp, search, wait_for};
use crate::support::openapi::OpenApi;
use crate::support::served::{Limits, Listening, listen};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

impl TestApp {
    fn export_path(&self, job: &JobId) -> String {
        self.path(&format!("prospecting/{job}/prospects"))
    }

    /// All rows of a job in one answer, which is as the document says.
    async fn export(&self, job: &JobId, accept: &str) -> (HeaderMap, Bytes) {
        let path = self.export_path(job);
        let request = self.request("GET", &path).header("Accept", accept);
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let status = head.status.as_u16();
        let checked = OpenApi::get().check_response("GET", &path, status, &head.headers, &bytes);
        assert_eq!(checked, Ok(()));
        assert_eq!(status, 200);
        (head.headers, bytes)
    }

    /// Runs SQL past the program.
    async fn sql(&self, text: String) {
        let mut connection = self.connect().await;
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        statements.execute(&mut connection).await.unwrap();
    }

    /// A job that has ended, with so many rows.
    async fn job_with_rows(&self, rows: u32) -> JobId {
        let (job, _) = self.run_job(&search("results-1", 1)).await;
        self.sql(format!(
            "insert into job_prospects \
                 (account_group_id, job_id, row_number, outcome, outcome_reason, prospect_id, provider_id) \
             select account_group_id, job_id, number, 'duplicate', repeat('x', 200), prospect_id, provider_id \
             from job_prospects, generate_series(2, {rows}) as number \
             where job_id = '{job}' and row_number = 1"
        ))
        .await;
        job
    }
}

fn records(csv: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(csv);
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let header = cells(reader.headers().unwrap());
    let rows = reader.records().map(|row| cells(&row.unwrap())).collect();
    (header, rows)
}

/// The cell that a value of a JSON row must be.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cells(rows: &[Value]) -> Vec<Vec<String>> {
    let row = |row: &Value| row.as_object().unwrap().values().map(cell).collect();
    rows.iter().map(row).collect()
}

#[tokio::test]
async fn both_files_of_a_job_hold_the_rows_of_the_json_list() {
    let app = TestApp::start().await;
    let urls = [
        "linkedin.com/in/bea-test",
        "linkedin.com/in/missing-test",
        "linkedin.com/in/error-test",
        "linkedin.com/in/carl-test",
    ];
    let body = json!({"source": "url_upload", "urls": urls, "searchEmails": true});
    let (job, status) = app.run_job(&body).await;
    assert_eq!(status["status"], "completed");
    let rows = app.rows(&job).await;
    assert_eq!(rows.len(), 4);

    let (headers, csv) = app.export(&job, CSV).await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"prospects-{job}.csv\"");
    assert_eq!(headers["content-disposition"], disposition.as_str());
    assert!(csv.starts_with(b"\xEF\xBB\xBFrow,outcome,"));
    let (header, read) = records(&csv);
    let names: Vec<String> = rows[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(header.len(), names.len());
    assert!(names.iter().all(|name| header.contains(name)));
    let in_order: Vec<Vec<String>> = rows
        .iter()
        .map(|row| header.iter().map(|name| cell(&row[name])).collect())
        .collect();
    assert_eq!(read, in_order);

    let (headers, ndjson) = app.export(&job, NDJSON).await;
    assert_eq!(headers["content-type"], NDJSON);
    let lines = ndjson.split_inclusive(|byte| *byte == b'\n');
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines, rows);
    assert_eq!(cells(&lines), cells(&rows));
}

#[tokio::test]
async fn what_looks_like_a_formula_reaches_a_csv_reader_as_text() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-3", 3)).await;
    app.sql(
        "update prospects set name = '=HYPERLINK(\"http://x\")', headline = E'-1\\r\\n\"two\", lines', \
         company_name = E'\\tTab', location = '@here', first_name = '+1', last_name = 'A=B'"
            .to_owned(),
    )
    .await;
    let rows = app.rows(&job).await;
    let (header, read) = records(&app.export(&job, CSV).await.1);
    let of = |name: &str| &read[0][header.iter().position(|known| known == name).unwrap()];
    assert_eq!(of("name"), "'=HYPERLINK(\"http://x\")");
    assert_eq!(of("headline"), "'-1\r\n\"two\", lines");
    assert_eq!(of("companyName"), "'\tTab");
    assert_eq!(of("location"), "'@here");
    assert_eq!(of("firstName"), "'+1");
    assert_eq!(of("lastName"), "A=B");
    let ndjson = app.export(&job, NDJSON).await.1;
    let line = ndjson.split(|byte| *byte == b'\n').next().unwrap();
    let line: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(line, rows[0]);
    assert_eq!(line["name"], "=HYPERLINK(\"http://x\")");
}

#[tokio::test]
async fn a_job_without_rows_is_a_header_or_an_empty_file() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-3", 3)).await;
    let (header, rows) = records(&app.export(&job, CSV).await.1);
    assert_eq!((header.len(), rows.len()), (18, 0));
    assert_eq!(app.export(&job, NDJSON).await.1, "");
}

#[tokio::test]
async fn json_is_what_a_client_gets_that_asks_for_nothing_else() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-3", 3)).await;
    let path = app.export_path(&job);
    for accept in ["*/*", "image/png", "text/csv;q=0.1, application/json", ""] {
        let request = app.request("GET", &path).header("Accept", accept);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.clone().expect_status(200).data()["items"], json!([]));
        assert_eq!(answer.header("vary"), Some("accept"));
        assert_eq!(answer.header("content-disposition"), None);
    }
}

#[tokio::test]
async fn an_export_that_cannot_be_made_is_refused_in_the_envelope() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-3", 3)).await;
    let path = app.export_path(&job);
    let ask = async |path: &str, version: Version| {
        let request = app.request("GET", path).version(version);
        let request = request.header("Accept", CSV).body(Body::empty()).unwrap();
        app.send(request).await
    };
    for (query, field) in [
        ("limit=10", "limit"),
        ("cursor=abc", "cursor"),
        ("x=1", "x"),
    ] {
        let refused = ask(&format!("{path}?{query}"), Version::HTTP_11).await;
        assert_eq!(
            refused.clone().expect_status(400).code(),
            "VALIDATION_ERROR"
        );
        assert_eq!(refused.body["error"]["fields"][0]["field"], field);
    }
    let old = ask(&path, Version::HTTP_10).await.expect_status(400);
    assert_eq!(old.body["error"]["fields"][0]["code"], "http_version");
    let unknown = app.export_path(&JobId::new());
    let missing = ask(&unknown, Version::HTTP_11).await.expect_status(404);
    assert_eq!(missing.code(), "NOT_FOUND");
}

#[tokio::test]
async fn every_chunk_boundary_is_crossed_without_a_gap() {
    let app = TestApp::start().await;
    for rows in [999, 1_000, 1_001, 2_000] {
        let job = app.job_with_rows(rows).await;
        let (_, read) = records(&app.export(&job, CSV).await.1);
        let numbers: Vec<u32> = read.iter().map(|row| row[0].parse().unwrap()).collect();
        assert!(numbers.into_iter().eq(1..=rows), "{rows}");
    }
}

#[tokio::test]
async fn a_ninth_export_is_put_off_until_one_of_eight_has_ended() {
    let app = TestApp::start().await;
    let job = app.job_with_rows(1_001).await;
    let path = app.export_path(&job);
    let ask = async || {
        let request = app.request("GET", &path).header("Accept", NDJSON);
        let request = request.body(Body::empty()).unwrap();
        app.router.clone().oneshot(request).await.unwrap()
    };
    let mut running = Vec::new();
    for _ in 0..EXPORTS_MAX {
        let response = ask().await;
        assert_eq!(response.status(), 200);
        running.push(response);
    }
    let request = app.request("GET", &path).header("Accept", NDJSON);
    let refused = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.clone().expect_status(503).code(), "UNAVAILABLE");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(app.get(&path).await.status, 200, "lists need no place");
    running.pop();
    assert_eq!(ask().await.status(), 200);
    let whole = running.pop().unwrap().into_body().collect().await;
    assert_eq!(
        whole
            .unwrap()
            .to_bytes()
            .split(|byte| *byte == b'\n')
            .count(),
        1_002
    );
}

/// A client that has sent its request for an export and read nothing yet.
async fn ask_for_export(app: &TestApp, server: &Listening, job: &JobId) -> TcpStream {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nAccept: {CSV}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        app.export_path(job),
        app.key.reveal()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Whether what came is a whole answer in chunked coding, its last chunk included.
fn is_whole(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"\r\n0\r\n\r\n")
}

fn places_free(server: &Listening) -> usize {
    server.state.exports.available_permits()
}

#[tokio::test]
async fn a_stalled_export_holds_no_connection_to_the_database() {
    let app = TestApp::start().await;
    let job = app.job_with_rows(20_000).await;
    let limits = Limits {
        database_connections: 1,
        // It covers the time to the head of the answer, not the export.
        request_timeout: Duration::from_millis(1_500),
        ..Limits::default()
    };
    let server = listen(&app, limits).await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(ask_for_export(&app, &server, &job).await);
    }
    wait_for(async || places_free(&server) == EXPORTS_MAX - 4).await;
    let pool = server.state.app.database.pool().clone();
    wait_for(async || pool.num_idle() == 1).await;
    let url = format!("http://{}{}", server.address, app.path("credits"));
    let credits = client(PATIENCE).unwrap().get(url);
    let credits = credits.bearer_auth(app.key.reveal()).send().await.unwrap();
    assert_eq!(credits.status(), 200);

    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(places_free(&server), EXPORTS_MAX - 4, "they only stalled");
    for mut client in stalled {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(is_whole(&answer));
    }
    wait_for(async || places_free(&server) == EXPORTS_MAX).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_a_slow_one_is_served() {
    let app = TestApp::start().await;
    let job = app.job_with_rows(20_000).await;
    let write_timeout = Duration::from_millis(700);
    let limits = Limits {
        write_timeout,
        ..Limits::default()
    };
    let server = listen(&app, limits).await;
    let mut silent = ask_for_export(&app, &server, &job).await;
    wait_for(async || places_free(&server) < EXPORTS_MAX).await;
    wait_for(async || places_free(&server) == EXPORTS_MAX).await;
    let mut answer = Vec::new();
    let read = silent.read_to_end(&mut answer).await;
    assert!(read.is_err() || !is_whole(&answer), "it was cut");

    let mut slow = ask_for_export(&app, &server, &job).await;
    let started = Instant::now();
    let mut answer = vec![0; 256 * 1024];
    let mut taken = 0;
    while started.elapsed() < 3 * write_timeout {
        taken += slow
            .read(&mut answer[taken..taken + 24 * 1024])
            .await
            .unwrap();
        answer.resize(taken + 256 * 1024, 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    answer.truncate(taken);
    slow.read_to_end(&mut answer).await.unwrap();
    assert!(is_whole(&answer));
}

#[tokio::test]
async fn a_fault_in_mid_stream_breaks_the_connection_so_that_the_client_notices() {
    let app = TestApp::start().await;
    let job = app.job_with_rows(20_000).await;
    let server = listen(&app, Limits::default()).await;
    let url = format!("http://{}{}", server.address, app.export_path(&job));
    let request = client(PATIENCE).unwrap().get(url).header("Accept", CSV);
    let mut response = request.bearer_auth(app.key.reveal()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    app.sql("alter table job_prospects rename to gone".to_owned())
        .await;
    let error = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cut file passed for a whole one"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    wait_for(async || places_free(&server) == EXPORTS_MAX).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_hundred_thousand_rows_take_no_more_memory_than_two_thousand() {
    use crate::support::binary::Serving;

    let app = TestApp::start().await;
    let few = app.job_with_rows(2_000).await;
    let many = app.job_with_rows(200_000).await;
    let serving = Serving::start(&app.database).await;
    let export = async |job: &JobId| {
        let url = format!("http://{}{}", serving.address, app.export_path(job));
        let request = client(PATIENCE).unwrap().get(url).header("Accept", CSV);
        let mut response = request.bearer_auth(app.key.reveal()).send().await.unwrap();
        let (mut bytes, mut lines) = (0, 0);
        while let Some(chunk) = response.chunk().await.unwrap() {
            bytes += chunk.len();
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        }
        (bytes, lines)
    };
    for _ in 0..3 {
        assert_eq!(export(&few).await.1, 2_001);
    }
    let before = serving.peak_memory_kib();
    let (bytes, lines) = export(&many).await;
    assert_eq!(lines, 200_001);
    assert!(bytes > 50_000_000, "{bytes}");
    let grown = serving.peak_memory_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more for {bytes} bytes");
}
