//! The client against a server that says byte for byte what a test wants.

use super::*;
use crate::upstream::finder_tests::{nobody, shown, with_url};
use crate::upstream::http::scripted::{LONG, Reply, SHORT, Scripted};

fn prospeo(server: &Scripted, timeout: Duration) -> Prospeo {
    let key = "s3cret".parse().unwrap();
    Prospeo::new(server.url.parse().unwrap(), key, timeout).unwrap()
}

fn matched(identifier: impl Into<Value>, email: &Value) -> Value {
    let identifier: Value = identifier.into();
    json!({"identifier": identifier, "person": {"person_id": "p", "email": email}, "company": null})
}

fn address(address: &str, status: &str, revealed: bool) -> Value {
    json!({"status": status, "revealed": revealed, "email": address})
}

async fn find_with(reply: Reply, people: &[EmailQuery]) -> BatchAnswers {
    let server = Scripted::start([reply]);
    prospeo(&server, LONG).find(people).await
}

/// What is found for these people, and nothing else.
async fn found_with(body: &Value, people: &[EmailQuery]) -> Vec<String> {
    let answers = find_with(Reply::json(200, body), people).await;
    shown(people, &answers)
}

#[tokio::test]
async fn people_are_sent_by_url_or_by_name_and_company() {
    let server = Scripted::start([Reply::json(
        200,
        &json!({"error": false, "total_cost": 0, "matched": [], "not_matched": ["0", "1", "3"]}),
    )]);
    let by_name = EmailQuery {
        first_name: Some("Bea".into()),
        last_name: Some("Test".into()),
        company_name: Some("Example".into()),
        ..nobody()
    };
    let by_whole_name = EmailQuery {
        name: Some("Cy van Demo".into()),
        company_name: Some(" Demo SA ".into()),
        ..nobody()
    };
    let without_company = EmailQuery {
        name: Some("Cy Demo".into()),
        ..nobody()
    };
    let people = [with_url("ada"), by_name, without_company, by_whole_name];
    let client = prospeo(&server, LONG);
    assert_eq!(client.batch_size(), 50);
    let answers = client.find(&people).await;
    assert_eq!(shown(&people, &answers), ["not found"; 4]);

    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "POST /bulk-enrich-person");
    assert_eq!(seen.header("x-key"), Some("s3cret"));
    assert_eq!(
        seen.body,
        json!({"only_verified_email": false, "data": [
            {"identifier": "0", "linkedin_url": "https://www.linkedin.com/in/ada"},
            {"identifier": "1", "first_name": "Bea", "last_name": "Test", "company_name": "Example"},
            {"identifier": "3", "first_name": "Cy", "last_name": "van Demo", "company_name": "Demo SA"},
        ]})
    );
}

#[tokio::test]
async fn nothing_is_asked_about_people_who_cannot_be_found() {
    let server = Scripted::start([]);
    let one_word = EmailQuery {
        name: Some("Cher".into()),
        company_name: Some("Demo SA".into()),
        ..nobody()
    };
    let blank = EmailQuery {
        linkedin_url: Some(" ".into()),
        ..nobody()
    };
    let people = [nobody(), one_word, blank];
    let answers = prospeo(&server, LONG).find(&people).await;
    assert_eq!(shown(&people, &answers), ["not found"; 3]);
}

