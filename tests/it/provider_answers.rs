//! What becomes of jobs whose provider answers oddly: the real client in front, the database behind.

use serde_json::{Value, json};

use crate::support::app::{TestApp, search};
use crate::support::by_hand::make_all_due;
use crate::support::unipile::AnsweringProvider;

fn person(number: u32) -> Value {
    json!({"id": format!("ACoAADemo{number:03}"), "type": "individual",
        "display_name": format!("Ada Testova {number}")})
}

fn comment(number: u32, replies: u32) -> Value {
    json!({"object": "Comment", "id": format!("c-{number}"), "author": person(number),
        "reply_counter": replies})
}

/// 25 comments, below each a talk of five replies between people who are known already, then five
/// comments of others.
fn talkative_post(path: &str) -> Option<(u16, String)> {
    let rest = path.strip_prefix("/v2/acc_01test/posts/")?;
    let Some((_, below)) = rest.split_once("/comments") else {
        return Some((200, json!({"object": "Post", "id": "p-1"}).to_string()));
    };
    let rows: Vec<Value> = if let Some(replies) = below.strip_prefix("/c-") {
        let number = replies.split_once('/')?.0.parse().ok()?;
        let talk = [0, number, 0, number, 0];
        match below.contains("offset=") {
            true => vec![],
            false => talk.map(|number| comment(number, 0)).to_vec(),
        }
    } else if below.contains("offset=25") {
        (25..30).map(|number| comment(number, 0)).collect()
    } else if below.contains("offset=") {
        vec![]
    } else {
        (0..25).map(|number| comment(number, 5)).collect()
    };
    Some((200, json!({"data": rows}).to_string()))
}

#[tokio::test]
async fn long_talks_below_comments_do_not_end_a_post_early() {
    let provider = AnsweringProvider::start(talkative_post).await;
    let app = TestApp::with(provider.setup.clone()).await;
    let post = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/";
    let (job, status) = app
        .run_job(&json!({"source": "post_commenters", "postUrl": post}))
        .await;
    assert_eq!(status["counts"]["imported"], 30, "{status:#}");
    assert_eq!(status["counts"]["fetched"], 25 * 6 + 5);
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(app.rows(&job).await.len(), 30);
}

/// Two comments with replies; those to the first are never to be had.
fn post_with_a_bad_comment(path: &str) -> Option<(u16, String)> {
    let rest = path.strip_prefix("/v2/acc_01test/posts/")?;
    let list = |rows: &[Value]| json!({"data": rows, "total_count": rows.len()}).to_string();
    Some(match rest.split_once("/comments") {
        None => (200, json!({"object": "Post", "id": "p-1"}).to_string()),
        Some((_, below)) if below.starts_with("/c-1/") => (500, "{".to_owned()),
        Some((_, below)) if below.starts_with("/c-2/") => (200, list(&[comment(3, 0)])),
        Some(_) => (200, list(&[comment(1, 4), comment(2, 1)])),
    })
}

#[tokio::test]
async fn one_comment_whose_replies_always_fail_does_not_hold_up_the_post() {
    let provider = AnsweringProvider::start(post_with_a_bad_comment).await;
    let app = TestApp::with(provider.setup.clone()).await;
    let post = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/";
    let body = json!({"source": "post_commenters", "postUrl": post});
    let job = app.start_job(&body).await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["waiting"]["reason"], "upstream", "{status:#}");
    assert_eq!(status["counts"]["imported"], 2);

    make_all_due(&mut app.connect().await).await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["stopReason"], "source_exhausted", "{status:#}");
    assert_eq!(status["counts"]["imported"], 3);
    app.assert_books_balance().await;
}

