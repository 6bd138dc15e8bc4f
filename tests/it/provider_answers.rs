//! What becomes of jobs whose provider answers oddly: the real client in front, the database behind.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::unipile::provider_that_answers;

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
    let app = TestApp::with(provider_that_answers(talkative_post).await).await;
    let post = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/";
    let (job, status) = app
        .run_job(&json!({"source": "post_commenters", "postUrl": post}))
        .await;
    assert_eq!(status["counts"]["imported"], 30, "{status:#}");
    assert_eq!(status["counts"]["fetched"], 25 * 6 + 5);
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(app.rows(&job).await.len(), 30);
}
