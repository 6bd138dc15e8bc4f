//! The error table, route by route, and the account's health.

use super::*;
use crate::upstream::error::UpstreamFault::{
    AccountDisconnected, InvalidAnswer, KeyRefused, RateLimited, Refused, SalesNavigatorMissing,
    ServerError, SourceNotFound, Throttled, TimedOut, Unprocessable,
};
use crate::upstream::http::scripted::{Reply, SHORT};

fn api_error(status: u16, kind: &str) -> Reply {
    Reply::json(
        status,
        &json!({"object": "Error", "type": kind, "status": status, "title": "Title",
            "detail": "Ada Testova is not there", "req_id": "req-1"}),
    )
}

async fn search_error(reply: Reply) -> UpstreamError {
    let server = Scripted::start([reply]);
    search(&server, first(20)).await.unwrap_err()
}

#[tokio::test]
async fn the_error_type_decides_then_the_status() {
    let cases = [
        (400, "api/invalid_parameters", Refused),
        (400, "provider/invalid_parameters", Refused),
        (400, "api/invalid_auth_format", Refused),
        (401, "provider/invalid_authorization", AccountDisconnected),
        (401, "provider/invalid_credentials", AccountDisconnected),
        (401, "provider/brand_new", AccountDisconnected),
        (401, "api/missing_authorization", KeyRefused),
        (401, "api/expired_authorization", KeyRefused),
        (401, "api/brand_new", KeyRefused),
        (403, "api/inactive_subscription", KeyRefused),
        (403, "api/insufficient_permissions", KeyRefused),
        (403, "provider/insufficient_permissions", Refused),
        (403, "api/account_restricted", AccountDisconnected),
        (403, "api/brand_new", KeyRefused),
        (404, "api/resource_not_found", SourceNotFound),
        (404, "provider/resource_not_found", SourceNotFound),
        (405, "provider/method_not_allowed", Refused),
        (409, "api/conflict", Refused),
        (410, "api/brand_new", AccountDisconnected),
        (422, "provider/unprocessable_entity", Unprocessable),
        (422, "provider/brand_new", Unprocessable),
        (429, "api/too_many_requests", RateLimited),
        (429, "provider/too_many_requests", Throttled),
        (500, "api/internal_error", ServerError),
        (501, "api/not_implemented", Refused),
        (502, "api/proxy_error", ServerError),
        (504, "provider/timeout", ServerError),
        (401, "api/proxy_auth_error", ServerError),
        (599, "api/brand_new", ServerError),
        (418, "api/brand_new", Refused),
    ];
    let server = Scripted::start(cases.map(|(status, kind, _)| api_error(status, kind)));
    let client = unipile(&server);
    for (status, kind, expected) in cases {
        let result = client
            .search_page(&account(), &search_url(), first(20))
            .await;
        let error = result.unwrap_err();
        assert_eq!(error.fault, expected, "{status} {kind}");
        assert_eq!(
            error.detail,
            format!("status {status}, {kind}, request req-1")
        );
        assert_eq!(
            (error.provider, error.operation),
            ("unipile", "search_page")
        );
        assert!(!format!("{error} {error:?}").contains("Testova"));
    }
}

#[tokio::test]
async fn gateways_answer_without_a_type() {
    for (status, expected) in [
        (200, InvalidAnswer),
        (302, InvalidAnswer),
        (400, Refused),
        (401, KeyRefused),
        (403, Refused),
        (404, SourceNotFound),
        (429, RateLimited),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
    ] {
        let error = search_error(Reply::html(status)).await;
        assert_eq!(error.fault, expected, "{status}");
    }
}

#[tokio::test]
async fn what_is_not_the_protocol_is_an_invalid_answer() {
    for body in [
        "",
        "{\"data\":[{\"id\":\"ACoA",
        "null",
        "[]",
        "{}",
        "{\"data\":null}",
        "{\"data\":{}}",
        "{\"data\":[],\"next_cursor\":{}}",
        "{\"data\":[],\"next_cursor\":\"a\\u0000\"}",
    ] {
        let error = search_error(Reply::with(200, &[], body)).await;
        assert_eq!(error.fault, InvalidAnswer, "{body}");
        assert!(error.is_retryable());
    }
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":[";
    assert_eq!(search_error(Reply::raw(cut)).await.fault, InvalidAnswer);
}

