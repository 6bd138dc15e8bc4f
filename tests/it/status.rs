//! Reading a job while it waits, runs and has ended, and its rows page by page.

use std::time::Duration;

use axum::body::Body;
use prospector::db::queue::{ClaimOutcome, Lease, claim_job, prolong_leases};
use prospector::domain::id::JobId;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::request_as;

impl TestApp {
    fn job_path(&self, job: &JobId) -> String {
        self.path(&format!("prospecting/{job}"))
    }

    async fn read_job(&self, job: &JobId) -> Answer {
        self.get(&self.job_path(job)).await.expect_status(200)
    }

    async fn read_unless(&self, job: &JobId, tags: &str) -> Answer {
        let request = self.request("GET", &self.job_path(job));
        let request = request.header("If-None-Match", tags).body(Body::empty());
        self.send(request.unwrap()).await
    }

    async fn claim(&self) -> Lease {
        let mut connection = self.connect().await;
        let claimed = claim_job(&mut connection, Duration::from_secs(30), 1).await;
        match claimed.unwrap() {
            ClaimOutcome::Claimed(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn lease_end(&self, lease: &Lease) -> chrono::DateTime<chrono::Utc> {
        let mut connection = self.connect().await;
        let end = sqlx::query_scalar!(
            r#"select lease_expires_at as "end!" from prospecting_jobs where lease_token = $1"#,
            lease.token
        );
        end.fetch_one(&mut connection).await.unwrap()
    }

    async fn prospects(&self, job: &JobId, query: &str) -> Answer {
        self.get(&format!("{}/prospects?{query}", self.job_path(job)))
            .await
    }
}

fn version(answer: &Answer) -> i64 {
    let tag = answer.header("etag").unwrap();
    let version = tag
        .strip_prefix("W/\"")
        .and_then(|rest| rest.strip_suffix('"'));
    version.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_client_that_has_the_version_gets_a_304() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-5", 10)).await;
    let full = app.read_job(&job).await;
    let tag = full.header("etag").unwrap().to_owned();
    assert_eq!(full.header("cache-control"), Some("private, no-cache"));
    for tags in [
        tag.clone(),
        tag.replace("W/", ""),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = app.read_unless(&job, &tags).await;
        assert_eq!(answer.status, 304, "{tags}");
        for header in ["etag", "cache-control", "retry-after"] {
            assert_eq!(answer.header(header), full.header(header), "{header}");
        }
    }
    app.read_unless(&job, "W/\"999\"").await.expect_status(200);
    app.run_jobs_until_idle().await;
    let ended = app.read_unless(&job, &tag).await.expect_status(200);
    assert!(version(&ended) > version(&full));
    assert_eq!(
        ended.header("retry-after"),
        None,
        "nothing more will change"
    );
}

#[tokio::test]
async fn a_heartbeat_is_no_change() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    let queued = app.read_job(&job).await;
    let lease = app.claim().await;
    let running = app.read_job(&job).await;
    assert_eq!(running.data()["status"], "running");
    assert!(version(&running) > version(&queued));

    let lease_end = app.lease_end(&lease).await;
    let mut connection = app.connect().await;
    let lease_time = Duration::from_secs(600);
    let lost = prolong_leases(&mut connection, std::slice::from_ref(&lease), lease_time).await;
    assert!(lost.unwrap().is_empty());
    assert!(app.lease_end(&lease).await > lease_end);
    let after = app.read_job(&job).await;
    assert_eq!(version(&after), version(&running));
    assert_eq!(after.data(), running.data());
}

#[tokio::test]
async fn a_poller_is_told_when_to_come_back() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    assert_eq!(app.read_job(&job).await.header("retry-after"), Some("2"));
    for (seconds, expected) in [
        (-5.0, 2..=2),
        (0.5, 2..=2),
        (90.0, 80..=90),
        (3_000.0, 2_990..=3_000),
        (90_000.0, 3_600..=3_600),
    ] {
        app.let_job_wait(&job, seconds).await;
        let answer = app.read_job(&job).await;
        assert_eq!(answer.data()["status"], "queued");
        assert_eq!(answer.data()["waiting"]["reason"], "upstream");
        let told: i64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(expected.contains(&told), "{seconds}: {told}");
    }
}

#[tokio::test]
async fn while_a_job_runs_its_version_tells_every_change_and_progress_never_falls() {
    let app = TestApp::start().await;
    let mut body = search("slow-20+results-230", 300);
    body["searchEmails"] = json!(true);
    let job = app.start_job(&body).await;
    let mut seen: Vec<(i64, Value)> = Vec::new();
    app.run_jobs_until(async || {
        let answer = app.read_job(&job).await;
        let data = answer.data().clone();
        let has_ended = !["queued", "running"].contains(&data["status"].as_str().unwrap());
        assert_eq!(answer.header("retry-after").is_none(), has_ended);
        seen.push((version(&answer), data));
        has_ended
    })
    .await;
    let distinct: std::collections::BTreeSet<i64> =
        seen.iter().map(|(version, _)| *version).collect();
    assert!(distinct.len() >= 5, "polled often enough: {distinct:?}");
    for ((old, before), (new, after)) in seen.iter().zip(&seen[1..]) {
        assert!(new >= old);
        assert_eq!(old == new, before == after, "{before:#}\n{after:#}");
        for stage in ["import", "enrichment"] {
            let progress = |data: &Value| data["stages"][stage]["progress"].as_f64().unwrap();
            assert!(progress(after) >= progress(before), "{before:#}\n{after:#}");
            assert!((0.0..=1.0).contains(&progress(after)));
        }
        for count in ["fetched", "imported", "duplicates", "emailsFound"] {
            let number = |data: &Value| data["counts"][count].as_i64().unwrap();
            assert!(number(after) >= number(before), "{count}");
        }
        let time = |data: &Value| data["updatedAt"].as_str().unwrap().to_owned();
        assert!(time(after) >= time(before));
        assert_eq!(after["credits"]["reserved"], 600);
    }
    let (_, last) = seen.last().unwrap();
    assert_eq!(last["status"], "completed");
    for stage in ["import", "enrichment"] {
        let expected = json!({"status": "completed", "progress": 1.0, "error": null});
        assert_eq!(last["stages"][stage], expected);
    }
    let credits = json!({"reserved": 600, "charged": 460, "released": 140});
    assert_eq!(last["credits"], credits);
}

#[tokio::test]
async fn reading_takes_no_query_parameters() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    for path in [app.job_path(&job), app.path("credits")] {
        let answer = app
            .get(&format!("{path}?verbose=1"))
            .await
            .expect_status(400);
        assert_eq!(answer.body["error"]["fields"][0]["field"], "verbose");
    }
}

