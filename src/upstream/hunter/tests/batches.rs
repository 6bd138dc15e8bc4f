//! Several people at a time, over several connections.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailFinder};
use crate::upstream::error::UpstreamFault;
use crate::upstream::finder_tests::{shown, with_url};
use crate::upstream::http::scripted::LONG;
use crate::upstream::hunter::Hunter;

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
