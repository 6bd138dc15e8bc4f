//! Each kind of source, executed against the sandbox.

use std::collections::HashSet;

use prospector::upstream::sandbox::population;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, search};

fn outcomes(rows: &[Value], outcome: &str) -> usize {
    rows.iter().filter(|row| row["outcome"] == outcome).count()
}

#[tokio::test]
async fn a_search_imports_everybody_once_and_says_that_there_is_no_more() {
    let app = TestApp::start().await;
    let (job, status) = app.run_job(&search("results-130", 1_000)).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(status["counts"]["imported"], 130);
    assert_eq!(
        status["counts"]["fetched"],
        population::rows_of_search("results-130").len()
    );
    assert_eq!(status["counts"]["available"], status["counts"]["fetched"]);
    assert_eq!(
        status["credits"],
        json!({"reserved": 1000, "charged": 130, "released": 870})
    );
    assert_eq!(
        status["stages"]["import"],
        json!({"status": "completed", "progress": 1.0, "error": null})
    );
    assert_eq!(status["stages"]["enrichment"]["status"], "skipped");
    let rows = app.rows(&job).await;
    assert_eq!(rows.len(), 130);
    assert!(
        rows.iter()
            .enumerate()
            .all(|(index, row)| row["row"] == index + 1 && row["outcome"] == "imported")
    );
    assert_eq!(app.credits().await["balance"], 10_000 - 130);
}

#[tokio::test]
async fn max_results_is_a_hard_ceiling_on_rows_and_charges() {
    let app = TestApp::start().await;
    let (job, status) = app.run_job(&search("results-400", 133)).await;
    assert_eq!(status["stopReason"], "max_results");
    assert_eq!(status["counts"]["imported"], 133);
    assert_eq!(
        status["credits"],
        json!({"reserved": 133, "charged": 133, "released": 0})
    );
    assert_eq!(app.rows(&job).await.len(), 133);
}

#[tokio::test]
async fn a_ceiling_at_the_last_person_of_the_source_is_its_end() {
    let app = TestApp::start().await;
    let (_, status) = app.run_job(&search("results-100", 100)).await;
    assert_eq!(status["counts"]["imported"], 100);
    assert_eq!(status["stopReason"], "source_exhausted");
}

#[tokio::test]
async fn an_empty_source_completes_without_rows_or_charges() {
    let app = TestApp::start().await;
    let body =
        json!({"source": "sales_navigator", "savedSearchId": "50000000", "searchEmails": true});
    let (job, status) = app.run_job(&body).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(
        status["credits"],
        json!({"reserved": 200, "charged": 0, "released": 200})
    );
    assert_eq!(
        status["stages"]["enrichment"],
        json!({"status": "completed", "progress": 1.0, "error": null})
    );
    assert_eq!(app.rows(&job).await.len(), 0);
}

#[tokio::test]
async fn the_plan_caps_a_larger_max_results_and_the_job_shows_what_is_in_force() {
    let app = TestApp::with(Setup {
        plan: prospector::domain::plan::Plan::Tester,
        ..Setup::default()
    })
    .await;
    let (_, status) = app.run_job(&search("results-150", 5_000)).await;
    assert_eq!(status["maxResults"], 100);
    assert_eq!(status["counts"]["imported"], 100);
    assert_eq!(status["stopReason"], "max_results");
}

#[tokio::test]
async fn a_saved_search_and_a_lead_list_import_their_people() {
    let app = TestApp::start().await;
    for (field, id, people) in [
        ("savedSearchId", "50000061", 61),
        ("leadListId", "7000000000000000084", 84),
    ] {
        let (job, status) = app
            .run_job(&json!({"source": "sales_navigator", field: id, "maxResults": 500}))
            .await;
        assert_eq!(status["status"], "completed", "{status:#}");
        let counts = &status["counts"];
        let rows = counts["imported"].as_u64().unwrap() + counts["duplicates"].as_u64().unwrap();
        assert_eq!(rows, people);
        assert_eq!(status["credits"]["charged"], counts["imported"]);
        assert_eq!(app.rows(&job).await.len() as u64, people);
    }
}

#[tokio::test]
async fn commenters_are_people_each_once_and_companies_are_counted_apart() {
    let app = TestApp::start().await;
    let post = "https://www.linkedin.com/posts/ada_x-activity-7300000000000000045-aBcD";
    let (job, status) = app
        .run_job(&json!({"source": "post_commenters", "postUrl": post}))
        .await;
    let rows = population::rows_of_post("7300000000000000045");
    let companies = rows
        .iter()
        .filter(|row| matches!(row, population::Row::Company(_)))
        .count();
    assert!(companies > 0);
    assert_eq!(status["counts"]["imported"], 45);
    assert_eq!(status["counts"]["invalid"], companies);
    assert_eq!(status["counts"]["fetched"], rows.len());
    assert_eq!(app.rows(&job).await.len(), 45);
}

