//! What is asked for, and where each next page begins.

use percent_encoding::percent_decode_str;

use super::*;
use crate::upstream::http::scripted::{Reply, Seen};
use crate::upstream::provider::PageItem;
use crate::upstream::unipile::person::{COMPANY, UNIDENTIFIABLE};

const POST_ID: &str = "WyJhY3Rpdml0eTo3MyIsInVnY1Bvc3Q6NzQiXQ==";
const COMMENTS: &str =
    "GET /v2/acc_01demo/posts/WyJhY3Rpdml0eTo3MyIsInVnY1Bvc3Q6NzQiXQ%3D%3D/comments";

fn people(count: u32) -> Vec<Value> {
    (0..count)
        .map(|index| json!({"object": "PeopleSearchResult", "id": format!("ACoA{index}")}))
        .collect()
}

fn comments(count: u32) -> Vec<Value> {
    people(count)
        .into_iter()
        .map(|author| json!({"object": "Comment", "author": author}))
        .collect()
}

/// The page that comes of one answer to a search at an offset.
async fn search_answered(body: &Value, offset: u32) -> (PeoplePage, Seen) {
    let server = Scripted::start([Reply::json(200, body)]);
    let cursor = PageCursor::Offset(offset);
    let page = search(&server, after(&cursor)).await.unwrap();
    (page, server.seen().remove(0))
}