#[tokio::test]
async fn only_a_usable_address_is_found() {
    let cases = [
        (
            address("bea@example.com", "VERIFIED", true),
            "bea@example.com Valid",
        ),
        (
            address("bea@example.com", "UNVERIFIED", true),
            "bea@example.com Unverified",
        ),
        (
            address("bea@example.com", "BRAND_NEW", true),
            "bea@example.com Unverified",
        ),
        (
            json!({"email": "bea@example.com"}),
            "bea@example.com Unverified",
        ),
        (address("bea@example.com", "VERIFIED", false), "not found"),
        (address("b**@example.com", "VERIFIED", true), "not found"),
        (address("", "VERIFIED", true), "not found"),
        (address("example.com", "VERIFIED", true), "not found"),
        (
            json!({"status": "VERIFIED", "revealed": true, "email": null}),
            "not found",
        ),
        (json!(null), "not found"),
        (json!("bea@example.com"), "not found"),
    ];
    for (email, expected) in cases {
        let body = json!({"error": false, "matched": [matched("0", &email)]});
        let found = found_with(&body, &[with_url("bea")]).await;
        assert_eq!(found, [expected], "{email}");
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_people() {
    let body = json!({"error": false, "brand_new": 1,
        "matched": [matched(3, &address("dee@example.com", "VERIFIED", true)), null,
            matched("0", &address("ada@example.com", "VERIFIED", true))],
        "not_matched": ["1"], "invalid_datapoints": [2]});
    let people = ["ada", "bea", "cy", "dee"].map(with_url);
    let expected = [
        "ada@example.com Valid",
        "not found",
        "not found",
        "dee@example.com Valid",
    ];
    assert_eq!(found_with(&body, &people).await, expected);
}

#[tokio::test]
async fn a_person_missing_from_the_answer_is_the_only_one_without_one() {
    let unidentified = json!({"person": {"email": address("bea@example.com", "VERIFIED", true)}});
    let body = json!({"error": false, "not_matched": ["0"],
        "matched": [matched("2", &address("cy@example.com", "VERIFIED", true)), unidentified]});
    let people = ["ada", "bea", "cy"].map(with_url);
    let answers = find_with(Reply::json(200, &body), &people).await;
    assert_eq!(
        shown(&people, &answers),
        ["not found", "-", "cy@example.com Valid"]
    );
    assert_eq!(
        answers.stopped_by.unwrap().fault,
        UpstreamFault::InvalidAnswer
    );
}

#[tokio::test]
async fn an_answer_about_somebody_who_was_not_asked_about_is_nobodys() {
    let stranger = address("stranger@example.com", "VERIFIED", true);
    let body = json!({"error": false, "not_matched": ["0", "7"],
        "matched": [matched("1", &stranger), matched("ada", &stranger), matched("00", &stranger),
            matched(-1, &stranger), matched(json!(null), &stranger)]});
    assert_eq!(found_with(&body, &[with_url("ada")]).await, ["not found"]);
}

#[tokio::test]
async fn who_is_answered_twice_keeps_the_first_address() {
    let body = json!({"error": false, "not_matched": ["0", "1"],
        "matched": [matched("0", &address("ada@example.com", "VERIFIED", true)),
            matched("0", &address("eve@example.com", "VERIFIED", true)),
            matched("1", &address("b**@example.com", "VERIFIED", false)),
            matched("1", &address("bea@example.com", "UNVERIFIED", true))]});
    assert_eq!(
        found_with(&body, &["ada", "bea"].map(with_url)).await,
        ["ada@example.com Valid", "bea@example.com Unverified"]
    );
}

#[tokio::test]
async fn a_clean_miss_may_come_as_an_error() {
    let reply = Reply::json(400, &json!({"error": true, "error_code": "NO_MATCH"}));
    let people = ["ada", "bea"].map(with_url);
    let answers = find_with(reply, &people).await;
    assert_eq!(shown(&people, &answers), ["not found"; 2]);
}

#[tokio::test]
async fn errors_are_told_apart_by_code_then_status() {
    use UpstreamFault::{InvalidAnswer, KeyRefused, OutOfQuota, RateLimited, Refused, ServerError};
    let coded =
        |status, code: &str| Reply::json(status, &json!({"error": true, "error_code": code}));
    for (reply, expected) in [
        (coded(401, "INVALID_API_KEY"), KeyRefused),
        (coded(400, "INVALID_API_KEY"), KeyRefused),
        (coded(400, "INSUFFICIENT_CREDITS"), OutOfQuota),
        (coded(200, "INSUFFICIENT_CREDITS"), OutOfQuota),
        (coded(400, "RATE_LIMITED"), RateLimited),
        (coded(400, "INVALID_DATAPOINTS"), Refused),
        (coded(400, "BRAND_NEW"), Refused),
        (coded(400, "INTERNAL_ERROR"), ServerError),
        (Reply::html(401), KeyRefused),
        (Reply::html(403), Refused),
        (Reply::html(429), RateLimited),
        (Reply::html(502), ServerError),
        (Reply::html(200), InvalidAnswer),
        (Reply::html(302), InvalidAnswer),
        (
            Reply::with(200, &[], "{\"matched\":[{\"ident"),
            InvalidAnswer,
        ),
        (Reply::with(200, &[], "[]"), InvalidAnswer),
    ] {
        // Two of them cannot be found by anybody, but a finder that is down has answered nobody.
        let people = [nobody(), with_url("bea"), nobody()];
        let answers = find_with(reply, &people).await;
        assert_eq!(shown(&people, &answers), ["-", "-", "-"]);
        let error = answers.stopped_by.unwrap();
        assert_eq!((error.fault, error.operation), (expected, "find"));
    }
}

#[tokio::test]
async fn an_answer_about_nobody_who_was_asked_about_is_none() {
    let body = json!({"error": false, "matched": [], "not_matched": [], "invalid_datapoints": []});
    let people = [nobody(), with_url("bea")];
    let answers = find_with(Reply::json(200, &body), &people).await;
    assert_eq!(shown(&people, &answers), ["-", "-"]);
    let error = answers.stopped_by.unwrap();
    assert_eq!(error.fault, UpstreamFault::InvalidAnswer);
}

#[tokio::test]
async fn silence_times_out() {
    let server = Scripted::start([Reply::stall("")]);
    let answers = prospeo(&server, SHORT).find(&[with_url("bea")]).await;
    assert_eq!(answers.stopped_by.unwrap().fault, UpstreamFault::TimedOut);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    for (headers, expected) in [
        (
            vec!["retry-after: 7", "x-minute-reset-seconds: 41"],
            Some(7),
        ),
        (vec!["x-minute-reset-seconds: 41"], Some(41)),
        (vec!["x-minute-reset-seconds: soon"], None),
        (vec![], None),
    ] {
        let answers = find_with(Reply::with(429, &headers, ""), &[with_url("bea")]).await;
        let wait = answers.stopped_by.unwrap().retry_after;
        assert_eq!(wait, expected.map(Duration::from_secs), "{headers:?}");
    }
}

#[tokio::test]
async fn an_error_does_not_repeat_what_the_vendor_said() {
    let reply = Reply::json(
        400,
        &json!({"error": true, "error_code": "no Bea Test", "message": "Bea"}),
    );
    let error = find_with(reply, &[with_url("bea")])
        .await
        .stopped_by
        .unwrap();
    assert_eq!(error.detail, "status 400, no code");
}

#[tokio::test]
async fn the_account_says_what_is_left() {
    let told = |left: Value| {
        Reply::json(
            200,
            &json!({"error": false, "response": {"current_plan": "STARTER", "current_team_members": 1,
                "remaining_credits": left, "used_credits": 1, "next_quota_renewal_days": 25,
                "next_quota_renewal_date": "2026-12-18 20:52:28+00:00"}}),
        )
    };
    let renewal = "renewed on 2026-12-18 20:52:28+00:00";
    for (left, usage, is_used_up) in [
        (
            json!(99),
            Some(format!("99 credits left, {renewal}")),
            false,
        ),
        (json!(0), Some(format!("0 credits left, {renewal}")), true),
        (json!(null), None, false),
    ] {
        let server = Scripted::start([told(left)]);
        let account = prospeo(&server, LONG).check().await.unwrap();
        assert_eq!(account.plan.as_deref(), Some("STARTER"));
        assert_eq!((account.usage, account.is_used_up), (usage, is_used_up));
        let seen = server.seen().remove(0);
        assert_eq!(seen.line, "GET /account-information");
        assert_eq!(seen.header("x-key"), Some("s3cret"));
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_had_says_why() {
    let coded =
        |status, code: &str| Reply::json(status, &json!({"error": true, "error_code": code}));
    for (reply, expected) in [
        (coded(401, "INVALID_API_KEY"), UpstreamFault::KeyRefused),
        (coded(429, "RATE_LIMITED"), UpstreamFault::RateLimited),
        (coded(400, "INTERNAL_ERROR"), UpstreamFault::ServerError),
        (coded(200, "INVALID_API_KEY"), UpstreamFault::KeyRefused),
        (Reply::html(404), UpstreamFault::Refused),
        (Reply::html(200), UpstreamFault::InvalidAnswer),
        (
            Reply::json(200, &json!({"error": false})),
            UpstreamFault::InvalidAnswer,
        ),
    ] {
        let server = Scripted::start([reply]);
        let error = prospeo(&server, LONG).check().await.unwrap_err();
        assert_eq!((error.operation, error.fault), ("check", expected));
    }
}
