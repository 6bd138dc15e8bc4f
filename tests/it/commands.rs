//! The program's commands, as processes of their own.

use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::id::AccountGroupId;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use tokio::task::spawn_blocking;

use crate::support::database::{fresh_database, unmigrated_database};
use crate::support::process::{Program, assert_fails, command, told};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Takes out what differs from run to run, which must be there.
fn without(value: &Value, varying: &[&str]) -> Value {
    let mut rest = value.clone();
    for name in varying {
        let taken = rest.as_object_mut().unwrap().remove(*name);
        assert!(
            taken.is_some_and(|taken| taken.is_string()),
            "{name} of {value}"
        );
    }
    rest
}

/// Runs a test's commands on a database of their own.
async fn on_fresh_database(test: impl FnOnce(&Program) + Send + 'static) {
    let database = fresh_database().await;
    let commands = spawn_blocking(move || test(&Program::on(&database)));
    commands.await.unwrap();
}

fn make_group(program: &Program) -> String {
    let group = program.json(&[
        "account-group",
        "create",
        "--name",
        "Bare",
        "--plan",
        "tester",
    ]);
    group["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn account_groups_are_made_shown_and_listed() {
    on_fresh_database(|program| {
        assert_eq!(
            program.json(&["account-group", "list"]),
            json!({"items": []})
        );
        let group = program.json(&[
            "account-group",
            "create",
            "--name",
            " Acme ",
            "--plan=scale",
            "--linkedin-account=acc_01acme",
            "--credits=250",
        ]);
        let expected = json!({
            "name": "Acme", "plan": "scale", "linkedinAccountId": "acc_01acme", "paused": false,
            "balance": 250, "reserved": 0, "available": 250,
        });
        assert_eq!(without(&group, &["id", "createdAt"]), expected);
        let show = |id: &str| program.json(&["account-group", "show", id]);
        assert_eq!(show(group["id"].as_str().unwrap()), group);

        let bare = show(&make_group(program));
        let expected = json!({
            "name": "Bare", "plan": "tester", "linkedinAccountId": null, "paused": false,
            "balance": 0, "reserved": 0, "available": 0,
        });
        assert_eq!(without(&bare, &["id", "createdAt"]), expected);
        let list = program.json(&["account-group", "list"]);
        assert_eq!(keys(&list), ["items"]);
        let items = list["items"].as_array().unwrap();
        assert!(items.len() == 2 && items.contains(&group) && items.contains(&bare));
    })
    .await;
}

#[tokio::test]
async fn credits_are_granted_once_for_each_reference_shown_and_verified() {
    on_fresh_database(|program| {
        let group = make_group(program);
        let of_group = format!("--account-group={group}");
        let grant = |amount: &str, reference: &str| {
            let (amount, reference) = (
                format!("--amount={amount}"),
                format!("--reference={reference}"),
            );
            let arguments = [
                "credits",
                "grant",
                &of_group,
                &amount,
                "--reason=paid",
                &reference,
            ];
            program.run(&[&arguments[..], &["--output=json"]].concat())
        };
        let credits = |balance: i64| {
            json!({
                "accountGroupId": group, "plan": "tester",
                "balance": balance, "reserved": 0, "available": balance,
            })
        };
        for (reference, balance) in [("invoice-1", 50), ("invoice-1", 50), ("invoice-2", 100)] {
            let printed: Value = serde_json::from_slice(&grant("50", reference).stdout).unwrap();
            assert_eq!(printed, credits(balance));
        }
        assert_fails(&grant("51", "invoice-1"), 1, &["invoice-1"]);
        assert_eq!(program.json(&["credits", "show", &of_group]), credits(100));
        let verified = program.json(&["credits", "verify"]);
        assert_eq!(
            verified,
            json!({"ok": true, "accountGroups": 1, "differences": []})
        );
    })
    .await;
}

#[tokio::test]
async fn keys_are_made_listed_without_their_secret_and_revoked() {
    on_fresh_database(|program| manage_keys(program, &make_group(program), &make_group(program)))
        .await;
}

#[tokio::test]
async fn what_does_not_exist_is_named_on_stderr() {
    on_fresh_database(|program| {
        let id = AccountGroupId::new();
        let of_nobody = format!("--account-group={id}");
        for arguments in [
            &["account-group", "show", id.as_str()][..],
            &["credits", "show", &of_nobody],
            &["credits", "grant", &of_nobody, "--amount=1", "--reason=x"],
            &[
                "api-key",
                "create",
                &of_nobody,
                "--permission=prospects:read",
            ],
        ] {
            assert_fails(
                &program.run(arguments),
                1,
                &["no account group", id.as_str()],
            );
        }
        let key = uuid::Uuid::new_v4().to_string();
        let revoke = program.run(&["api-key", "revoke", &key]);
        assert_fails(&revoke, 1, &["no API key", &key]);
        assert_eq!(program.json(&["api-key", "list"]), json!({"items": []}));
    })
    .await;
}

fn manage_keys(program: &Program, group: &str, other: &str) {
    let made = program.json(&[
        "api-key",
        "create",
        "--account-group",
        group,
        "--account-group",
        other,
        "--permission",
        "prospecting:read",
        "--permission",
        "prospects:read",
        "--name",
        "reader",
        "--expires-in-days",
        "30",
    ]);
    let mut groups = [group, other];
    groups.sort_unstable();
    let expected = json!({
        "name": "reader", "permissions": ["prospecting:read", "prospects:read"], "accountGroupIds": groups,
    });
    assert_eq!(without(&made, &["id", "secret", "expiresAt"]), expected);
    let secret = ApiKeySecret::parse(made["secret"].as_str().unwrap()).unwrap();
    assert_eq!(secret.kind(), KeyKind::Test);

    let listed = |id: &Value| {
        let list = program.json(&["api-key", "list"]);
        let items = list["items"].as_array().unwrap().iter();
        items
            .filter(|key| key["id"] == *id)
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["lastUsedAt"] = Value::Null;
    expected["revokedAt"] = Value::Null;
    assert_eq!(listed(&made["id"]), [expected]);
    let revoked = program.json(&["api-key", "revoke", made["id"].as_str().unwrap()]);
    assert!(revoked["revokedAt"].is_string());
    assert_eq!(revoked.get("secret"), None);
    let again = program.json(&["api-key", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(again, revoked, "revoking twice changes nothing");
}

#[test]
fn a_wrong_use_ends_with_2_and_touches_no_database() {
    let id = AccountGroupId::new().to_string();
    for arguments in [
        vec![],
        vec!["frobnicate"],
        vec!["account-group", "create", "--name", "x", "--plan", "gold"],
        vec!["account-group", "create", "--name", "", "--plan", "tester"],
        vec![
            "account-group",
            "create",
            "--name",
            "x",
            "--plan",
            "tester",
            "--credits",
            "-1",
        ],
        vec![
            "account-group",
            "create",
            "--name",
            "x",
            "--plan",
            "tester",
            "--linkedin-account",
            "x y",
        ],
        vec!["account-group", "show", "XYZ"],
        vec!["api-key", "create", "--account-group", &id],
        vec![
            "api-key",
            "create",
            "--account-group",
            &id,
            "--permission",
            "everything",
        ],
        vec!["api-key", "revoke", "1"],
        vec![
            "credits",
            "grant",
            "--account-group",
            &id,
            "--amount",
            "0",
            "--reason",
            "x",
        ],
        vec!["credits", "grant", "--account-group", &id, "--amount", "1"],
        vec!["credits", "verify", "--output", "yaml"],
        vec!["serve", "--listen", "here"],
        vec!["serve", "--role", "boss"],
    ] {
        // Nothing could be reached there.
        let mut command = command(&arguments);
        command.env("DATABASE_URL", "postgres://127.0.0.1:1/none");
        let output = command.output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            told(&output)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// systemd gives up on this code, and on no other.
#[test]
fn a_service_with_a_refused_setting_ends_with_2() {
    for (setting, value) in [
        ("LINKEDIN_PROVIDER", "unipile"),
        ("LINKEDIN_GAP_MIN_SECONDS", "1"),
        ("ERASURE_KEY", "short"),
        ("DATABASE_URL", "nonsense"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense"),
        ("RATE_LIMIT_BURST", "0"),
        ("RUST_LOG", "a=b=c"),
    ] {
        let mut serve = command(&["serve"]);
        // Nothing could be reached there.
        serve.env("DATABASE_URL", "postgres://127.0.0.1:1/none");
        let output = serve.env(setting, value).output().unwrap();
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{setting}: {told}");
        let named = setting.replace('_', "-").to_lowercase();
        assert!(
            told.contains(setting) || told.contains(&named),
            "{setting}: {told}"
        );
    }
    let unit = include_str!("../../deploy/prospector.service");
    assert!(unit.contains("\nRestartPreventExitStatus=2\n"));
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    for (url, code, because) in [
        (
            "postgres://ada:hunter2@127.0.0.1:1/prospects",
            1,
            ["127.0.0.1:1", "DATABASE_URL"],
        ),
        (
            "mysql://ada:hunter2@localhost/prospects",
            2,
            ["postgres://", "DATABASE_URL"],
        ),
        ("hunter2", 2, ["postgres://", "DATABASE_URL"]),
    ] {
        for arguments in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["migrate"],
            &["account-group", "list"],
        ] {
            let mut command = command(arguments);
            command.env("DATABASE_URL", url).env("RUST_LOG", "debug");
            let output = spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            assert_fails(&output, code, &because);
            assert!(!told(&output).contains("hunter2"), "{}", told(&output));
        }
    }
}

#[tokio::test]
async fn a_database_without_migrations_is_told_the_command() {
    let url = unmigrated_database().await.to_url_lossy().to_string();
    spawn_blocking(move || {
        let run = |arguments: &[&str]| {
            command(arguments)
                .env("DATABASE_URL", &url)
                .output()
                .unwrap()
        };
        for arguments in [
            &["account-group", "list"][..],
            &["credits", "verify"],
            &["api-key", "list"],
            &["serve", "--listen", "127.0.0.1:0", "--no-migrate"],
        ] {
            assert_fails(&run(arguments), 1, &["prospector migrate"]);
        }
        for _ in 0..2 {
            let migrated = run(&["migrate", "--output", "json"]);
            assert_eq!(
                String::from_utf8_lossy(&migrated.stdout),
                "{\"migrated\":true}\n"
            );
        }
        let list = run(&["account-group", "list", "--output", "json"]);
        assert_eq!(String::from_utf8_lossy(&list.stdout), "{\"items\":[]}\n");
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn verify_ends_with_1_on_a_difference() {
    let database = fresh_database().await;
    let url = database.to_url_lossy().to_string();
    let run = move |arguments: &'static [&str]| {
        let mut command = command(arguments);
        command.env("DATABASE_URL", &url);
        spawn_blocking(move || command.output().unwrap())
    };
    let create = run(&[
        "account-group",
        "create",
        "--name",
        "x",
        "--plan",
        "tester",
        "--credits",
        "10",
        "--output",
        "json",
    ]);
    let group: Value = serde_json::from_slice(&create.await.unwrap().stdout).unwrap();
    let mut connection = database.connect().await.unwrap();
    let tamper = "update credit_accounts set balance = balance + 1";
    sqlx::raw_sql(tamper)
        .execute(&mut connection)
        .await
        .unwrap();
    let verify = run(&["credits", "verify", "--output", "json"])
        .await
        .unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let difference = json!({
        "accountGroupId": group["id"], "what": "balance", "stored": 11, "computed": 10, "jobId": null,
    });
    let expected = json!({"ok": false, "accountGroups": 1, "differences": [difference]});
    assert_eq!(
        serde_json::from_slice::<Value>(&verify.stdout).unwrap(),
        expected
    );
}