#[tokio::test]
async fn a_type_that_is_none_stays_out_of_the_error() {
    let reply = Reply::json(
        400,
        &json!({"type": "no member Ada Testova", "req_id": "x".repeat(500)}),
    );
    assert_eq!(search_error(reply).await.detail, "status 400, no type");
}

#[tokio::test]
async fn a_wait_is_passed_on_where_the_upstream_names_one() {
    let body = json!({"type": "api/too_many_requests", "status": 429}).to_string();
    let error = search_error(Reply::with(429, &["retry-after: 840"], &body)).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(840)));
    let error = search_error(api_error(429, "provider/too_many_requests")).await;
    assert_eq!(error.retry_after, None);
    let error = search_error(Reply::with(503, &["retry-after: 2"], "")).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
}

#[tokio::test]
async fn silence_times_out() {
    let server = Scripted::start([Reply::stall("")]);
    let error = unipile_within(&server, SHORT)
        .search_page(&account(), &search_url(), first(20))
        .await
        .unwrap_err();
    assert_eq!(error.fault, TimedOut);
}

#[tokio::test]
async fn closed_sales_navigator_pages_mean_that_there_is_no_seat() {
    for kind in [
        "api/insufficient_permissions",
        "provider/insufficient_permissions",
    ] {
        let server = Scripted::start([api_error(403, kind), api_error(403, kind)]);
        let saved = saved_search_people(&server, first(25));
        assert_eq!(saved.await.unwrap_err().fault, SalesNavigatorMissing);
        let list = lead_list_people(&server, first(25));
        assert_eq!(list.await.unwrap_err().fault, SalesNavigatorMissing);
    }
}

#[tokio::test]
async fn only_a_typed_403_tells_of_a_seat_and_not_each_type_does() {
    for (reply, expected) in [
        (api_error(403, "provider/brand_new"), SalesNavigatorMissing),
        (api_error(403, "api/brand_new"), SalesNavigatorMissing),
        (api_error(403, "api/inactive_subscription"), KeyRefused),
        (
            api_error(403, "api/account_restricted"),
            AccountDisconnected,
        ),
        (
            api_error(401, "provider/invalid_authorization"),
            AccountDisconnected,
        ),
        (Reply::html(403), Refused),
        (api_error(501, "api/not_implemented"), Refused),
        (
            api_error(422, "provider/unprocessable_entity"),
            Unprocessable,
        ),
        (
            api_error(404, "provider/resource_not_found"),
            SourceNotFound,
        ),
    ] {
        let server = Scripted::start([reply]);
        let list = lead_list_people(&server, first(25)).await;
        assert_eq!(list.unwrap_err().fault, expected);
    }
}

