//! The client against a server that says byte for byte what a test wants.

mod batches;

use serde_json::{Value, json};

use super::*;
use crate::upstream::finder_tests::{nobody, shown, with_url};
use crate::upstream::http::scripted::{LONG, Reply, SHORT, Scripted};

fn hunter(server: &Scripted, timeout: Duration) -> Hunter {
    let key = "s3cret".parse().unwrap();
    Hunter::new(server.url.parse().unwrap(), key, timeout).unwrap()
}

fn named(name: &str, company: &str) -> EmailQuery {
    EmailQuery {
        name: Some(name.to_owned()),
        company_name: Some(company.to_owned()),
        ..nobody()
    }
}

fn found(address: &str, status: &str) -> Reply {
    Reply::json(
        200,
        &json!({"data": {"first_name": "Bea", "last_name": "Test", "email": address, "score": 92,
            "domain": "example.com", "accept_all": false, "position": "Buyer", "company": "Example",
            "twitter": null, "linkedin_url": null, "phone_number": null, "sources": [],
            "verification": {"date": "2026-01-01", "status": status}},
            "meta": {"params": {"linkedin_handle": "bea-test"}}}),
    )
}

fn missed() -> Reply {
    Reply::json(200, &json!({"data": {"email": null, "score": null}}))
}

fn refused(status: u16, id: &str) -> Reply {
    let error = json!({"id": id, "code": status, "details": "About Bea Test."});
    Reply::json(status, &json!({ "errors": [error] }))
}

fn account() -> Reply {
    Reply::json(200, &json!({"data": {"plan_name": "Starter"}}))
}

/// Looks people up one by one, so that they meet the replies in order.
async fn find_each(server: &Scripted, people: &[EmailQuery]) -> Vec<String> {
    let client = hunter(server, LONG);
    let mut all = Vec::new();
    for person in people {
        let people = std::slice::from_ref(person);
        let answers = client.find(people).await;
        let mut line = shown(people, &answers).remove(0);
        if let Some(error) = answers.stopped_by {
            line = format!("{:?}, {}", error.fault, error.detail);
        }
        all.push(line);
    }
    all
}

#[tokio::test]
async fn a_person_is_asked_for_by_page_else_by_name_and_company() {
    let server = Scripted::start((0..4).map(|_| missed()));
    let in_parts = EmailQuery {
        first_name: Some("Bea".into()),
        last_name: Some("de Test".into()),
        ..named("B. T.", "Example & Co")
    };
    let both = EmailQuery {
        linkedin_url: with_url("jos%C3%A9-test/").linkedin_url,
        ..in_parts.clone()
    };
    let internal = EmailQuery {
        linkedin_url: with_url("ACoAAB9x8y7z").linkedin_url,
        ..named("Cy van Demo", " Demo SA ")
    };
    let people = [with_url("ada-test"), both, in_parts, internal];
    assert_eq!(find_each(&server, &people).await, ["not found"; 4]);
    let lines = [
        "GET /v2/email-finder?linkedin_handle=ada-test",
        "GET /v2/email-finder?linkedin_handle=jos%C3%A9-test",
        "GET /v2/email-finder?company=Example+%26+Co&first_name=Bea&last_name=de+Test",
        "GET /v2/email-finder?company=Demo+SA&first_name=Cy&last_name=van+Demo",
    ];
    assert_eq!(server.lines(), lines);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("x-api-key"), Some("s3cret"));
    assert_eq!(hunter(&server, LONG).batch_size(), 10);
}

#[tokio::test]
async fn nothing_is_asked_about_people_who_cannot_be_found() {
    let server = Scripted::start([]);
    let people = [nobody(), named("Cher", "Demo SA"), with_url("ACoAAB9x8y7z")];
    assert_eq!(find_each(&server, &people).await, ["not found"; 3]);
}

