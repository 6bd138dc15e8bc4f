//! The replies below comments: in which order they are read, and where they end.

use super::*;
use crate::upstream::http::scripted::Reply;
use crate::upstream::provider::{ListPlace, PageItem, RepliesCursor};
use crate::upstream::unipile::person::COMPANY;

const COMMENTS: &str = "GET /v2/acc_01demo/posts/p-1/comments";

fn comment(id: &str, author: &str, replies: impl Into<Value>) -> Value {
    json!({"object": "Comment", "id": id, "reply_counter": replies.into(),
        "author": {"id": author, "type": "individual", "display_name": "Ada Testova"}})
}

fn list(rows: &[Value], next_cursor: Option<&str>) -> Reply {
    Reply::json(200, &json!({"data": rows, "next_cursor": next_cursor}))
}

fn by_offset(offset: u32) -> PageCursor {
    PageCursor::CommentsOffset {
        post_id: "p-1".to_owned(),
        offset,
    }
}

fn replies_to(comments: &[&str]) -> RepliesCursor {
    RepliesCursor {
        post_id: "p-1".to_owned(),
        comments: comments.iter().map(|id| (*id).to_owned()).collect(),
        at: None,
        pages: 0,
        then: Some(ListPlace::Offset(40)),
        available: Some(90),
    }
}

fn authors(page: &PeoplePage) -> Vec<String> {
    let id = |item: &PageItem| match item {
        PageItem::Person(person) => person.provider_id.clone().unwrap(),
        PageItem::Invalid { reason } => (*reason).to_owned(),
    };
    page.items.iter().map(id).collect()
}

/// Reads on from a cursor to the end: who came on each page.
async fn read_on(server: &Scripted, cursor: PageCursor) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(cursor);
    while let Some(cursor) = next {
        // What is stored between two pages.
        let stored = serde_json::to_string(&cursor).unwrap();
        let cursor: PageCursor = serde_json::from_str(&stored).unwrap();
        let page = commenters(server, after(&cursor)).await.unwrap();
        pages.push(authors(&page));
        next = page.next;
    }
    pages
}