#[tokio::test]
async fn a_post_whose_account_is_disconnected_is_not_asked_for_in_other_forms() {
    for (reply, expected) in [
        (
            api_error(401, "provider/invalid_authorization"),
            AccountDisconnected,
        ),
        (api_error(501, "api/not_implemented"), Refused),
        (
            api_error(422, "provider/unprocessable_entity"),
            Unprocessable,
        ),
        (api_error(429, "api/too_many_requests"), RateLimited),
    ] {
        let server = Scripted::start([reply]);
        let people = commenters(&server, first(25)).await;
        assert_eq!(people.unwrap_err().fault, expected);
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn throttled_sections_leave_the_position_unknown() {
    let profile = json!({"object": "UserProfile", "id": "ACoAAAdemo004", "type": "individual",
        "public_identifier": "dee-example", "display_name": "Dee Example",
        "specifics": {"member_id": "900000004", "throttled_sections": ["experience"]}});
    let server = Scripted::start([Reply::json(200, &profile)]);
    let lookup = unipile(&server).profile(&account(), &profile_url()).await;
    let Ok(ProfileLookup::Found(person)) = lookup else {
        panic!("not found: {lookup:?}")
    };
    assert_eq!(person.member_id.as_deref(), Some("900000004"));
    assert_eq!((person.title, person.company_name), (None, None));
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_no_fault() {
    for (reply, expected) in [
        (api_error(404, "provider/resource_not_found"), Ok(())),
        (Reply::html(404), Ok(())),
        (Reply::html(400), Err(Refused)),
        (api_error(400, "api/invalid_parameters"), Ok(())),
        (api_error(400, "api/invalid_auth_format"), Err(Refused)),
        (
            api_error(401, "provider/invalid_authorization"),
            Err(AccountDisconnected),
        ),
        (
            api_error(422, "provider/unprocessable_entity"),
            Err(Unprocessable),
        ),
        (api_error(429, "api/too_many_requests"), Err(RateLimited)),
        (Reply::html(200), Err(InvalidAnswer)),
    ] {
        let server = Scripted::start([reply]);
        let lookup = unipile(&server).profile(&account(), &profile_url()).await;
        let is_missing = lookup
            .map(|lookup| assert_eq!(lookup, ProfileLookup::NotFound))
            .map_err(|error| error.fault);
        assert_eq!(is_missing, expected);
    }
}

#[tokio::test]
async fn the_owner_of_the_account_is_asked_for_in_another_way() {
    let owner = |identifier| {
        let profile = json!({"object": "UserProfile", "id": "ACoAAAdemo000", "type": "individual",
            "public_identifier": identifier, "display_name": "Dee Example"});
        Reply::json(200, &profile)
    };
    let refused = || api_error(400, "provider/invalid_parameters");
    for (replies, expected) in [
        ([refused(), owner("dee-example")], Ok(true)),
        ([refused(), owner("somebody-else")], Ok(false)),
        ([refused(), refused()], Ok(false)),
        (
            [refused(), api_error(404, "provider/resource_not_found")],
            Ok(false),
        ),
        ([refused(), Reply::html(502)], Err(ServerError)),
    ] {
        let server = Scripted::start(replies);
        let lookup = unipile(&server).profile(&account(), &profile_url()).await;
        let is_found = lookup.map(|lookup| match lookup {
            ProfileLookup::Found(_) => true,
            ProfileLookup::NotFound => false,
            ProfileLookup::Invalid { reason } => panic!("{reason}"),
        });
        assert_eq!(is_found.map_err(|error| error.fault), expected);
        let query = "with_sections=linkedin_experience";
        assert_eq!(
            server.lines(),
            [
                format!("GET /v2/acc_01demo/users/dee-example?{query}"),
                format!("GET /v2/acc_01demo/users/me?{query}"),
            ]
        );
    }
}

async fn health(reply: Reply) -> Result<AccountHealth, UpstreamFault> {
    let server = Scripted::start([reply]);
    let health = unipile(&server).account_health(&account()).await;
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "GET /v2/accounts/acc_01demo");
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
    assert_eq!(seen.header("x-api-key"), Some("s3cret"));
    health.map_err(|error| error.fault)
}

#[tokio::test]
async fn health_is_the_accounts_status_and_its_seat() {
    let connected = |sales_navigator| Ok(AccountHealth::Connected { sales_navigator });
    for (metadata, expected) in [
        (
            json!({"products_connection_status": {"sales_navigator": "running"}}),
            connected(Some(true)),
        ),
        (
            json!({"products_connection_status": {"sales_navigator": "errored"}}),
            connected(Some(false)),
        ),
        (
            json!({"products_connection_status": {"classic": "running"}}),
            connected(Some(false)),
        ),
        (json!({"products_connection_status": null}), connected(None)),
        (json!({}), connected(None)),
        (json!(null), connected(None)),
    ] {
        let account = json!({"object": "Account", "status": "running", "metadata": metadata});
        assert_eq!(
            health(Reply::json(200, &account)).await,
            expected,
            "{metadata}"
        );
    }
    for status in ["errored", "disconnected", "paused", "degraded", "brand_new"] {
        let account = json!({"object": "Account", "status": status});
        assert_eq!(
            health(Reply::json(200, &account)).await,
            Ok(AccountHealth::NotConnected)
        );
    }
    assert_eq!(
        health(Reply::json(200, &json!({}))).await,
        Err(InvalidAnswer)
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_told_from_a_fault() {
    let not_connected = || Ok(AccountHealth::NotConnected);
    for (reply, expected) in [
        (api_error(404, "api/resource_not_found"), not_connected()),
        (api_error(410, "api/brand_new"), not_connected()),
        (
            api_error(401, "provider/invalid_authorization"),
            not_connected(),
        ),
        (api_error(401, "api/missing_authorization"), Err(KeyRefused)),
        (api_error(403, "api/inactive_subscription"), Err(KeyRefused)),
        (api_error(503, "provider/server_error"), Err(ServerError)),
        (api_error(429, "api/too_many_requests"), Err(RateLimited)),
    ] {
        assert_eq!(health(reply).await, expected);
    }
}
