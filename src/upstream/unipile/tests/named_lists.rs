//! Saved searches and lead lists.

use super::*;
use crate::upstream::error::UpstreamFault::{
    AccountDisconnected, InvalidAnswer, SalesNavigatorMissing,
};
use crate::upstream::http::scripted::Reply;
use crate::upstream::provider::NamedList;

async fn lists(
    server: &Scripted,
    kind: NamedListKind,
    page: PageRequest<'_>,
) -> Result<NamedListPage, UpstreamError> {
    unipile(server).named_lists(&account(), kind, page).await
}

#[tokio::test]
async fn both_kinds_ask_as_the_protocol_wants_and_past_the_cache() {
    let server = Scripted::start((0..2).map(|_| Reply::json(200, &json!({"data": []}))));
    let cursor = PageCursor::Offset(40);
    lists(&server, NamedListKind::SavedSearches, first(100))
        .await
        .unwrap();
    lists(&server, NamedListKind::LeadLists, after(&cursor))
        .await
        .unwrap();
    assert_eq!(
        server.lines(),
        [
            "GET /v2/acc_01demo/linkedin/sales-navigator/search/parameters?type=SAVED_PEOPLE_SEARCH&limit=100&offset=0",
            "GET /v2/acc_01demo/linkedin/sales-navigator/lead-lists?limit=20&offset=40",
        ]
    );
    for seen in server.seen() {
        assert_eq!(seen.header("cache-control"), Some("no-cache"));
        assert_eq!(seen.header("x-api-key"), Some("s3cret"));
    }
}

#[tokio::test]
async fn a_list_needs_an_id_and_the_page_goes_on_after_all_that_came() {
    let server = Scripted::start([Reply::json(
        200,
        &json!({"total_count": 9, "data": [
            {"object": "SearchParameter", "id": "50000001", "name": "Plant managers FR", "metadata": {}},
            {"type": "LEAD", "id": 7_000_000, "name": null, "items_count": 84},
            {"id": " ", "name": "no id"},
            {"name": "none either"},
            null,
        ]}),
    )]);
    let page = lists(&server, NamedListKind::LeadLists, first(100))
        .await
        .unwrap();
    let named = |id: &str, name: Option<&str>| NamedList {
        id: id.to_owned(),
        name: name.map(str::to_owned),
    };
    assert_eq!(
        page.items,
        [
            named("50000001", Some("Plant managers FR")),
            named("7000000", None)
        ]
    );
    assert_eq!(page.next, Some(PageCursor::Offset(5)));
}

#[tokio::test]
async fn a_missing_seat_and_a_disconnected_account_are_told_apart() {
    let error = |status, kind| Reply::json(status, &json!({"object": "Error", "type": kind}));
    for (reply, expected) in [
        (
            error(403, "provider/insufficient_permissions"),
            SalesNavigatorMissing,
        ),
        (
            error(401, "provider/invalid_authorization"),
            AccountDisconnected,
        ),
        (Reply::html(200), InvalidAnswer),
    ] {
        let server = Scripted::start([reply]);
        let error = lists(&server, NamedListKind::SavedSearches, first(100))
            .await
            .unwrap_err();
        assert_eq!(error.fault, expected);
        assert_eq!(error.operation, "named_lists");
    }
}