#[tokio::test]
async fn polling_with_the_cursor_delivers_every_row_once_and_in_order() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("slow-40+results-130", 200)).await;
    let first = app.prospects(&job, "").await.expect_status(200);
    assert_eq!(first.data()["items"], json!([]));
    assert_eq!(first.data()["hasMore"], false);
    let mut cursor = first.data()["nextCursor"].as_str().map(str::to_owned);
    assert!(cursor.is_some(), "the job has not ended");

    let (mut rows, mut stretches) = (Vec::new(), 0);
    app.run_jobs_until(async || {
        stretches += 1;
        // All that is there so far.
        while let Some(at) = &cursor {
            let page = app
                .prospects(&job, &format!("limit=7&cursor={at}"))
                .await
                .expect_status(200);
            let items = page.data()["items"].as_array().unwrap();
            let has_more = page.data()["hasMore"] == true;
            assert!(items.len() == 7 || (items.len() < 7 && !has_more));
            rows.extend(items.iter().cloned());
            cursor = page.data()["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                assert!(!has_more);
                assert_eq!(
                    app.job(&job).await["status"],
                    "completed",
                    "null only at the end"
                );
            }
            if !has_more {
                break;
            }
        }
        cursor.is_none()
    })
    .await;
    assert!(stretches > 2, "the reader had to come back");
    let numbers: Vec<i64> = rows
        .iter()
        .map(|row| row["row"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=130).collect::<Vec<_>>());
    assert_eq!(rows, app.rows(&job).await);
}

#[tokio::test]
async fn rows_that_end_with_a_full_page_have_no_further_page() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-50", 50)).await;
    let first = app.prospects(&job, "").await.expect_status(200);
    assert_eq!(
        first.data()["items"].as_array().unwrap().len(),
        25,
        "the default"
    );
    assert_eq!(first.data()["hasMore"], true);
    let cursor = first.data()["nextCursor"].as_str().unwrap();
    let last = app
        .prospects(&job, &format!("cursor={cursor}"))
        .await
        .expect_status(200);
    assert_eq!(last.data()["items"].as_array().unwrap().len(), 25);
    assert_eq!(
        (&last.data()["hasMore"], &last.data()["nextCursor"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn a_cursor_of_another_list_and_a_limit_out_of_range_are_refused() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-30", 30)).await;
    let another_job = app.start_job(&search("a", 10)).await;
    let (other, other_key) = app.another_group(&Setup::default()).await;
    let start = request_as(
        &other_key,
        "POST",
        &format!("/v1/accounts/{other}/prospecting"),
    )
    .header("Content-Type", "application/json")
    .body(Body::from(search("a", 10).to_string()));
    let foreign_job = app.send(start.unwrap()).await.expect_status(202).job_id();
    let foreign = format!("/v1/accounts/{other}/prospecting/{foreign_job}/prospects");
    let foreign = request_as(&other_key, "GET", &foreign).body(Body::empty());
    let foreign = app.send(foreign.unwrap()).await.expect_status(200);

    let cursor_of = |page: &Answer| page.data()["nextCursor"].as_str().unwrap().to_owned();
    let own = cursor_of(&app.prospects(&job, "limit=7").await);
    app.prospects(&job, &format!("cursor={own}"))
        .await
        .expect_status(200);
    let mut changed = own.clone();
    changed.replace_range(10..11, if &own[10..11] == "A" { "B" } else { "A" });
    let cursor = |text: &str| (format!("cursor={text}"), "cursor");
    for (query, field) in [
        cursor(&cursor_of(&foreign)),
        cursor(&cursor_of(&app.prospects(&another_job, "").await)),
        cursor(&changed),
        cursor(&own[..own.len() - 1]),
        cursor(&format!("{own}%3D")),
        cursor("eyJyb3ciOjF9"),
        cursor("7"),
        cursor("%00"),
        cursor(""),
        (format!("cursor={own}&cursor={own}"), "cursor"),
        ("limit=0".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("limit=-1".to_owned(), "limit"),
        ("limit=abc".to_owned(), "limit"),
        ("limit=".to_owned(), "limit"),
        ("limit=5&limit=5".to_owned(), "limit"),
        ("Limit=5".to_owned(), "Limit"),
        ("status=completed".to_owned(), "status"),
    ] {
        let answer = app.prospects(&job, &query).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{query}"
        );
        let fields = answer.body["error"]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 1, "{query}");
        assert_eq!(fields[0]["field"], field, "{query}");
    }
    for limit in [1, 100] {
        app.prospects(&job, &format!("limit={limit}"))
            .await
            .expect_status(200);
    }
}
