//! The list of an account group's jobs.

use prospector::db::job_list::{list_jobs, list_jobs_with_status};
use prospector::domain::id::JobId;
use prospector::domain::job::JobStatus;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::reads::rows_read;
use crate::support::requests::request_as;

impl TestApp {
    async fn list(&self, query: &str) -> Answer {
        self.get(&self.path(&format!("prospecting{query}"))).await
    }

    /// The ids of a whole list, page by page, with something done before each page.
    async fn ids_of_list(&self, query: &str, mut before: impl AsyncFnMut()) -> Vec<String> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            before().await;
            let page = self.list(&format!("?{query}{cursor}")).await;
            let page = page.expect_status(200);
            ids.extend(ids_of(&page));
            match page.data()["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }

    /// Jobs of long ago, a second apart; every thousandth of them failed.
    async fn store_old_jobs(&self, count: i32) {
        let mut connection = self.connect().await;
        sqlx::query!(
            r#"
            insert into prospecting_jobs (
                account_group_id, job_id, source, request, max_results, search_emails, skip_duplicates,
                metadata, status, import_status, stop_reason, enrichment_status, error_code, error_message,
                credits_reserved, created_at, ended_at
            )
            select $1, lpad(to_hex(n), 24, '0'), 'linkedin_search', '{}', 1, false, false, '{}',
                case when n % 1000 = 0 then 'failed' else 'completed' end, 'completed', 'source_exhausted',
                'skipped', case when n % 1000 = 0 then 'TIME_LIMIT' end, 'It took too long.', 0,
                timestamptz '2026-01-01' + n * interval '1 second', now()
            from generate_series(1, $2::integer) as n
            "#,
            self.group.as_str(),
            count,
        )
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query!("analyze prospecting_jobs")
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

fn ids_of(page: &Answer) -> Vec<String> {
    let items = page.data()["items"].as_array().unwrap().iter();
    items
        .map(|item| item["jobId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_listed_job_shows_what_it_is_and_where_it_stands() {
    let app = TestApp::start().await;
    let mut body = search("results-12", 100);
    body["metadata"] = json!({"campaign": "spring"});
    let (job, status) = app.run_job(&body).await;
    let page = app.list("").await.expect_status(200);
    assert_eq!(
        page.data(),
        &json!({
            "items": [{
                "jobId": job.as_str(),
                "type": "prospecting",
                "status": "completed",
                "createdAt": status["createdAt"],
                "updatedAt": status["updatedAt"],
                "source": "linkedin_search",
                "counts": status["counts"],
                "metadata": {"campaign": "spring"},
            }],
            "nextCursor": null,
            "hasMore": false,
        })
    );
    assert_eq!(status["counts"]["imported"], 12);
}

#[tokio::test]
async fn jobs_that_are_added_meanwhile_neither_repeat_nor_hide_older_ones() {
    let app = TestApp::start().await;
    let mut jobs = Vec::new();
    for index in 0..7 {
        jobs.push(app.start_job(&search(&format!("old{index}"), 1)).await);
    }
    let newest_first = app.list("").await.data()["items"].clone();
    let order = |item: &Value| format!("{}{}", item["createdAt"], item["jobId"]);
    let newest_first = newest_first.as_array().unwrap();
    assert!(newest_first.is_sorted_by(|one, next| order(one) > order(next)));

    let mut added = 0;
    let listed = app
        .ids_of_list("limit=2", async || {
            added += 1;
            if added > 1 {
                app.start_job(&search(&format!("new{added}"), 1)).await;
            }
        })
        .await;
    assert_eq!(
        listed,
        newest_first
            .iter()
            .map(|item| item["jobId"].as_str().unwrap())
            .collect::<Vec<_>>()
    );
    assert_eq!(listed.len(), jobs.len());
}

#[tokio::test]
async fn jobs_of_one_instant_are_told_apart_by_their_ids() {
    let app = TestApp::start().await;
    let mut jobs: Vec<JobId> = Vec::new();
    for index in 0..5 {
        jobs.push(app.start_job(&search(&format!("s{index}"), 1)).await);
    }
    let mut connection = app.connect().await;
    // Finer than what is stored: a cursor must lead back to exactly what the column holds.
    sqlx::query!("update prospecting_jobs set created_at = '2026-04-28T15:30:00.123456Z'")
        .execute(&mut connection)
        .await
        .unwrap();
    jobs.sort();
    jobs.reverse();
    let listed = app.ids_of_list("limit=1", async || {}).await;
    let expected: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_status_narrows_the_list_and_a_cursor_stays_with_its_filter() {
    let app = TestApp::start().await;
    let (completed, _) = app.run_job(&search("results-1", 1)).await;
    let mut queued = Vec::new();
    for index in 0..3 {
        queued.push(app.start_job(&search(&format!("q{index}"), 1)).await);
    }
    let cancel = app.path(&format!("prospecting/{}/cancel", queued[2]));
    let request = app.request("POST", &cancel);
    app.send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .expect_status(200);

    for (status, expected) in [
        ("queued", vec![queued[1].as_str(), queued[0].as_str()]),
        ("running", vec![]),
        ("completed", vec![completed.as_str()]),
        ("failed", vec![]),
        ("cancelled", vec![queued[2].as_str()]),
    ] {
        let mut listed = app
            .ids_of_list(&format!("limit=1&status={status}"), async || {})
            .await;
        let mut expected = expected;
        listed.sort();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{status}");
    }

    let page = app.list("?limit=1&status=queued").await;
    let cursor = page.data()["nextCursor"].as_str().unwrap();
    for other in ["", "&status=running", "&status=completed"] {
        let answer = app.list(&format!("?cursor={cursor}{other}")).await;
        assert_eq!(answer.expect_status(400).field(), "cursor", "{other}");
    }
    for wrong in ["waiting", "QUEUED", "", "queued,running"] {
        let answer = app.list(&format!("?status={wrong}")).await;
        assert_eq!(answer.expect_status(400).field(), "status", "{wrong}");
    }
    app.list(&format!("?cursor={cursor}&status=queued&limit=100"))
        .await
        .expect_status(200);
}

#[tokio::test]
async fn other_groups_and_pruned_jobs_are_not_listed() {
    let app = TestApp::start().await;
    let (pruned, _) = app.run_job(&search("results-1", 1)).await;
    let kept = app.start_job(&search("a", 1)).await;
    let mut connection = app.connect().await;
    sqlx::query!(
        "update prospecting_jobs set request = null, pruned_at = now() where job_id = $1",
        pruned.as_str()
    )
    .execute(&mut connection)
    .await
    .unwrap();
    assert_eq!(ids_of(&app.list("").await), [kept.as_str()]);
    let completed = app.list("?status=completed").await.expect_status(200);
    assert_eq!(ids_of(&completed), Vec::<String>::new());

    let (group, key) = app.another_group(&Setup::default()).await;
    let request = request_as(&key, "GET", &format!("/v1/accounts/{group}/prospecting"));
    let theirs = app
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!(ids_of(&theirs.expect_status(200)), Vec::<String>::new());
}

#[tokio::test]
async fn every_page_reads_what_it_shows_whichever_page_it_is_and_however_rare_the_status() {
    let app = TestApp::start().await;
    app.store_old_jobs(20_000).await;
    let mut connection = app.connect().await;
    let group = &app.group;
    let old: JobId = format!("{:024x}", 700).parse().unwrap();
    let long_ago = "2026-01-01T00:11:40Z".parse().unwrap();
    // Often enough for the database to plan without looking at the values.
    for _ in 0..8 {
        for after in [None, Some((long_ago, &old))] {
            let work = async |connection: &mut _| {
                let jobs = list_jobs(connection, group, after, 26).await;
                jobs.unwrap().len()
            };
            let read = rows_read(&mut connection, "prospecting_jobs", work).await;
            assert_eq!(read, (26, 26), "after {after:?}");
        }
        let work = async |connection: &mut _| {
            let failed = JobStatus::Failed;
            let jobs = list_jobs_with_status(connection, group, failed, None, 26).await;
            jobs.unwrap().len()
        };
        let read = rows_read(&mut connection, "prospecting_jobs", work).await;
        assert_eq!(read, (20, 20));
    }

    sqlx::query!("update prospecting_jobs set request = null, pruned_at = now()")
        .execute(&mut connection)
        .await
        .unwrap();
    let (read, jobs) = rows_read(&mut connection, "prospecting_jobs", async |connection| {
        list_jobs(connection, group, None, 26).await.unwrap()
    })
    .await;
    assert_eq!((read, jobs.len()), (0, 0), "pruned jobs cost nothing");
}