#[tokio::test]
async fn people_who_only_reply_to_comments_are_imported_too() {
    let app = TestApp::start().await;
    // However small the pages are, everybody is in and the last one is the end.
    for number in [1, 2, 10, 45] {
        let id = format!("730000000000001{number:04}");
        let post = format!("https://www.linkedin.com/feed/update/urn:li:activity:{id}/");
        let (job, status) = app
            .run_job(&json!({"source": "post_commenters", "postUrl": post, "maxResults": number}))
            .await;
        assert_eq!(status["stopReason"], "source_exhausted", "{status:#}");
        let rows = app.rows(&job).await;
        let imported: HashSet<&str> = rows
            .iter()
            .map(|row| row["providerId"].as_str().unwrap())
            .collect();
        let everybody = population::rows_of_post(&id);
        let everybody: HashSet<&str> = everybody
            .iter()
            .filter_map(|row| match row {
                population::Row::Person(person) => Some(&*person.classic_id),
                population::Row::Company(_) => None,
            })
            .collect();
        assert_eq!(imported, everybody);
        assert_eq!((rows.len(), everybody.len()), (number, number));
    }
}

#[tokio::test]
async fn every_distinct_url_gets_one_row_whatever_became_of_it() {
    let app = TestApp::start().await;
    let urls = [
        "https://www.linkedin.com/in/ada-testova",
        "linkedin.com/in/ADA-Testova/?trk=x",
        "https://fr.linkedin.com/in/missing-jane",
        "https://www.linkedin.com/in/error-joe",
        "https://www.linkedin.com/in/ben-sample",
    ];
    let (job, status) = app
        .run_job(&json!({"source": "url_upload", "urls": urls, "maxResults": 1}))
        .await;
    assert_eq!(status["maxResults"], 4);
    assert_eq!(status["status"], "completed");
    assert_eq!(status["counts"]["imported"], 2);
    assert_eq!(status["counts"]["notFound"], 1);
    assert_eq!(status["counts"]["failed"], 1);
    assert_eq!(
        status["credits"],
        json!({"reserved": 4, "charged": 2, "released": 2})
    );
    let rows = app.rows(&job).await;
    let inputs: Vec<&str> = rows
        .iter()
        .map(|row| row["inputUrl"].as_str().unwrap())
        .collect();
    assert_eq!(inputs, [urls[0], urls[2], urls[3], urls[4]]);
    assert_eq!(rows[1]["outcome"], "not_found");
    assert_eq!(rows[2]["outcome"], "failed");
}

#[tokio::test]
async fn people_whom_the_group_has_already_cost_nothing_and_are_not_looked_up() {
    let app = TestApp::start().await;
    app.run_job(&search("results-60", 100)).await;
    let mut again = search("results-60", 40);
    again["searchEmails"] = json!(true);
    let (job, status) = app.run_job(&again).await;
    assert_eq!(status["counts"]["imported"], 0);
    assert_eq!(status["counts"]["duplicates"], 40);
    assert_eq!(status["stopReason"], "max_results");
    assert_eq!(
        status["credits"],
        json!({"reserved": 80, "charged": 0, "released": 80})
    );
    assert_eq!(outcomes(&app.rows(&job).await, "duplicate"), 40);
}

#[tokio::test]
async fn skipped_duplicates_get_no_row_and_do_not_count_towards_the_ceiling() {
    let app = TestApp::start().await;
    app.run_job(&search("results-60", 30)).await;
    let mut again = search("results-60", 20);
    again["duplicates"] = json!("skip");
    let (job, status) = app.run_job(&again).await;
    assert_eq!(status["counts"]["imported"], 20);
    assert_eq!(status["counts"]["duplicates"], 30);
    assert_eq!(status["stopReason"], "max_results");
    let rows = app.rows(&job).await;
    assert_eq!((rows.len(), outcomes(&rows, "imported")), (20, 20));
}

#[tokio::test]
async fn emails_are_looked_up_for_everybody_imported_and_each_costs_one_credit() {
    let app = TestApp::start().await;
    let mut body = search("results-120", 500);
    body["searchEmails"] = json!(true);
    let (job, status) = app.run_job(&body).await;
    assert_eq!(
        status["stages"]["enrichment"],
        json!({"status": "completed", "progress": 1.0, "error": null})
    );
    assert_eq!(
        status["credits"],
        json!({"reserved": 1000, "charged": 240, "released": 760})
    );
    let rows = app.rows(&job).await;
    let found = rows.iter().filter(|row| row["email"].is_string()).count();
    assert_eq!(status["counts"]["emailsFound"], found);
    assert!(
        (60..=100).contains(&found),
        "about two in three have an address: {found}"
    );
    for row in &rows {
        let expected: &[&str] = if row["email"].is_string() {
            &["valid", "unverified"]
        } else {
            &["not_found"]
        };
        assert!(
            expected.contains(&row["emailStatus"].as_str().unwrap()),
            "{row:#}"
        );
    }
}

