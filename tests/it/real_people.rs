//! From nothing to the first job with real people, as the README tells it: the real clients with
//! real keys, on addresses where the sandbox speaks for the vendors.

use prospector::domain::api_key::ApiKeySecret;
use prospector::upstream::sandbox::population::{self, Row};
use serde_json::{Value, json};

use crate::support::app::{search, wait_for};
use crate::support::process::{Program, command, told};
use crate::support::world::{Call, Group, World};

const UNIPILE_KEY: &str = "unipile-s3cret";
const FINDER_KEY: &str = "finder-s3cret";
/// Of 20 people.
const LEAD_LIST: &str = "7130000000000000020";

/// The settings of the README, and where the vendors are.
fn settings(finder: &str, url: &str) -> Vec<(String, String)> {
    let vendor = finder.to_uppercase();
    [
        ("LINKEDIN_PROVIDER", "unipile"),
        ("UNIPILE_API_KEY", UNIPILE_KEY),
        ("EMAIL_FINDER", finder),
        (&format!("{vendor}_API_KEY"), FINDER_KEY),
        ("UNIPILE_BASE_URL", url),
        (&format!("{vendor}_BASE_URL"), url),
        // The world's own, which must not be set here.
        ("SANDBOX_URL", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Runs a command with these settings, which must succeed, and reads what it prints.
async fn run(world: &World, settings: &[(String, String)], arguments: &[&str]) -> Value {
    let mut command = Program::on(&world.database).command(arguments);
    command.args(["--output", "json"]).envs(settings.to_vec());
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = running.await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn make_group(world: &World, settings: &[(String, String)]) -> Group {
    let create = [
        "account-group",
        "create",
        "--name=Acme",
        "--plan=starter",
        "--linkedin-account=acc_01acme",
        "--credits=1000",
    ];
    let group = run(world, settings, &create).await;
    let id = group["id"].as_str().unwrap();
    let create = [
        "api-key",
        "create",
        "--name=Acme",
        "--account-group",
        id,
        "--permission",
        "prospecting:read",
        "prospecting:write",
        "prospects:read",
    ];
    let key = run(world, settings, &create).await;
    let secret = key["secret"].as_str().unwrap();
    assert!(secret.starts_with("sk_live_"));
    Group {
        id: id.parse().unwrap(),
        key: ApiKeySecret::parse(secret).unwrap(),
    }
}

async fn get(world: &World, at: std::net::SocketAddr, group: &Group, path: &str) -> Value {
    let call = Call::get(path);
    let answer = world.call(&world.client, at, group, call).await.unwrap();
    assert_eq!(answer.header("x-sandbox"), None);
    answer.expect_status(200).data().clone()
}

/// The addresses of a lead list's people, in their order, `null` where there is none.
fn addresses(lead_list: &str) -> Vec<Value> {
    let mut addresses = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for row in population::rows_of_lead_list(lead_list) {
        if let Row::Person(person) = row
            && seen.insert(person.member_id.clone())
        {
            addresses.push(json!(
                population::email_of(&person).map(|email| email.address)
            ));
        }
    }
    addresses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_two_keys_gets_from_nothing_to_the_first_job() {
    for finder in ["hunter", "prospeo"] {
        let world = World::start().await;
        let settings = settings(finder, &world.sandbox_url());
        // Before there is a database.
        let mut check = command(&["upstream", "check", "--linkedin-account", "acc_01acme"]);
        check.envs(settings.clone());
        let checking = tokio::task::spawn_blocking(move || check.output().unwrap());
        let checked = checking.await.unwrap();
        assert!(checked.status.success(), "{}", told(&checked));

        let group = make_group(&world, &settings).await;
        let names: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let (serve, address) = world.serve(finder, &[], &names).await;
        // Tells names and companies, so that people without a page can be looked up as well.
        let body = json!({"source": "sales_navigator", "leadListId": LEAD_LIST, "maxResults": 50,
            "searchEmails": true});
        let job = world.start_job(address, &group, &body).await;
        wait_for(async || world.job(address, &group, &job).await["status"] == "completed").await;

        let status = world.job(address, &group, &job).await;
        assert_eq!(status["stages"]["enrichment"]["status"], "completed");
        assert_eq!(status["counts"]["imported"], 20);
        assert_eq!(
            status["credits"],
            json!({"reserved": 100, "charged": 40, "released": 60})
        );
        let path = format!("prospecting/{job}/prospects?limit=100");
        let rows = get(&world, address, &group, &path).await;
        let rows = rows["items"].as_array().unwrap();
        let emails: Vec<Value> = rows.iter().map(|row| row["email"].clone()).collect();
        assert_eq!(emails, addresses(LEAD_LIST), "{finder}");
        world.assert_books_balance().await;
        for key in [UNIPILE_KEY, FINDER_KEY, group.key.reveal()] {
            assert!(!serve.log().contains(key), "a key is never logged");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hunter_out_of_quota_loses_no_imported_people() {
    let world = World::start().await;
    let settings = settings("hunter", &world.sandbox_url());
    let group = make_group(&world, &settings).await;
    let names: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (_serve, address) = world.serve("hunter", &[], &names).await;
    let mut body = search("finder-quota+results-20", 50);
    body["searchEmails"] = json!(true);
    let job = world.start_job(address, &group, &body).await;
    wait_for(async || world.job(address, &group, &job).await["status"] == "completed").await;

    let status = world.job(address, &group, &job).await;
    assert_eq!(status["counts"]["imported"], 20);
    let enrichment = &status["stages"]["enrichment"];
    assert_eq!(enrichment["error"]["code"], "EMAIL_FINDER_QUOTA");
    let path = format!("prospecting/{job}/prospects?limit=100");
    let rows = get(&world, address, &group, &path).await;
    let rows = rows["items"].as_array().unwrap();
    // Those without a page are asked for by name, which the magic word does not reach.
    let failed = rows.iter().filter(|row| row["emailStatus"] == "failed");
    let failed = failed.count();
    assert!(failed > 10 && rows.len() == 20, "{failed}");
    assert_eq!(status["credits"]["charged"], 40 - failed);
    world.assert_books_balance().await;
}