#[tokio::test]
async fn only_an_address_that_may_take_mail_is_found() {
    let cases = [
        (found("bea@example.com", "valid"), "bea@example.com Valid"),
        (
            found("bea@example.com", "accept_all"),
            "bea@example.com Unverified",
        ),
        (
            found("bea@example.com", "webmail"),
            "bea@example.com Unverified",
        ),
        (
            found("bea@example.com", "unknown"),
            "bea@example.com Unverified",
        ),
        (
            found("bea@example.com", "brand_new"),
            "bea@example.com Unverified",
        ),
        (found("bea@example.com", "invalid"), "not found"),
        (found("bea@example.com", "disposable"), "not found"),
        (found("b***@example.com", "valid"), "not found"),
        (found("example.com", "valid"), "not found"),
        (found("", "valid"), "not found"),
        (missed(), "not found"),
        (Reply::json(200, &json!({"data": null})), "not found"),
        (Reply::json(200, &json!({"data": {}})), "not found"),
        (
            Reply::json(200, &json!({"data": {"email": 7}})),
            "not found",
        ),
        (
            Reply::json(200, &json!({"data": {"email": "bea@example.com"}})),
            "bea@example.com Unverified",
        ),
        (
            Reply::json(
                200,
                &json!({"data": {"email": "bea@example.com", "verification": null}}),
            ),
            "bea@example.com Unverified",
        ),
        (
            Reply::json(
                201,
                &json!({"data": {"email": "bea@example.com", "verification": {"status": "valid"}}}),
            ),
            "bea@example.com Valid",
        ),
        (Reply::with(204, &[], ""), "not found"),
    ];
    for (reply, expected) in cases {
        let server = Scripted::start([reply]);
        assert_eq!(find_each(&server, &[with_url("bea")]).await, [expected]);
    }
}

#[tokio::test]
async fn failures_are_told_apart_as_hunter_means_them() {
    use UpstreamFault::{
        InvalidAnswer, KeyRefused, OutOfQuota, RateLimited, Refused, ServerError, Unprocessable,
    };
    let cases = [
        (
            refused(401, "authentication_failed"),
            KeyRefused,
            "status 401, authentication_failed",
        ),
        (
            refused(403, "too_many_requests"),
            RateLimited,
            "status 403, too_many_requests",
        ),
        (
            refused(429, "usage_limit"),
            OutOfQuota,
            "status 429, usage_limit",
        ),
        (refused(402, "Pay, Bea!"), OutOfQuota, "status 402, no id"),
        (
            refused(202, "pending"),
            Unprocessable,
            "status 202, pending",
        ),
        (
            Reply::with(222, &[], ""),
            Unprocessable,
            "status 222, no id",
        ),
        (refused(405, "x"), Refused, "status 405, x"),
        (refused(500, "x"), ServerError, "status 500, x"),
        (Reply::html(502), ServerError, "status 502, no id"),
        (Reply::html(403), RateLimited, "status 403, no id"),
        (Reply::html(200), InvalidAnswer, "status 200, no data"),
        (
            Reply::json(200, &json!({"data": []})),
            InvalidAnswer,
            "status 200, no data",
        ),
        (
            Reply::json(200, &json!({"errors": []})),
            InvalidAnswer,
            "status 200, no data",
        ),
        (
            Reply::with(200, &[], "{\"data\":{\"email\":\"b"),
            InvalidAnswer,
            "status 200, no data",
        ),
        (Reply::html(302), InvalidAnswer, "status 302, a redirect"),
        (
            Reply::raw(""),
            UpstreamFault::Unreachable,
            "closed before an answer",
        ),
    ];
    for (reply, fault, detail) in cases {
        let server = Scripted::start([reply]);
        let expected = format!("{fault:?}, {detail}");
        assert_eq!(find_each(&server, &[with_url("bea")]).await, [expected]);
    }
}

#[tokio::test]
async fn a_finder_that_is_down_has_answered_not_even_for_those_who_cannot_be_found() {
    let server = Scripted::start([Reply::html(502)]);
    let answers = hunter(&server, LONG)
        .find(&[nobody(), with_url("bea"), nobody()])
        .await;
    assert!(answers.answered.is_empty());
    let error = answers.stopped_by.unwrap();
    assert_eq!(error.fault, UpstreamFault::ServerError);
}

#[tokio::test]
async fn silence_times_out() {
    let server = Scripted::start([Reply::stall("")]);
    let answers = hunter(&server, SHORT).find(&[with_url("bea")]).await;
    assert_eq!(answers.stopped_by.unwrap().fault, UpstreamFault::TimedOut);
}

