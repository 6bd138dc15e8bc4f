//! The program of an older revision and this one on the same database. `script/upgrade` runs it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::{search, wait_for};
use crate::support::database::unmigrated_database;
use crate::support::process::Program;
use crate::support::replica::Replica;
use crate::support::world::World;

const ROUNDS: usize = 20;
const ENDS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the program of an older revision: script/upgrade builds it"]
async fn the_previous_version_serves_while_this_one_migrates_and_takes_over() {
    let previous = std::env::var_os("PROSPECTOR_PREVIOUS").expect("PROSPECTOR_PREVIOUS is set");
    let previous = PathBuf::from(previous);
    let this = PathBuf::from(env!("CARGO_BIN_EXE_prospector"));
    let world = World::on(unmigrated_database().await).await;

    run(&world, &previous, &["migrate"]).await;
    let caller = Caller::new(&world, &previous).await;
    let (mut old, at_old) = serve(&world, "old", &previous).await;
    *caller.at.lock().unwrap() = vec![at_old];

    let over = CancellationToken::new();
    let calling = async {
        while !over.is_cancelled() {
            caller.start_and_read().await;
        }
    };
    let upgrading = async {
        caller.has_gone_on().await;
        run(&world, &this, &["migrate"]).await;
        caller.has_gone_on().await;
        let (_new, at_new) = serve(&world, "new", &this).await;
        *caller.at.lock().unwrap() = vec![at_old, at_new];
        caller.has_gone_on().await;
        *caller.at.lock().unwrap() = vec![at_new];
        caller.has_gone_on().await;
        old.signal("TERM");
        assert!(old.ended(ENDS_WITHIN).await.success(), "{}", old.log());
        caller.has_gone_on().await;
        over.cancel();
        world.all_jobs_ended().await;
    };
    tokio::join!(calling, upgrading);

    let jobs = run(&world, &this, &["jobs", "list"]).await;
    for job in jobs["items"].as_array().unwrap() {
        assert_eq!(job["status"], "completed", "{job:#}");
    }
    world.assert_books_balance().await;
}

/// Starts jobs and reads them, wherever it is told to, and is never refused.
struct Caller {
    client: Client,
    group: String,
    key: String,
    at: Mutex<Vec<SocketAddr>>,
    rounds: Mutex<usize>,
}

impl Caller {
    /// With a group and key that the older program makes.
    async fn new(world: &World, previous: &Path) -> Self {
        let group = ["account-group", "create", "--name", "Upgraded"];
        let more = ["--plan", "scale", "--linkedin-account", "acc_01up"];
        let last = ["--credits", "1000000"];
        let group = run(world, previous, &[&group[..], &more, &last].concat()).await;
        let group = group["id"].as_str().unwrap().to_owned();
        let key = ["api-key", "create", "--account-group", &group];
        let more = ["--permission"];
        let last = ["prospecting:read", "prospecting:write", "prospects:read"];
        let key = run(world, previous, &[&key[..], &more, &last].concat()).await;
        Self {
            client: world.client.clone(),
            group,
            key: key["secret"].as_str().unwrap().to_owned(),
            at: Mutex::default(),
            rounds: Mutex::default(),
        }
    }

    async fn start_and_read(&self) {
        let round = *self.rounds.lock().unwrap();
        let at = {
            let at = self.at.lock().unwrap();
            at[round % at.len()]
        };
        let prospecting = format!("http://{at}/v1/accounts/{}/prospecting", self.group);
        let mut body = search(&format!("upgrade{round}+results-40+slow-20"), 30);
        body["searchEmails"] = json!(true);
        let started = self.answer(self.client.post(&prospecting).json(&body));
        let (status, started) = started.await;
        assert_eq!(status, 202, "{started}");
        let job = started["data"]["jobId"].as_str().unwrap();
        for path in [
            String::new(),
            format!("/{job}"),
            format!("/{job}/prospects"),
        ] {
            let read = self.answer(self.client.get(format!("{prospecting}{path}")));
            let (status, body) = read.await;
            assert_eq!(status, 200, "{body}");
        }
        *self.rounds.lock().unwrap() += 1;
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.bearer_auth(&self.key).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn has_gone_on(&self) {
        let before = *self.rounds.lock().unwrap();
        wait_for(async || *self.rounds.lock().unwrap() >= before + ROUNDS).await;
    }
}

async fn serve(world: &World, name: &str, program: &Path) -> (Replica, SocketAddr) {
    let program = Program::on(&world.database).by(program);
    let mut serving = world.spawn_program(&program, name, &["--no-migrate"], &[]);
    let address = serving.listening().await;
    (serving, address)
}

async fn run(world: &World, program: &Path, arguments: &[&str]) -> Value {
    let program = Program::on(&world.database).by(program);
    program.json_beside(arguments).await
}