/// What a search's keyword stands for.
fn odd_search(path: &str) -> Option<(u16, String)> {
    let rows = match path {
        _ if !path.contains("/linkedin/search") => return None,
        _ if !path.ends_with("offset=0") => String::new(),
        _ => odd_rows(),
    };
    Some((
        200,
        format!(r#"{{"data":[{rows}],"data2":1,"total_count":1e300}}"#),
    ))
}

/// Rows that a table would refuse, or worse, take: all of them name somebody.
fn odd_rows() -> String {
    let long = "é".repeat(5_000);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    [
        r#"{"id":"ACoAAOdd01","display_name":"Nul\u0000l\u0001 \u0007","headline":"\u0000"}"#.to_owned(),
        r#"{"id":"ACoAAOdd02","display_name":"Cut \ud83d"}"#.to_owned(),
        format!(r#"{{"id":"ACoAAOdd03","display_name":"{long}","headline":"{long}","location":"{long}"}}"#),
        r#"{"id":"ACoAAOdd04","id":"ACoAAOdd05","display_name":["x"],"headline":{"a":1}}"#.to_owned(),
        r#"{"id":"ACoAAOdd06","member_id":9007199254740993,"public_identifier":"a\u0000b","profile_url":7}"#.to_owned(),
        r#"{"id":"ACoAAOdd07","work_experience":[null,{"job_title":1e300,"company":[]}]}"#.to_owned(),
        format!(r#"{{"id":"ACoAAOdd08","education":{deep}}}"#),
        format!(r#"{{"id":"{long}"}}"#),
        r#"{"id":"a\u0000b"}"#.to_owned(),
        r#"{"id":1e999}"#.to_owned(),
        "null".to_owned(),
        r#"{"object":"CompanySearchResult","id":"7"}"#.to_owned(),
        r#"{"id":"ACoAAOdd09","display_name":"=cmd|' /C calc'!A1","network_distance":"BRAND_NEW"}"#.to_owned(),
    ]
    .join(",")
}

#[tokio::test]
async fn odd_rows_are_imported_fit_for_storage_or_counted_as_invalid() {
    let provider = AnsweringProvider::start(odd_search).await;
    let app = TestApp::with(provider.setup.clone()).await;
    let (job, status) = app.run_job(&search("odd", 100)).await;
    assert_eq!(status["status"], "completed", "{status:#}");
    assert_eq!(status["counts"]["fetched"], 13);
    assert_eq!(status["counts"]["invalid"], 6);
    assert_eq!(status["counts"]["imported"], 7);
    let rows = app.rows(&job).await;
    let names: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["name"].as_str())
        .map(|name| &name[..name.len().min(8)])
        .collect();
    assert_eq!(names, ["Nul l", "Cut", "éééé", "=cmd|' /"]);
    assert_eq!(rows[2]["headline"].as_str().unwrap().chars().count(), 500);
    assert_eq!(rows[4]["publicIdentifier"], Value::Null);
}

#[tokio::test]
async fn answers_that_are_no_page_fail_in_a_defined_way_and_never_with_internal_error() {
    /// The word in the path of the account's search, and what it brings.
    fn by_word(path: &str) -> Option<(u16, String)> {
        let list = path.split("/lead-lists/").nth(1)?;
        let id = list.split('?').next()?;
        let error = |kind: &str| json!({"object": "Error", "type": kind}).to_string();
        let company = json!({"object": "CompanySearchResult", "id": "7"});
        Some(match id {
            "1" => (200, json!({"data": [company]}).to_string()),
            "2" => (404, error("provider/resource_not_found")),
            "3" => (403, error("provider/brand_new")),
            "4" => (401, error("provider/invalid_authorization")),
            "5" => (401, error("api/missing_authorization")),
            "6" => (501, error("api/not_implemented")),
            "7" => (418, "\0<html>".to_owned()),
            "8" => (422, error("provider/unprocessable_entity")),
            "9" => (200, r#"{"data":[],"data":[]}"#.to_owned()),
            _ => (200, "{".repeat(100_000)),
        })
    }
    let provider = AnsweringProvider::start(by_word).await;
    let app = TestApp::with(provider.setup.clone()).await;
    let mut jobs = Vec::new();
    for (list, code) in [
        ("1", Some("SOURCE_REFUSED")),
        ("2", Some("SOURCE_NOT_FOUND")),
        ("3", Some("SALES_NAVIGATOR_REQUIRED")),
        ("4", Some("LINKEDIN_DISCONNECTED")),
        ("5", Some("PROVIDER_KEY_REFUSED")),
        ("6", Some("SOURCE_REFUSED")),
        ("7", Some("SOURCE_REFUSED")),
        ("8", Some("SOURCE_REFUSED")),
        ("9", None),
        ("10", None),
    ] {
        let body = json!({"source": "sales_navigator", "leadListId": list, "maxResults": 5});
        jobs.push((app.start_job(&body).await, code));
    }
    app.run_jobs_until_idle().await;
    app.assert_books_balance().await;
    for (job, code) in jobs {
        let status = app.job(&job).await;
        match code {
            Some(code) => assert_eq!(status["error"]["code"], code, "{status:#}"),
            None => assert_eq!(status["waiting"]["reason"], "upstream", "{status:#}"),
        }
        assert_eq!(status["counts"]["fetched"], 0);
    }
}