#[tokio::test]
async fn a_wait_that_hunter_asks_for_is_passed_on() {
    let server = Scripted::start([Reply::with(403, &["retry-after: 7"], "")]);
    let answers = hunter(&server, LONG).find(&[with_url("bea")]).await;
    let error = answers.stopped_by.unwrap();
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_unknown_person_is_not_found_once_the_route_is_known_to_be_right() {
    let server = Scripted::start([
        refused(404, "not_found"),
        account(),
        refused(404, "not_found"),
        refused(451, "claimed"),
    ]);
    let people = ["ada", "bea", "cy"].map(with_url);
    assert_eq!(find_each(&server, &people).await, ["not found"; 3]);
    assert_eq!(server.lines()[1], "GET /v2/account");
}

#[tokio::test]
async fn a_wrong_address_makes_nobody_one_who_cannot_be_found() {
    let server = Scripted::start([Reply::html(404), Reply::html(404)]);
    assert_eq!(
        find_each(&server, &[with_url("ada")]).await,
        ["Refused, status 404, no id"]
    );
}

#[tokio::test]
async fn what_hunter_does_not_take_is_asked_in_the_other_way() {
    let server = Scripted::start([
        refused(400, "wrong_params"),
        found("bea@example.com", "valid"),
        refused(422, "wrong_params"),
        refused(400, "wrong_params"),
    ]);
    let bea = EmailQuery {
        linkedin_url: with_url("bea").linkedin_url,
        ..named("Bea Test", "Example")
    };
    let people = [bea.clone(), bea];
    assert_eq!(
        find_each(&server, &people).await,
        ["bea@example.com Valid", "not found"]
    );
}

#[tokio::test]
async fn while_hunter_has_understood_nothing_a_refusal_is_not_about_the_person() {
    let server = Scripted::start([refused(400, "wrong_params")]);
    assert_eq!(
        find_each(&server, &[with_url("ada")]).await,
        ["Refused, status 400 or 422 before any look-up was understood"]
    );
}

#[tokio::test]
async fn the_account_says_what_the_plan_holds() {
    let told = |plan: Value, requests: Value| {
        Reply::json(
            200,
            &json!({"data": {"email": "owner@example.com", "plan_name": plan, "reset_date": "2026-12-01",
                "calls": {"used": 1, "available": 2}, "requests": requests}}),
        )
    };
    let searches = |available: i64| json!({"searches": {"used": 61, "available": available}});
    let cases = [
        (
            told(json!("Starter"), searches(500)),
            Some("Starter"),
            Some("searches: 61 used, 500 available, renewed on 2026-12-01"),
            false,
        ),
        (
            told(json!("Free"), searches(0)),
            Some("Free"),
            Some("searches: 61 used, 0 available, renewed on 2026-12-01"),
            true,
        ),
        (
            told(
                json!("\u{1b}[31mGrowth\n"),
                json!({"searches": {}, "credits": {"used": 0.5, "available": 2000}}),
            ),
            Some("[31mGrowth"),
            Some("credits: 0.5 used, 2000 available, renewed on 2026-12-01"),
            false,
        ),
        (
            told(json!(null), json!({"searches": {"used": "61"}})),
            None,
            None,
            false,
        ),
        (Reply::json(200, &json!({"data": {}})), None, None, false),
    ];
    for (reply, plan, usage, is_used_up) in cases {
        let server = Scripted::start([reply]);
        let account = hunter(&server, LONG).check().await.unwrap();
        assert_eq!(
            (account.plan.as_deref(), account.usage.as_deref()),
            (plan, usage)
        );
        assert_eq!(account.is_used_up, is_used_up);
        assert_eq!(server.lines(), ["GET /v2/account"]);
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_had_says_why() {
    for (reply, expected) in [
        (
            refused(401, "authentication_failed"),
            UpstreamFault::KeyRefused,
        ),
        (refused(403, "x"), UpstreamFault::RateLimited),
        (refused(429, "x"), UpstreamFault::OutOfQuota),
        (Reply::html(404), UpstreamFault::Refused),
        (Reply::html(503), UpstreamFault::ServerError),
        (Reply::html(200), UpstreamFault::InvalidAnswer),
        (
            Reply::json(200, &json!({"data": [1]})),
            UpstreamFault::InvalidAnswer,
        ),
    ] {
        let server = Scripted::start([reply]);
        let error = hunter(&server, LONG).check().await.unwrap_err();
        assert_eq!((error.operation, error.fault), ("check", expected));
    }
}
