//! The entries of the ledger.

use prospector::db::credit_entries::{list_credit_entries, list_credit_entries_of_job};
use prospector::db::credits::grant_credits;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::reads::rows_read;
use crate::support::requests::request_as;

impl TestApp {
    async fn entries(&self, query: &str) -> Answer {
        self.get(&self.path(&format!("credits/entries{query}")))
            .await
    }

    async fn grant(&self, amount: i64, reason: &str) {
        let mut connection = self.connect().await;
        let mut tx = connection.begin().await.unwrap();
        grant_credits(&mut tx, &self.group, amount, reason, None)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

fn items_of(page: &Answer) -> Vec<Value> {
    page.data()["items"].as_array().unwrap().clone()
}

fn total(entries: &[Value]) -> i64 {
    let amounts = entries
        .iter()
        .map(|entry| entry["amount"].as_i64().unwrap());
    amounts.sum()
}

#[tokio::test]
async fn the_entries_tell_how_the_balance_came_about() {
    let app = TestApp::start().await;
    let mut body = search("results-40", 100);
    body["searchEmails"] = json!(true);
    let (first, status) = app.run_job(&body).await;
    let (second, _) = app.run_job(&search("results-7", 10)).await;
    app.grant(500, "spring").await;
    let page = app.entries("?limit=100").await.expect_status(200);
    let entries = items_of(&page);
    assert_eq!(
        (
            &entries[0]["kind"],
            &entries[0]["reason"],
            &entries[0]["jobId"],
            &entries[0]["page"]
        ),
        (
            &json!("grant"),
            &json!("spring"),
            &Value::Null,
            &Value::Null
        )
    );
    let kinds: Vec<&str> = entries
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"import") && kinds.contains(&"email"));
    assert_eq!(kinds.last(), Some(&"grant"));
    for pair in entries.windows(2) {
        let (newer, older) = (&pair[0], &pair[1]);
        assert_eq!(
            newer["balanceAfter"].as_i64().unwrap(),
            older["balanceAfter"].as_i64().unwrap() + newer["amount"].as_i64().unwrap()
        );
        assert!(newer["createdAt"].as_str() >= older["createdAt"].as_str());
    }
    assert_eq!(entries[0]["balanceAfter"], app.credits().await["balance"]);

    let of_first = items_of(&app.entries(&format!("?jobId={first}&limit=100")).await);
    assert!(
        of_first
            .iter()
            .all(|entry| entry["jobId"] == first.as_str())
    );
    assert!(of_first.iter().all(|entry| entry["reason"].is_null()));
    assert_eq!(
        -total(&of_first),
        status["credits"]["charged"].as_i64().unwrap()
    );
    let of_second = items_of(&app.entries(&format!("?jobId={second}")).await);
    let of_jobs = of_first.len() + of_second.len();
    assert_eq!(of_jobs, entries.len() - 2);
}

#[tokio::test]
async fn entries_that_are_added_meanwhile_neither_repeat_nor_hide_older_ones() {
    let app = TestApp::start().await;
    for amount in 1..=6 {
        app.grant(amount, "before").await;
    }
    let expected = items_of(&app.entries("").await);
    assert_eq!(expected.len(), 7);
    let mut seen: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.entries(&format!("?limit=3{cursor}")).await;
        let page = page.expect_status(200);
        seen.extend(items_of(&page));
        app.grant(1_000, "meanwhile").await;
        match page.data()["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_job_of_nobody_or_of_others_has_no_entries_and_a_malformed_one_is_named() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-60", 60)).await;
    let (group, key) = app.another_group(&Setup::default()).await;
    for path in [
        app.path("credits/entries?jobId=507f1f77bcf86cd799439011"),
        format!("/v1/accounts/{group}/credits/entries?jobId={job}"),
    ] {
        let key = if path.contains(group.as_str()) {
            &key
        } else {
            &app.key
        };
        let request = request_as(key, "GET", &path);
        let answer = app
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(items_of(&answer.expect_status(200)), Vec::<Value>::new());
    }
    for wrong in ["x", "", "507F1F77BCF86CD799439011", "%00"] {
        let answer = app.entries(&format!("?jobId={wrong}")).await;
        assert_eq!(answer.expect_status(400).field(), "jobId", "{wrong}");
    }
    let page = app.entries(&format!("?limit=1&jobId={job}")).await;
    let cursor = page.data()["nextCursor"].as_str().unwrap().to_owned();
    let answer = app.entries(&format!("?cursor={cursor}")).await;
    assert_eq!(answer.expect_status(400).field(), "cursor");
    let jobs = app.path(&format!("prospecting?cursor={cursor}"));
    assert_eq!(app.get(&jobs).await.expect_status(400).field(), "cursor");
}

#[tokio::test]
async fn every_page_reads_what_it_shows_however_long_the_ledger() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-60", 60)).await;
    let mut connection = app.connect().await;
    sqlx::query!(
        r#"
        insert into credit_entries (account_group_id, kind, amount, balance_after, reason)
        select $1, 'grant', 1, n, 'many' from generate_series(1, 20000) as n
        "#,
        app.group.as_str()
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query!("analyze credit_entries")
        .execute(&mut connection)
        .await
        .unwrap();
    for (of_job, before) in [(false, None), (false, Some(5_000)), (true, None)] {
        let (read, found) = rows_read(&mut connection, "credit_entries", async |connection| {
            let found = match of_job {
                false => list_credit_entries(connection, &app.group, before, 26).await,
                true => list_credit_entries_of_job(connection, &app.group, &job, before, 26).await,
            };
            found.unwrap().len()
        })
        .await;
        assert_eq!(read, found, "of job: {of_job}, before {before:?}");
        assert!((2..=26).contains(&found));
    }
}
