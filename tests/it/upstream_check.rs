//! `prospector upstream check`, as a process of its own and without a database.

use std::net::SocketAddr;
use std::process::Output;

use prospector::upstream::sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};

use crate::support::process::{assert_fails, command, told};

const KEY: &str = "s3cret-of-unipile";

/// A sandbox that serves as long as the set lives.
async fn sandbox() -> (String, JoinSet<()>) {
    let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", sandbox.local_addr());
    let mut serving = JoinSet::new();
    serving.spawn(async { sandbox.run(std::future::pending()).await.unwrap() });
    (url, serving)
}

/// An address where nobody listens, as long as the socket lives.
fn nobody() -> (String, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

async fn check(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut check = command(&[&["upstream", "check"], arguments].concat());
    check.envs(settings.iter().copied());
    spawn_blocking(move || check.output().unwrap())
        .await
        .unwrap()
}

/// The lines of the JSON answer, which agree with the exit code and hold no key.
async fn lines(settings: &[(&str, &str)], arguments: &[&str]) -> Vec<Value> {
    let output = check(settings, &[arguments, &["--output", "json"]].concat()).await;
    assert!(!told(&output).contains("s3cret"), "{}", told(&output));
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", told(&output)));
    let lines = report["checks"].as_array().unwrap().clone();
    let fails = lines.iter().any(|line| line["status"] == "fails");
    assert_eq!(report["ok"], !fails);
    assert_eq!(output.status.code(), Some(i32::from(fails)));
    for line in &lines {
        let needs_advice = line["status"] != "works";
        assert!(!needs_advice || line["advice"].is_string(), "{line:#}");
    }
    lines
}

fn unipile(url: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("LINKEDIN_PROVIDER", "unipile"),
        ("UNIPILE_API_KEY", KEY),
        ("UNIPILE_BASE_URL", url),
    ]
}

fn with<'a>(
    mut settings: Vec<(&'a str, &'a str)>,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    for (name, value) in more {
        settings.retain(|(set, _)| set != name);
        settings.push((name, value));
    }
    settings
}

/// Which upstream does what.
fn verdicts(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|line| {
            (
                line["upstream"].as_str().unwrap(),
                line["status"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn without_settings_the_sandbox_says_that_it_is_one_and_works() {
    let lines = lines(&[], &[]).await;
    assert_eq!(
        verdicts(&lines),
        [("sandbox", "works"), ("sandbox", "works")]
    );
    for line in &lines {
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("This is the sandbox"), "{message}");
        assert_eq!(line["advice"], Value::Null);
    }
    let output = check(&[], &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("works sandbox: This is the sandbox"),
        "{text}"
    );
    assert!(
        text.ends_with("Everything that is set up works.\n"),
        "{text}"
    );
}

#[tokio::test]
async fn keys_that_work_bring_the_accounts_and_the_plan() {
    let (url, _serving) = sandbox().await;
    for (finder, key, base) in [
        ("hunter", "HUNTER_API_KEY", "HUNTER_BASE_URL"),
        ("prospeo", "PROSPEO_API_KEY", "PROSPEO_BASE_URL"),
    ] {
        let more = [("EMAIL_FINDER", finder), (key, "s3cret-2"), (base, &url)];
        let lines = lines(&with(unipile(&url), &more), &[]).await;
        assert_eq!(verdicts(&lines), [("unipile", "works"), (finder, "works")]);
        let message = lines[0]["message"].as_str().unwrap();
        for said in [
            "acc_sandbox (connected, with Sales Navigator)",
            "acc_disconnected (not connected)",
            "acc_no_sales_navigator (connected, without Sales Navigator)",
        ] {
            assert!(message.contains(said), "{message}");
        }
        let message = lines[1]["message"].as_str().unwrap();
        assert!(message.contains("100000"), "{message}");
    }
}

#[tokio::test]
async fn accounts_are_asked_about_one_by_one() {
    let (url, _serving) = sandbox().await;
    let accounts = [
        (
            "acc_01acme",
            "works",
            "connected, with Sales Navigator",
            None,
        ),
        (
            "acc_no_sales_navigator",
            "works",
            "sales_navigator will be refused",
            Some("Sales Navigator seat"),
        ),
        (
            "acc_disconnected",
            "fails",
            "not connected",
            Some("sign in"),
        ),
        (
            "acc_unreachable",
            "fails",
            "server error",
            Some("try again later"),
        ),
    ];
    let flags = accounts.map(|(account, ..)| format!("--linkedin-account={account}"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let lines = lines(&unipile(&url), &flags).await;
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["status"], "works");
    for ((account, status, message, advice), line) in accounts.into_iter().zip(&lines[1..]) {
        assert_eq!(line["linkedinAccountId"], account);
        assert_eq!(line["status"], status, "{line:#}");
        assert!(
            line["message"].as_str().unwrap().contains(message),
            "{line:#}"
        );
        let given = line["advice"].as_str();
        assert_eq!(given.is_some(), advice.is_some(), "{line:#}");
        assert!(
            given.unwrap_or("").contains(advice.unwrap_or("")),
            "{line:#}"
        );
    }
    assert_eq!(
        (&lines[5]["upstream"], &lines[5]["status"]),
        (&json!("e-mail finder"), &json!("off"))
    );
}

#[tokio::test]
async fn a_refused_key_is_named_by_its_setting_and_never_shown() {
    let (url, _serving) = sandbox().await;
    let more = [
        ("UNIPILE_API_KEY", "refused-s3cret"),
        ("EMAIL_FINDER", "hunter"),
        ("HUNTER_API_KEY", "refused-s3cret"),
        ("HUNTER_BASE_URL", &url),
    ];
    let lines = lines(&with(unipile(&url), &more), &["--linkedin-account=acc_1"]).await;
    assert_eq!(
        verdicts(&lines),
        [("unipile", "fails"), ("hunter", "fails")]
    );
    for (line, setting) in lines.iter().zip(["UNIPILE_API_KEY", "HUNTER_API_KEY"]) {
        assert!(
            line["message"]
                .as_str()
                .unwrap()
                .contains("refused our key")
        );
        assert!(
            line["advice"].as_str().unwrap().contains(setting),
            "{line:#}"
        );
    }
}

#[tokio::test]
async fn one_upstream_that_is_away_does_not_hide_that_the_other_works() {
    let (url, _serving) = sandbox().await;
    let (away, _socket) = nobody();
    let more = [
        ("UNIPILE_BASE_URL", away.as_str()),
        ("EMAIL_FINDER", "prospeo"),
        ("PROSPEO_API_KEY", "s3cret-2"),
        ("PROSPEO_BASE_URL", &url),
    ];
    let settings = with(unipile(&url), &more);
    let lines = lines(&settings, &[]).await;
    assert_eq!(
        verdicts(&lines),
        [("unipile", "fails"), ("prospeo", "works")]
    );
    assert!(
        lines[0]["message"]
            .as_str()
            .unwrap()
            .contains("not reachable")
    );
    assert!(
        lines[0]["advice"]
            .as_str()
            .unwrap()
            .contains("UNIPILE_BASE_URL")
    );

    let output = check(&settings, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("fails unipile: It failed: not reachable"),
        "{text}"
    );
    assert!(text.ends_with("Something does not work.\n"), "{text}");
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_before_anybody_is_asked() {
    let output = check(&[("HUNTER_API_KEY", "s3cret-2")], &[]).await;
    assert_fails(&output, 2, &["HUNTER_API_KEY", "EMAIL_FINDER=hunter"]);
    assert!(!told(&output).contains("s3cret"));
}
