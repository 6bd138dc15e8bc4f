//! What operators change and read from the command line.

use prospector::db::account_groups::AccountGroupChange;
use prospector::service::operator::{self, Refusal};
use prospector::service::operator_jobs;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, search};
use crate::support::binary::{run, run_json, run_refused, run_unread};

fn paused(paused: bool) -> AccountGroupChange {
    AccountGroupChange {
        paused: Some(paused),
        ..AccountGroupChange::default()
    }
}

#[tokio::test]
async fn the_end_of_a_pause_makes_the_jobs_that_waited_for_it_due_at_once() {
    let app = TestApp::start().await;
    let database = &app.app.database;
    let jobs = [
        app.start_job(&search("results-30", 30)).await,
        app.post_job_with_key(&search("results-31", 31), "early")
            .await
            .job_id(),
    ];
    let group = operator::update_account_group(database, &app.group, &paused(true)).await;
    assert!(group.unwrap().paused);
    let refused = app.post_job(&search("results-1", 1)).await;
    assert_eq!(refused.expect_status(409).code(), "ACCOUNT_GROUP_PAUSED");
    let replay = app
        .post_job_with_key(&search("results-31", 31), "early")
        .await;
    assert_eq!(replay.expect_status(202).job_id(), jobs[1]);
    app.run_jobs_until_idle().await;
    for job in &jobs {
        assert_eq!(app.job(job).await["waiting"]["reason"], "paused");
    }

    let version = operator_jobs::get_job(database, &app.group, &jobs[0]).await;
    let version = version.unwrap().job.version;
    let group = operator::update_account_group(database, &app.group, &paused(false)).await;
    assert!(!group.unwrap().paused);
    let now = chrono::Utc::now();
    for job in &jobs {
        assert_eq!(app.job(job).await["waiting"], Value::Null);
        let found = operator_jobs::get_job(database, &app.group, job).await;
        assert!(found.unwrap().next_try_at.unwrap() <= now);
    }
    let changed = operator_jobs::get_job(database, &app.group, &jobs[0]).await;
    assert_eq!(changed.unwrap().job.version, version + 1);
    app.run_jobs_until_idle().await;
    for job in &jobs {
        assert_eq!(app.job(job).await["status"], "completed");
    }
    app.assert_books_balance().await;
}

#[tokio::test]
async fn the_end_of_a_pause_leaves_other_waits_as_they_are() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-30", 30)).await;
    let wait = format!(
        "update prospecting_jobs set waiting_reason = 'quota', due_at = now() + interval '1 hour' \
         where job_id = '{job}'"
    );
    let mut connection = app.connect().await;
    let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(wait));
    statements.execute(&mut connection).await.unwrap();
    for state in [true, false] {
        let change = paused(state);
        let changed = operator::update_account_group(&app.app.database, &app.group, &change);
        changed.await.unwrap();
    }
    assert_eq!(app.job(&job).await["waiting"]["reason"], "quota");
}

#[tokio::test]
async fn an_adjustment_stops_at_what_unfinished_jobs_hold() {
    let app = TestApp::start().await;
    let database = &app.app.database;
    app.start_job(&search("results-100", 100)).await;
    let adjust = async |amount: i64, reference: Option<&str>| {
        operator::adjust_credits(database, &app.group, amount, "correction", reference).await
    };
    let refused = adjust(-9_901, None).await.unwrap_err();
    assert!(matches!(
        refused,
        Refusal::BelowReserved { available: 9_900 }
    ));
    for _ in 0..2 {
        let group = adjust(-9_900, Some("ticket 7")).await.unwrap();
        assert_eq!((group.balance, group.reserved), (100, 100));
    }
    let taken = adjust(-1, Some("ticket 7")).await.unwrap_err();
    assert!(matches!(taken, Refusal::ReferenceTaken(_)));
    let granted = operator::grant_credits(database, &app.group, 5, "gift", Some("ticket 7")).await;
    assert!(matches!(granted, Err(Refusal::ReferenceTaken(_))));
    assert!(matches!(
        adjust(i64::MAX, None).await,
        Err(Refusal::TooMuch)
    ));
    assert_eq!(adjust(25, None).await.unwrap().available(), 25);
    app.assert_books_balance().await;
    let entries = operator::list_credit_entries(database, &app.group, None, 10).await;
    let amounts: Vec<i64> = entries.unwrap().iter().map(|entry| entry.amount).collect();
    assert_eq!(amounts, [25, -9_900, 10_000]);
}