#[tokio::test]
async fn each_source_asks_as_the_protocol_wants() {
    let server = Scripted::start((0..3).map(|_| Reply::json(200, &json!({"data": []}))));
    let cursor = PageCursor::Offset(25);
    search(&server, first(20)).await.unwrap();
    saved_search_people(&server, first(25)).await.unwrap();
    lead_list_people(&server, after(&cursor)).await.unwrap();

    assert_eq!(
        server.lines(),
        [
            "POST /v2/acc_01demo/linkedin/search?limit=20&offset=0",
            "POST /v2/acc_01demo/linkedin/sales-navigator/search/people?limit=25&offset=0",
            "POST /v2/acc_01demo/linkedin/sales-navigator/lead-lists/7000000000000000001?limit=20&offset=25",
        ]
    );
    let seen = server.seen();
    assert_eq!(seen[0].body, json!({"url": search_url().as_str()}));
    assert_eq!(
        seen[1].body,
        json!({"load_saved_search": {"id": "50000001"}})
    );
    assert_eq!(
        seen[2].body,
        json!({"sort_by": "DATE_ADDED", "sort_order": "ASCENDING"})
    );
    for seen in seen {
        assert_eq!(seen.header("x-api-key"), Some("s3cret"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn an_offset_advances_by_what_came() {
    for (count, total, offset, expected) in [
        (20, json!(431), 0, Some(20)),
        // Fewer than the limit is no end: LinkedIn hides rows.
        (7, json!(431), 20, Some(27)),
        (7, json!(null), 20, Some(27)),
        // More than the limit may come as well.
        (50, json!(null), 0, Some(50)),
        (11, json!(431.0), 420, None),
        (20, json!("40"), 20, None),
        (0, json!(431), 40, None),
        (0, json!(null), 0, None),
        // A total below what came already is wrong, and must not cut the results short.
        (20, json!(0), 0, Some(20)),
        (20, json!(-1), 0, Some(20)),
        (20, json!("many"), 0, Some(20)),
    ] {
        let (page, seen) = search_answered(
            &json!({"data": people(count), "total_count": total}),
            offset,
        )
        .await;
        let expected = expected.map(PageCursor::Offset);
        assert_eq!(page.next, expected, "{count} of {total} at {offset}");
        assert!(seen.line.ends_with(&format!("?limit=20&offset={offset}")));
    }
}

#[tokio::test]
async fn the_total_is_passed_on_where_it_can_be() {
    for (total, expected) in [
        (json!(431), Some(431)),
        (json!(431.9), Some(431)),
        (json!("431"), Some(431)),
        (json!(1e300), Some(u32::MAX)),
        (json!(-1), None),
        (json!(null), None),
        (json!([431]), None),
    ] {
        let (page, _) = search_answered(&json!({"data": people(1), "total_count": total}), 0).await;
        assert_eq!(page.available, expected, "{total}");
    }
}

#[tokio::test]
async fn an_unreadable_row_costs_itself_only() {
    // A headline that was cut inside an emoji, a number beyond all bounds, and rows that are no objects.
    let body = r#"{"extra":{"a":[]},"data":[{"id":"ACoA1","headline":"cut \ud83d"},{"id":1e999},null,7,
        {"object":"CompanySearchResult","id":"7"},{"object":"PeopleSearchResult","id":"ACoA2"}]}"#;
    let server = Scripted::start([Reply::with(200, &[], body)]);
    let page = search(&server, first(20)).await.unwrap();
    let reasons: Vec<&str> = page
        .items
        .iter()
        .map(|item| match item {
            PageItem::Person(person) => person.provider_id.as_deref().unwrap(),
            PageItem::Invalid { reason } => reason,
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "ACoA1",
            "undecodable",
            UNIDENTIFIABLE,
            UNIDENTIFIABLE,
            COMPANY,
            "ACoA2"
        ]
    );
    assert_eq!(page.next, Some(PageCursor::Offset(6)));
}

#[tokio::test]
async fn a_list_that_begins_with_something_else_than_people_is_refused() {
    let company = json!({"object": "CompanySearchResult", "id": "7", "name": "Demo SA"});
    let job = json!({"object": "JobSearchResult", "id": "8"});
    let hidden = json!({"object": "PeopleSearchResult", "display_name": "LinkedIn Member"});
    let person = json!({"object": "SavedLead", "id": "ACwA1"});
    for (rows, offset, is_refused) in [
        (vec![company.clone()], 0, true),
        (vec![company.clone(), job.clone()], 0, true),
        (vec![company.clone(), person], 0, false),
        (vec![company.clone(), hidden], 0, false),
        (vec![company.clone(), json!(null)], 0, false),
        // Later it is a row among many, as the offset says.
        (vec![company], 20, false),
        (vec![], 0, false),
    ] {
        let server = Scripted::start([Reply::json(200, &json!({"data": rows}))]);
        let cursor = PageCursor::Offset(offset);
        match search(&server, after(&cursor)).await {
            Ok(page) => assert_eq!((page.items.len(), is_refused), (rows.len(), false)),
            Err(error) => {
                assert_eq!((error.fault, is_refused), (UpstreamFault::Refused, true));
            }
        }
    }
}

#[tokio::test]
async fn comments_are_asked_for_by_the_providers_own_id_of_the_post() {
    let server = Scripted::start([
        Reply::json(400, &json!({"type": "api/invalid_parameters"})),
        Reply::json(404, &json!({"type": "provider/resource_not_found"})),
        Reply::json(200, &json!({"object": "Post", "id": POST_ID})),
        Reply::json(
            200,
            &json!({"data": comments(3), "total_count": 3, "next_cursor": null}),
        ),
    ]);
    let page = commenters(&server, first(30)).await.unwrap();
    assert_eq!(
        (page.items.len(), page.next, page.available),
        (3, None, Some(3))
    );

    let seen = server.seen();
    let digits = post().id().to_owned();
    let decoded = percent_decode_str(&seen[0].line).decode_utf8_lossy();
    assert_eq!(decoded, format!("GET /v2/acc_01demo/posts/{digits}"));
    assert!(
        seen[1]
            .line
            .starts_with("GET /v2/acc_01demo/posts/urn%3Ali%3Aactivity%3A")
    );
    assert!(
        seen[2]
            .line
            .starts_with("GET /v2/acc_01demo/posts/activity%3A")
    );
    assert_eq!(
        seen[3].line,
        format!("{COMMENTS}?limit=30&sort_by=MOST_RECENT")
    );
    assert_eq!(seen[3].header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn a_post_that_no_form_finds_is_not_found() {
    let refused = || Reply::json(400, &json!({"type": "api/invalid_parameters"}));
    let missing = || Reply::json(404, &json!({"type": "provider/resource_not_found"}));
    for (replies, expected, calls) in [
        (
            vec![refused(), missing(), refused(), refused()],
            UpstreamFault::SourceNotFound,
            4,
        ),
        (
            vec![refused(), refused(), refused(), refused()],
            UpstreamFault::Refused,
            4,
        ),
        (
            vec![refused(), Reply::html(502)],
            UpstreamFault::ServerError,
            2,
        ),
        (
            vec![Reply::json(200, &json!({"object": "Post"}))],
            UpstreamFault::InvalidAnswer,
            1,
        ),
        (
            vec![Reply::json(
                400,
                &json!({"type": "api/invalid_auth_format"}),
            )],
            UpstreamFault::Refused,
            1,
        ),
    ] {
        let server = Scripted::start(replies);
        let error = commenters(&server, first(20));
        assert_eq!(error.await.unwrap_err().fault, expected);
        assert_eq!(server.seen().len(), calls);
    }
}

/// The page that comes of one answer to a later page of comments, and how it was asked for.
async fn later_comments(body: &Value, cursor: &PageCursor) -> (PeoplePage, String) {
    let server = Scripted::start([Reply::json(200, body)]);
    let page = commenters(&server, after(cursor)).await.unwrap();
    (page, server.lines().remove(0))
}

fn by_token(token: &str) -> PageCursor {
    PageCursor::CommentsToken {
        post_id: POST_ID.to_owned(),
        token: token.to_owned(),
    }
}

fn by_offset(offset: u32) -> PageCursor {
    PageCursor::CommentsOffset {
        post_id: POST_ID.to_owned(),
        offset,
    }
}

#[tokio::test]
async fn a_token_is_sent_alone_and_its_absence_is_the_end() {
    let body = json!({"data": comments(20), "total_count": 500, "next_cursor": "c+/="});
    let (page, line) = later_comments(&body, &by_token("b=1 &x")).await;
    assert_eq!(line, format!("{COMMENTS}?cursor=b%3D1+%26x"));
    assert_eq!(page.next, Some(by_token("c+/=")));

    for next in [json!(null), json!("")] {
        let body = json!({"data": comments(20), "total_count": 500, "next_cursor": next});
        assert_eq!(later_comments(&body, &by_token("b")).await.0.next, None);
    }
    assert_eq!(
        later_comments(&json!({"data": comments(2)}), &by_token("b"))
            .await
            .0
            .next,
        None
    );
}

#[tokio::test]
async fn the_same_token_again_is_the_end() {
    let body = json!({"data": comments(20), "next_cursor": "b"});
    assert_eq!(later_comments(&body, &by_token("b")).await.0.next, None);
}

#[tokio::test]
async fn a_first_page_without_token_goes_on_by_offset() {
    for (body, expected) in [
        (json!({"data": comments(20)}), Some(by_offset(20))),
        (
            json!({"data": comments(20), "total_count": 21}),
            Some(by_offset(20)),
        ),
        (json!({"data": comments(20), "total_count": 20}), None),
        (json!({"data": []}), None),
        (
            json!({"data": comments(20), "total_count": 20, "next_cursor": "b"}),
            Some(by_token("b")),
        ),
    ] {
        let server = Scripted::start([
            Reply::json(200, &json!({"object": "Post", "id": POST_ID})),
            Reply::json(200, &body),
        ]);
        let page = commenters(&server, first(20));
        assert_eq!(page.await.unwrap().next, expected);
    }
    let (page, line) = later_comments(&json!({"data": comments(5)}), &by_offset(20)).await;
    assert_eq!(
        line,
        format!("{COMMENTS}?limit=20&sort_by=MOST_RECENT&offset=20")
    );
    assert_eq!(page.next, Some(by_offset(25)));
}

#[tokio::test]
async fn an_offset_where_only_cursors_go_is_the_end() {
    let refusal = |detail: &str| {
        let body = json!({"type": "api/invalid_parameters", "status": 400, "detail": detail});
        Scripted::start([Reply::json(400, &body)])
    };
    let server = refusal("This feature uses Cursor pagination");
    let cursor = by_offset(3);
    let page = commenters(&server, after(&cursor)).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));

    for (detail, cursor) in [
        ("params/offset too large", by_offset(3)),
        ("bad cursor", by_token("b")),
    ] {
        let server = refusal(detail);
        let page = commenters(&server, after(&cursor));
        assert_eq!(
            page.await.unwrap_err().fault,
            UpstreamFault::Refused,
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_cursor_of_another_source_is_not_sent() {
    let server = Scripted::start([]);
    let cursor = by_offset(3);
    let search = search(&server, after(&cursor));
    assert_eq!(search.await.unwrap_err().fault, UpstreamFault::Refused);
    let cursor = PageCursor::Offset(3);
    let commenters = commenters(&server, after(&cursor));
    assert_eq!(commenters.await.unwrap_err().fault, UpstreamFault::Refused);
}

#[test]
fn a_stored_cursor_keeps_its_form() {
    for (cursor, stored) in [
        (PageCursor::Offset(3), json!({"offset": 3})),
        (
            by_offset(3),
            json!({"comments_offset": {"post_id": POST_ID, "offset": 3}}),
        ),
        (
            by_token("b"),
            json!({"comments_token": {"post_id": POST_ID, "token": "b"}}),
        ),
    ] {
        assert_eq!(json!(cursor), stored);
        assert_eq!(
            serde_json::from_value::<PageCursor>(stored).unwrap(),
            cursor
        );
    }
}

#[tokio::test]
async fn a_profile_is_asked_for_with_its_positions() {
    let asked = profile_url().identifier();
    let server = Scripted::start([Reply::json(
        200,
        &json!({"object": "UserProfile", "id": "ACoAAAdemo004", "public_identifier": asked.as_str(),
            "display_name": "Dee Example"}),
    )]);
    let lookup = unipile(&server).profile(&account(), &profile_url()).await;
    assert!(
        matches!(lookup, Ok(ProfileLookup::Found(person)) if person.name.as_deref() == Some("Dee Example"))
    );
    let line = server.lines().remove(0);
    let path = line
        .strip_suffix("?with_sections=linkedin_experience")
        .unwrap();
    let segment = path.strip_prefix("GET /v2/acc_01demo/users/").unwrap();
    assert!(!segment.contains('/'));
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    assert_eq!(decoded, asked.as_str());
}

#[tokio::test]
async fn a_sales_navigator_id_is_asked_for_in_that_product() {
    let lead = "ACwAAAdemo004";
    let server = Scripted::start([Reply::json(
        200,
        &json!({"object": "UserProfile", "id": lead, "display_name": "Dee Example"}),
    )]);
    let url = ProfileUrl::parse(&format!("https://www.linkedin.com/in/{lead}")).unwrap();
    let lookup = unipile(&server).profile(&account(), &url).await.unwrap();
    assert!(matches!(lookup, ProfileLookup::Found(person) if person.linkedin_url.is_none()));
    assert_eq!(
        server.lines(),
        ["GET /v2/acc_01demo/users/ACwAAAdemo004?variant=linkedin_sales_navigator"]
    );
}