#[tokio::test]
async fn replies_follow_the_page_of_their_comments_one_comment_after_the_other() {
    let company = json!({"id": "c-4", "reply_counter": 1.0,
        "author": {"id": "7", "type": "organization"}});
    let nested = json!({"id": "c-5", "thread_id": "c-1", "reply_counter": 3,
        "author": {"id": "ACoA5"}});
    let server = Scripted::start([
        list(
            &[
                comment("c-1", "ACoA1", 2),
                comment("c-2", "ACoA2", 0),
                comment("c-3", "ACoA3", json!(null)),
                company,
                nested,
            ],
            None,
        ),
        list(
            &[comment("r-1", "ACoA6", 0), comment("r-2", "ACoA1", 0)],
            None,
        ),
        list(&[], None),
        list(&[comment("r-3", "ACoA7", 0)], Some("b c")),
        list(&[comment("r-4", "ACoA8", 0)], None),
        list(&[], None),
    ]);
    let pages = read_on(&server, by_offset(20)).await;
    assert_eq!(
        pages,
        [
            vec!["ACoA1", "ACoA2", "ACoA3", COMPANY, "ACoA5"],
            vec!["ACoA6", "ACoA1"],
            vec![],
            vec!["ACoA7"],
            vec!["ACoA8"],
            vec![],
        ]
    );
    assert_eq!(
        server.lines(),
        [
            format!("{COMMENTS}?limit=20&sort_by=MOST_RECENT&offset=20"),
            format!("{COMMENTS}/c-1/replies?limit=20"),
            format!("{COMMENTS}/c-1/replies?limit=20&offset=2"),
            format!("{COMMENTS}/c-4/replies?limit=20"),
            format!("{COMMENTS}/c-4/replies?cursor=b+c"),
            format!("{COMMENTS}?limit=20&sort_by=MOST_RECENT&offset=25"),
        ]
    );
    for seen in server.seen() {
        assert_eq!(seen.header("cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn the_last_replies_are_the_end_when_the_comments_have_ended() {
    let server = Scripted::start([
        Reply::json(
            200,
            &json!({"data": [comment("c-1", "ACoA1", 1)], "total_count": 7}),
        ),
        Reply::json(
            200,
            &json!({"data": [comment("r-1", "ACoA2", 0)], "total_count": 1}),
        ),
    ]);
    let cursor = by_offset(6);
    let comments = commenters(&server, after(&cursor)).await.unwrap();
    let cursor = comments.next.unwrap();
    assert!(cursor.is_of_replies());
    let replies = commenters(&server, after(&cursor)).await.unwrap();
    assert_eq!((replies.next, replies.available), (None, Some(7)));
}

#[tokio::test]
async fn a_total_may_count_replies_or_not() {
    for (total, expected) in [
        (json!(2), None),
        (json!(5), None),
        (json!(4), Some(ListPlace::Offset(2))),
        (json!(9), Some(ListPlace::Offset(2))),
        (json!(null), Some(ListPlace::Offset(2))),
    ] {
        let rows = [comment("c-1", "ACoA1", 3), comment("c-2", "ACoA2", 0)];
        let server = Scripted::start([
            Reply::json(200, &json!({"object": "Post", "id": "p-1"})),
            Reply::json(200, &json!({"data": rows, "total_count": total})),
        ]);
        let page = commenters(&server, first(20)).await.unwrap();
        let Some(PageCursor::Replies(next)) = page.next else {
            panic!("no replies follow")
        };
        assert_eq!(next.then, expected, "{total}");
    }
}

#[tokio::test]
async fn replies_that_are_not_to_be_had_cost_that_comment_only() {
    let error = |status, kind| Reply::json(status, &json!({"object": "Error", "type": kind}));
    for refusal in [
        error(404, "provider/resource_not_found"),
        error(400, "provider/invalid_parameters"),
        error(403, "provider/insufficient_permissions"),
        error(422, "provider/unprocessable_entity"),
        error(501, "api/not_implemented"),
    ] {
        let server = Scripted::start([refusal]);
        let cursor = PageCursor::Replies(replies_to(&["c-1", "c-2"]));
        let page = commenters(&server, after(&cursor)).await.unwrap();
        assert_eq!(page.items, []);
        assert_eq!(page.next, Some(PageCursor::Replies(replies_to(&["c-2"]))));
    }
    for (fault, expected) in [
        (
            error(401, "provider/invalid_authorization"),
            UpstreamFault::AccountDisconnected,
        ),
        (
            error(401, "api/missing_authorization"),
            UpstreamFault::KeyRefused,
        ),
        (
            error(429, "api/too_many_requests"),
            UpstreamFault::RateLimited,
        ),
        (Reply::html(502), UpstreamFault::ServerError),
        (Reply::html(200), UpstreamFault::InvalidAnswer),
    ] {
        let server = Scripted::start([fault]);
        let cursor = PageCursor::Replies(replies_to(&["c-1", "c-2"]));
        let page = commenters(&server, after(&cursor)).await;
        assert_eq!(page.unwrap_err().fault, expected);
    }
}

#[tokio::test]
async fn replies_in_circles_end() {
    // By turns two tokens that lead to each other.
    let page = |token| list(&[comment("r-1", "ACoA1", 0)], Some(token));
    let circle = (0..200).map(|turn| page(if turn % 2 == 0 { "a" } else { "b" }));
    let server = Scripted::start(circle);
    let mut cursor = PageCursor::Replies(replies_to(&["c-1"]));
    let mut calls = 0;
    while cursor.is_of_replies() {
        let page = commenters(&server, after(&cursor)).await.unwrap();
        cursor = page.next.unwrap();
        calls += 1;
    }
    assert_eq!((cursor, calls), (by_offset(40), 100));

    // The same token again.
    let server = Scripted::start([page("a"), page("a")]);
    let cursor = PageCursor::Replies(replies_to(&["c-1"]));
    let first = commenters(&server, after(&cursor)).await.unwrap();
    let cursor = first.next.unwrap();
    let second = commenters(&server, after(&cursor)).await.unwrap();
    assert_eq!(second.next, Some(by_offset(40)));
}

#[tokio::test]
async fn the_cursor_is_bounded_whatever_a_page_holds() {
    let long_id = |index: usize| format!("{index:0>200}");
    let mut comments: Vec<Value> = (0..300)
        .map(|index| comment(&long_id(index), "ACoA1", 1))
        .collect();
    // What is no id, or would lead to another path, is not followed.
    for id in ["", ".", "..", "a b", &"x".repeat(201)] {
        comments.insert(0, comment(id, "ACoA1", 1));
    }
    let server = Scripted::start([list(&comments, Some(&"t".repeat(4_096)))]);
    let cursor = by_offset(0);
    let page = commenters(&server, after(&cursor)).await.unwrap();
    assert_eq!(page.items.len(), 305);
    let Some(PageCursor::Replies(next)) = &page.next else {
        panic!("no replies follow")
    };
    assert_eq!(next.comments.len(), 100);
    assert_eq!(next.comments[0], long_id(0));
    assert!(serde_json::to_string(&page.next).unwrap().len() < 32_000);
}

#[tokio::test]
async fn a_cursor_without_comments_goes_on_without_a_call() {
    let server = Scripted::start([]);
    let cursor = PageCursor::Replies(replies_to(&[]));
    let page = commenters(&server, after(&cursor)).await.unwrap();
    assert_eq!((page.items, page.next), (vec![], Some(by_offset(40))));
}

#[test]
fn a_stored_place_among_replies_keeps_its_form() {
    let cursor = PageCursor::Replies(RepliesCursor {
        at: Some(ListPlace::Token("b".to_owned())),
        pages: 1,
        then: None,
        available: None,
        ..replies_to(&["c-1", "c-2"])
    });
    let replies = json!({"comments": ["c-1", "c-2"], "at": {"token": "b"}, "pages": 1,
        "available": null, "are_last": true});
    let stored = json!({"comments_offset":
        {"post_id": "p-1", "offset": 1_000_000, "replies": replies}});
    assert_eq!(json!(cursor), stored);
    assert_eq!(
        serde_json::from_value::<PageCursor>(stored).unwrap(),
        cursor
    );
}