#[tokio::test]
async fn account_groups_are_changed_connected_and_disconnected() {
    let app = TestApp::start().await;
    let id = app.group.as_str();
    let command = async |arguments: &[&str]| {
        run_json(&app.database, &[&["account-group"], arguments].concat()).await
    };
    let before = command(&["show", id]).await;
    let mut expected = before.clone();
    expected["name"] = json!("Renamed");
    expected["paused"] = json!(true);
    let update = ["update", id, "--name", " Renamed ", "--paused", "true"];
    assert_eq!(command(&update).await, expected);
    expected["plan"] = json!("scale");
    expected["paused"] = json!(false);
    let update = ["update", id, "--plan", "scale", "--paused", "false"];
    assert_eq!(command(&update).await, expected);
    expected["linkedinAccountId"] = json!("acc_other");
    let connect = ["connect", id, "--linkedin-account", "acc_other"];
    assert_eq!(command(&connect).await, expected);
    expected["linkedinAccountId"] = Value::Null;
    assert_eq!(command(&["disconnect", id]).await, expected);

    for wrong in [
        &["update", id][..],
        &["update", id, "--paused"],
        &["update", id, "--plan", "free"],
        &["connect", id],
        &["connect", id, "--linkedin-account", "x"],
    ] {
        let output = run(&app.database, &[&["account-group"], wrong].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    let nobody = "000000000000000000000000";
    for missing in [
        &["update", nobody, "--name", "x"][..],
        &["disconnect", nobody],
    ] {
        let said = run_refused(&app.database, &[&["account-group"], missing].concat()).await;
        assert!(said.contains(nobody), "{said}");
    }
}

#[tokio::test]
async fn credits_are_adjusted_and_their_entries_listed() {
    let app = TestApp::start().await;
    let id = app.group.as_str();
    let (job, _) = app.run_job(&search("results-30", 30)).await;
    let command = async |arguments: &[&str]| {
        let arguments = [
            &["credits", arguments[0], "--account-group", id],
            &arguments[1..],
        ];
        run_json(&app.database, &arguments.concat()).await
    };
    let adjusted = command(&["adjust", "--amount", "-70", "--reason", "typo"]).await;
    assert_eq!(
        adjusted,
        json!({"accountGroupId": id, "plan": "starter", "balance": 9_900, "reserved": 0, "available": 9_900})
    );
    let all = command(&["entries"]).await;
    let mut first = all["items"][0].clone();
    first.as_object_mut().unwrap().remove("createdAt");
    first.as_object_mut().unwrap().remove("entryId");
    assert_eq!(
        first,
        json!({"kind": "adjust", "amount": -70, "balanceAfter": 9_900, "jobId": null, "page": null, "reason": "typo"})
    );
    let of_job = command(&["entries", "--job", job.as_str(), "--limit", "1"]).await;
    assert_eq!(of_job["items"].as_array().unwrap().len(), 1);
    assert_eq!(of_job["items"][0]["jobId"], job.as_str());
    assert_eq!(of_job["items"][0]["kind"], "import");

    let too_much = [
        "credits",
        "adjust",
        "--account-group",
        id,
        "--amount=-9901",
        "--reason",
        "x",
    ];
    let said = run_refused(&app.database, &too_much).await;
    assert!(said.contains("at most 9900 credits"), "{said}");
    let nothing = [
        "credits",
        "adjust",
        "--account-group",
        id,
        "--amount",
        "0",
        "--reason",
        "x",
    ];
    assert_eq!(run(&app.database, &nothing).await.status.code(), Some(2));
}

#[tokio::test]
async fn jobs_of_all_groups_are_listed_shown_watched_and_cancelled() {
    let app = TestApp::start().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let (done, status) = app.run_job(&search("results-30", 30)).await;
    let queued = app.start_job(&search("results-31", 31)).await;
    let command =
        async |arguments: &[&str]| run_json(&app.database, &[&["jobs"], arguments].concat()).await;
    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|job| job["jobId"].as_str().unwrap().to_owned())
            .collect()
    };
    let (done_id, queued_id) = (done.to_string(), queued.to_string());
    let all = command(&["list"]).await;
    assert_eq!(ids(&all), [queued_id.clone(), done_id.clone()]);
    assert_eq!(
        ids(&command(&["list", "--limit", "1"]).await),
        std::slice::from_ref(&queued_id)
    );
    let completed = command(&["list", "--status", "completed"]).await;
    assert_eq!(ids(&completed), std::slice::from_ref(&done_id));
    let of_other = command(&["list", "--account-group", other.as_str()]).await;
    assert_eq!(of_other, json!({"items": []}));

    let shown = command(&["show", &done_id]).await;
    assert_eq!(shown, all["items"][1]);
    let mut expected = status;
    expected["accountGroupId"] = json!(app.group.as_str());
    expected["leaseExpiresAt"] = Value::Null;
    expected["nextTryAt"] = Value::Null;
    expected["heldUpBy"] = Value::Null;
    assert_eq!(shown, expected, "the API's job object and four fields more");
    assert!(all["items"][0]["nextTryAt"].is_string());

    let watched = run(&app.database, &["jobs", "watch", &done_id]).await;
    assert_eq!(watched.status.code(), Some(0));
    let text = String::from_utf8(watched.stdout).unwrap();
    assert!(
        text.starts_with(&format!("{done_id} completed: 30 imported")),
        "{text}"
    );
    assert_eq!(
        text.lines().count(),
        1,
        "no bars where there is no terminal"
    );

    let cancelled = command(&["cancel", &queued_id]).await;
    assert_eq!(cancelled["status"], "cancelled");
    let watched = run(&app.database, &["jobs", "watch", &queued_id]).await;
    assert_eq!(watched.status.code(), Some(1));
    let said = run_refused(&app.database, &["jobs", "cancel", &done_id]).await;
    assert!(said.contains("completed or failed already"), "{said}");
    let said = run_refused(&app.database, &["jobs", "show", app.group.as_str()]).await;
    assert!(said.contains("there is no job"), "{said}");
}

#[tokio::test]
async fn a_watch_follows_a_job_to_its_end() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("results-60+slow-300", 60)).await;
    let arguments = ["jobs", "watch", job.as_str()];
    let (watched, ()) = tokio::join!(run(&app.database, &arguments), app.run_jobs_until_idle());
    assert_eq!(watched.status.code(), Some(0));
    let text = String::from_utf8(watched.stdout).unwrap();
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with(&format!("{job} completed: 60 imported")),
        "{text}"
    );
}

#[tokio::test]
async fn a_command_whose_stdout_was_closed_ends_without_a_word() {
    let app = TestApp::start().await;
    for arguments in [
        &["account-group", "list"][..],
        &["demo"],
        &["sandbox", "--listen", "127.0.0.1:0"],
    ] {
        let output = run_unread(&app.database, arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*said),
            (Some(141), ""),
            "{arguments:?}"
        );
    }
}
