//! The client against a server that says byte for byte what a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

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

/// A server for many connections, which answers by handle: with the status given for it, or with
/// an address.
struct ByHandle {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ByHandle {
    fn start(statuses: &'static [(&'static str, u16)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let notes = Arc::clone(&notes);
                std::thread::spawn(move || answer_all(&stream.unwrap(), statuses, &notes));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        let key = "s3cret".parse().unwrap();
        let client = Hunter::new(self.url.parse().unwrap(), key, LONG).unwrap();
        client.find(people).await
    }
}

fn answer_all(stream: &TcpStream, statuses: &[(&str, u16)], notes: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(line) = lines.next() {
        let line = line.strip_prefix("GET /v2/email-finder?linkedin_handle=");
        let handle = line.unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
        assert!(lines.by_ref().any(|line| line.is_empty()), "the head ends");
        let status = statuses.iter().find(|(of, _)| *of == handle);
        let status = status.map_or(200, |(_, status)| *status);
        let data =
            json!({"email": format!("{handle}@example.com"), "verification": {"status": "valid"}});
        let body = json!({ "data": data }).to_string();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        notes.lock().unwrap().push(handle);
        let mut stream = stream;
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

const TEN: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

#[tokio::test]
async fn the_answers_beside_a_failure_are_kept_and_nobody_is_asked_twice() {
    let cases: [(&[_], _); 3] = [
        (&[("c", 403)], UpstreamFault::RateLimited),
        (&[("c", 429)], UpstreamFault::OutOfQuota),
        (&[("c", 503)], UpstreamFault::ServerError),
    ];
    for (statuses, fault) in cases {
        let server = ByHandle::start(statuses);
        let people = TEN.map(with_url);
        let answers = server.find(&people).await;
        let lines = shown(&people, &answers);
        assert_eq!(lines[2], "-");
        // Calls begin in order, and those before and beside it were under way.
        for (place, handle) in TEN
            .iter()
            .enumerate()
            .take(5)
            .filter(|(place, _)| *place != 2)
        {
            assert_eq!(lines[place], format!("{handle}@example.com Valid"));
        }
        assert_eq!(answers.stopped_by.unwrap().fault, fault);
        let asked = server.asked();
        assert_eq!(asked.len(), answers.answered.len() + 1);
        assert_eq!(asked, TEN[..asked.len()]);
    }
}

#[tokio::test]
async fn after_a_failure_nobody_else_is_asked_about() {
    let server = ByHandle::start(&[("a", 429), ("b", 429), ("c", 429), ("d", 429), ("e", 429)]);
    let people = TEN.map(with_url);
    let answers = server.find(&people).await;
    assert_eq!(shown(&people, &answers), ["-"; 10]);
    assert_eq!(server.asked(), TEN[..5]);
}

#[tokio::test]
async fn a_person_who_is_not_ready_holds_up_nobody_else() {
    let server = ByHandle::start(&[("a", 202), ("f", 202)]);
    let people = TEN.map(with_url);
    let answers = server.find(&people).await;
    assert_eq!(server.asked(), TEN);
    assert_eq!(answers.answered.len(), 8);
    assert_eq!(
        answers.stopped_by.unwrap().fault,
        UpstreamFault::Unprocessable
    );
}

#[tokio::test]
async fn of_several_failures_the_one_for_good_counts() {
    for statuses in [
        &[("a", 202), ("b", 503), ("c", 429)],
        &[("a", 401), ("b", 503), ("c", 202)],
    ] {
        let server = ByHandle::start(statuses);
        let people = ["a", "b", "c"].map(with_url);
        let error = server.find(&people).await.stopped_by.unwrap();
        assert!(!error.is_retryable(), "{error}");
    }
}
