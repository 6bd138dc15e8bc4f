//! The key that erased people are remembered by, as commands and `serve` find it.

use std::os::unix::fs::PermissionsExt;

use crate::support::database::fresh_database;
use crate::support::process::{Program, assert_fails};

const KEY: &str = "a key that is known to everybody, for tests";
const OTHER: &str = "another key that is known to everybody, too";
const URL: &str = "https://www.linkedin.com/in/ada";

/// Runs a command with a key, or without one.
fn run(program: &Program, key: Option<&str>, arguments: &[&str]) -> std::process::Output {
    let mut command = program.command(arguments);
    if let Some(key) = key {
        command.env("ERASURE_KEY", key);
    }
    command.output().unwrap()
}

fn make_group(program: &Program) -> String {
    let made = program.json(&["account-group", "create", "--name", "A", "--plan", "tester"]);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_a_configured_database_erasing_needs_the_one_key() {
    let database = fresh_database().await;
    let testing = tokio::task::spawn_blocking(move || {
        let program = Program::on(&database);
        let group = make_group(&program);
        let erase = [
            "prospects",
            "erase",
            "--account-group",
            &group,
            "--linkedin-url",
            URL,
        ];
        assert_fails(&run(&program, None, &erase), 1, &["ERASURE_KEY"]);
        assert_fails(
            &run(&program, Some("short"), &erase),
            2,
            &["ERASURE_KEY", "32"],
        );
        assert!(run(&program, Some(KEY), &erase).status.success());
        assert!(run(&program, Some(KEY), &erase).status.success());
        assert_fails(&run(&program, Some(OTHER), &erase), 1, &["ERASURE_KEY"]);

        for role in ["all", "worker"] {
            let serve = ["serve", "--listen", "127.0.0.1:0", "--role", role];
            for key in [None, Some(OTHER)] {
                let told = ["people were erased", "ERASURE_KEY"];
                assert_fails(&run(&program, key, &serve), 1, &told);
            }
        }
    });
    testing.await.unwrap();
}

#[tokio::test]
async fn people_can_be_erased_in_all_account_groups_at_once() {
    let database = fresh_database().await;
    let testing = tokio::task::spawn_blocking(move || {
        let program = Program::on(&database);
        let groups = [make_group(&program), make_group(&program)];
        let arguments = [
            "prospects",
            "erase",
            "--all-account-groups",
            "--linkedin-url",
            URL,
        ];
        let output = run(
            &program,
            Some(KEY),
            &[&arguments[..], &["--output", "json"]].concat(),
        );
        let erased: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let items = erased["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        for item in items {
            assert!(
                groups
                    .iter()
                    .any(|group| item["accountGroupId"] == group.as_str())
            );
            assert_eq!(item["prospectIds"], serde_json::json!([]));
        }
        assert_eq!(
            run(
                &program,
                Some(KEY),
                &["prospects", "erase", "--linkedin-url", URL]
            )
            .status
            .code(),
            Some(2)
        );
    });
    testing.await.unwrap();
}

#[test]
fn the_private_postgresql_has_a_key_of_its_own_that_must_not_get_lost() {
    let program = Program::new();
    let group = make_group(&program);
    let erase = [
        "prospects",
        "erase",
        "--account-group",
        &group,
        "--linkedin-url",
        URL,
    ];
    assert!(run(&program, None, &erase).status.success());
    let file = program.data_dir().join("erasure.key");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let moved = file.with_extension("moved");
    std::fs::rename(&file, &moved).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    assert_fails(
        &run(&program, None, &serve),
        1,
        &["people were erased", "erasure.key"],
    );
    assert!(!file.exists(), "no other key is made");
    std::fs::rename(&moved, &file).unwrap();
    let serving = program.serve();
    assert_eq!(serving.end_by("TERM").code, Some(0));
}
