//! An API key is exchanged for another while its user goes on working.

use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::app::{search, wait_for};
use crate::support::process::Program;
use crate::support::world::{Group, World};

const ENOUGH_CALLS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_rotated_without_one_refused_request_and_the_old_one_is_refused_everywhere_at_once()
 {
    let world = World::start().await;
    let group = world.group().await;
    let (_first, first) = world.serve("first", &[], &[]).await;
    let (_second, second) = world.serve("second", &[], &[]).await;
    let client = Client {
        world: &world,
        group: &group,
        at: [first, second],
        key: Mutex::new(group.key.reveal().to_owned()),
        answered: Mutex::default(),
    };
    let over = CancellationToken::new();
    let working = async {
        while !over.is_cancelled() {
            client.start_and_read().await;
        }
    };
    let rotating = async {
        client.has_gone_on().await;
        let old = operator(&world, &["api-key", "list"]).await["items"][0]["id"].clone();
        let made = operator(
            &world,
            &[
                "api-key",
                "create",
                "--account-group",
                group.id.as_str(),
                "--permission",
                "prospecting:read",
                "prospecting:write",
            ],
        )
        .await;
        client.has_gone_on().await;
        *client.key.lock().unwrap() = made["secret"].as_str().unwrap().to_owned();
        client.has_gone_on().await;
        operator(&world, &["api-key", "revoke", old.as_str().unwrap()]).await;
        for at in [first, second] {
            assert_eq!(client.status(at, group.key.reveal()).await, 401);
        }
        client.has_gone_on().await;
        over.cancel();
    };
    tokio::join!(working, rotating);
    world.all_jobs_ended().await;
    world.assert_books_balance().await;
}

/// A caller that starts jobs and reads, at two processes by turns, and is never refused.
struct Client<'a> {
    world: &'a World,
    group: &'a Group,
    at: [SocketAddr; 2],
    key: Mutex<String>,
    answered: Mutex<usize>,
}

impl Client<'_> {
    async fn start_and_read(&self) {
        let key = self.key.lock().unwrap().clone();
        let number = *self.answered.lock().unwrap();
        let at = self.at[number % 2];
        let url = format!("http://{at}/v1/accounts/{}/prospecting", self.group.id);
        let start = self.world.client.post(&url).bearer_auth(&key);
        let body = search(&format!("rotation{number}+results-1"), 1);
        let started = start.json(&body).send().await.unwrap();
        assert_eq!(started.status().as_u16(), 202);
        assert_eq!(self.status(at, &key).await, 200);
        *self.answered.lock().unwrap() += 1;
    }

    async fn status(&self, at: SocketAddr, key: &str) -> u16 {
        let url = format!("http://{at}/v1/key");
        let asked = self.world.client.get(url).bearer_auth(key);
        asked.send().await.unwrap().status().as_u16()
    }

    /// Waits until a few more rounds are done.
    async fn has_gone_on(&self) {
        let before = *self.answered.lock().unwrap();
        wait_for(async || *self.answered.lock().unwrap() >= before + ENOUGH_CALLS).await;
    }
}

async fn operator(world: &World, arguments: &[&str]) -> Value {
    Program::on(&world.database).json_beside(arguments).await
}
