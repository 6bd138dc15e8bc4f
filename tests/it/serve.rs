//! `prospector serve`, from its first start to its end, by signal or by force.

use std::thread;

use serde_json::{Value, json};
use sqlx::ConnectOptions;
use tokio::task::spawn_blocking;

use crate::support::database::fresh_database;
use crate::support::process::{Program, assert_fails, command, wait_until_gone};
use crate::support::socket::exchange;

#[tokio::test]
async fn serve_on_a_new_folder_gives_a_demo_key_and_shares_the_folder_with_commands() {
    let program = Program::new();
    let (program, serving) = spawn_blocking(move || {
        let serving = program.serve();
        (program, serving)
    })
    .await
    .unwrap();
    let group = serving.started["demoAccountGroupId"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = serving.started["demoApiKey"].as_str().unwrap().to_owned();
    assert!(key.starts_with("sk_test_"));
    let request = format!(
        "GET /v1/accounts/{group}/credits HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n"
    );
    let answer = exchange(serving.address(), request.into_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"balance\":10000"),
        "{answer}"
    );

    spawn_blocking(move || {
        // A second one waits for the folder and then says who has it.
        let mut second = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        let second = thread::spawn(move || second.output().unwrap());
        let grant = [
            "credits",
            "grant",
            "--account-group",
            &group,
            "--amount",
            "5",
            "--reason",
            "x",
        ];
        assert_eq!(program.json(&grant)["balance"], 10_005);
        let keys = program.json(&["api-key", "list"]);
        assert_eq!(keys["items"][0]["name"], "demo");
        let holder = format!("process {}", serving.pid());
        assert_fails(&second.join().unwrap(), 1, &[&holder, "DATA_DIR"]);

        let server = serving.server;
        let ended = serving.end_by("TERM");
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.log.contains("listening"), "{}", ended.log);
        assert!(!ended.log.contains(&key), "a key is never logged");
        assert_eq!(ended.printed, "");
        wait_until_gone(server);

        // The next one finds the data, and gives no second key.
        let serving = program.serve();
        assert_eq!(serving.started["demoApiKey"], Value::Null);
        assert_eq!(
            program.json(&["account-group", "show", &group])["name"],
            "Demo"
        );
        assert_eq!(serving.end_by("INT").code, Some(0));
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn serve_shows_people_the_demo_key_and_dies_without_leaving_postgres() {
    spawn_blocking(|| {
        let program = Program::new();
        let serving = program.serve_to_people();
        for text in [
            "listens on http://127.0.0.1:",
            "export GROUP=",
            "export KEY=sk_test_",
            "curl -s -X POST",
        ] {
            assert!(
                serving.text.contains(text),
                "{text:?} is not in: {}",
                serving.text
            );
        }
        let key = serving
            .text
            .split("export KEY=")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned();
        let server = serving.server;
        let ended = serving.end_by("KILL");
        assert_eq!(ended.code, None);
        wait_until_gone(server);
        assert!(!ended.log.contains(&key), "a key is never logged");

        // The data is whole, and commands bring the database along when nobody serves.
        assert_eq!(program.json(&["migrate"]), json!({"migrated": true}));
        let list = program.run(&["account-group", "list"]);
        let text = String::from_utf8(list.stdout).unwrap();
        assert!(text.contains("Demo") && text.contains("10000"), "{text}");
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let url = fresh_database().await.to_url_lossy().to_string();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = command(&["serve", "--listen", &address]);
    command.env("DATABASE_URL", url);
    let output = spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_fails(&output, 1, &[&address, "LISTEN_ADDR"]);
}