#[tokio::test]
async fn a_finder_that_fails_for_good_loses_no_imported_people_and_charges_no_lookups() {
    let app = TestApp::start().await;
    for (word, code) in [
        ("finder-quota", "EMAIL_FINDER_QUOTA"),
        ("finder-down", "EMAIL_FINDER_UNAVAILABLE"),
    ] {
        let mut body = search(&format!("{word}+results-30"), 100);
        body["searchEmails"] = json!(true);
        let (job, status) = app.run_job(&body).await;
        assert_eq!(status["status"], "completed");
        assert_eq!(status["error"], Value::Null);
        assert_eq!(status["stages"]["enrichment"]["status"], "failed");
        assert_eq!(status["stages"]["enrichment"]["error"]["code"], code);
        assert_eq!(
            status["credits"],
            json!({"reserved": 200, "charged": 30, "released": 170})
        );
        assert!(
            app.rows(&job)
                .await
                .iter()
                .all(|row| row["emailStatus"] == "failed")
        );
    }
}

#[tokio::test]
async fn passing_faults_of_the_provider_leave_no_trace_in_the_result() {
    let app = TestApp::start().await;
    for words in ["fail-2", "refuse-2", "limit-1", "broken-json", "html"] {
        let (_, status) = app
            .run_job(&search(&format!("{words}+results-60"), 100))
            .await;
        assert_eq!(status["status"], "completed", "{words}: {status:#}");
        let counts = &status["counts"];
        assert_eq!(
            counts["imported"].as_u64().unwrap() + counts["duplicates"].as_u64().unwrap(),
            60,
            "{words}"
        );
        assert_eq!(status["attempt"], 1, "{words}");
    }
}

#[tokio::test]
async fn a_permanent_fault_fails_the_job_with_a_code_and_keeps_what_was_imported() {
    let app = TestApp::start().await;
    let (job, status) = app
        .run_job(&search("disconnect-at-40+results-90", 100))
        .await;
    assert_eq!(status["status"], "failed");
    assert_eq!(status["error"]["code"], "LINKEDIN_DISCONNECTED");
    assert_eq!(status["stopReason"], "error");
    assert_eq!(status["stages"]["import"]["status"], "failed");
    let imported = status["counts"]["imported"].as_u64().unwrap();
    assert!((35..=40).contains(&imported));
    assert_eq!(
        status["credits"],
        json!({"reserved": 100, "charged": imported, "released": 100 - imported})
    );
    assert_eq!(app.rows(&job).await.len() as u64, imported);

    let unknown = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000040400";
    let (_, status) = app
        .run_job(&json!({"source": "post_commenters", "postUrl": unknown}))
        .await;
    assert_eq!(status["error"]["code"], "SOURCE_NOT_FOUND");

    let (_, status) = app.run_job(&search("only-companies", 100)).await;
    assert_eq!(status["error"]["code"], "SOURCE_REFUSED");
}

#[tokio::test]
async fn what_is_no_person_or_another_one_is_left_out_and_counted() {
    let app = TestApp::start().await;
    let (job, status) = app.run_job(&search("with-companies+results-45", 100)).await;
    assert_eq!(status["counts"]["invalid"], 3);
    assert_eq!(status["counts"]["imported"], 45);
    assert_eq!(app.rows(&job).await.len(), 45);

    let urls = ["swapped-ada-test", "company-demo", "throttled-ben-test"]
        .map(|slug| format!("https://www.linkedin.com/in/{slug}"));
    let (job, status) = app
        .run_job(&json!({"source": "url_upload", "urls": urls}))
        .await;
    assert_eq!(status["credits"]["charged"], 1);
    let rows = app.rows(&job).await;
    let became = |row: &Value| (row["outcome"].clone(), row["outcomeReason"].clone());
    assert_eq!(
        became(&rows[0]),
        (
            json!("invalid"),
            json!("LinkedIn answered with the profile of somebody else")
        )
    );
    assert_eq!(
        became(&rows[1]),
        (json!("invalid"), json!("this is not a person"))
    );
    // Without its positions the profile is somebody all the same.
    assert_eq!(became(&rows[2]), (json!("imported"), Value::Null));
    assert_eq!(
        (&rows[2]["title"], &rows[2]["companyName"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_longer_wait_asked_for_by_the_provider_gives_the_worker_slot_back() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("limit-600+results-60", 100)).await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["status"], "queued");
    assert_eq!(status["waiting"]["reason"], "upstream");
    assert_eq!(status["counts"]["fetched"], 25);
    assert_eq!(status["error"], Value::Null);
    app.assert_books_balance().await;

    // The wait is over: the job goes on from its cursor, as the same attempt.
    let mut connection = app.connect().await;
    sqlx::query!("update prospecting_jobs set due_at = now()")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query!("update lanes set next_turn_at = now(), parked = false")
        .execute(&mut connection)
        .await
        .unwrap();
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(
        (&status["status"], &status["attempt"]),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(status["counts"]["imported"], 60);
}

#[tokio::test]
async fn a_job_at_its_quota_waits_for_the_next_day() {
    let mut setup = Setup::default();
    setup.quotas.linkedin_classic = 40;
    let app = TestApp::with(setup).await;
    let job = app.start_job(&search("results-60", 100)).await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["waiting"]["reason"], "quota");
    assert_eq!(
        status["counts"]["fetched"], 40,
        "not one row more than the quota allows"
    );
    app.post_job(&search("results-10", 10))
        .await
        .expect_status(429);
}
