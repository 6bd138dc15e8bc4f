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
/// Each runs one job at a time.
const GROUPS: usize = 9;
const EVER: &str = "-infinity";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the program of an older revision: script/upgrade builds it"]
async fn the_previous_version_serves_while_this_one_migrates_and_takes_over() {
    let (previous, this) = programs();
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
        new_jobs_wait_and_complete(&world).await;
        let (_new, at_new) = serve(&world, "new", &this).await;
        *caller.at.lock().unwrap() = vec![at_old, at_new];
        caller.has_gone_on().await;
        *caller.at.lock().unwrap() = vec![at_new];
        caller.has_gone_on().await;
        jobs_get(&world, EVER, |jobs| jobs.half_imported).await;
        old.signal("TERM");
        assert!(old.ended(ENDS_WITHIN).await.success(), "{}", old.log());
        caller.has_gone_on().await;
        over.cancel();
        world.all_jobs_ended().await;
    };
    tokio::join!(calling, upgrading);

    assert_all_completed(&world).await;
    world.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the program of an older revision: script/upgrade builds it"]
async fn the_previous_version_goes_on_with_jobs_that_this_one_began() {
    let (previous, this) = programs();
    let world = World::start().await;
    let (mut new, at_new) = serve(&world, "new", &this).await;
    for (number, group) in world.groups(GROUPS).await.iter().enumerate() {
        world
            .start_job(at_new, group, &post(number, 300, 500))
            .await;
    }
    jobs_get(&world, EVER, |jobs| jobs.in_replies).await;
    new.signal("TERM");
    assert!(new.ended(ENDS_WITHIN).await.success(), "{}", new.log());
    jobs_get(&world, EVER, |jobs| jobs.queued_in_replies).await;

    let (_old, _) = serve(&world, "old", &previous).await;
    world.all_jobs_ended().await;

    assert_all_completed(&world).await;
    world.assert_books_balance().await;
}

/// The previous program and this one.
fn programs() -> (PathBuf, PathBuf) {
    let previous = std::env::var_os("PROSPECTOR_PREVIOUS").expect("PROSPECTOR_PREVIOUS is set");
    (previous.into(), env!("CARGO_BIN_EXE_prospector").into())
}

/// What can be seen of the jobs.
struct Jobs {
    wait_for_the_upstream: bool,
    sources_done: i64,
    half_imported: bool,
    in_replies: bool,
    queued_in_replies: bool,
}

/// Waits until the jobs that were started after `since` are as they must be.
async fn jobs_get(world: &World, since: &str, condition: impl Fn(&Jobs) -> bool) {
    let mut connection = world.connect().await;
    wait_for(async || {
        let jobs = sqlx::query_as!(
            Jobs,
            r#"
            select
                coalesce(bool_or(waiting_reason = 'upstream'), false) as "wait_for_the_upstream!",
                count(distinct source) filter (where status = 'completed') as "sources_done!",
                coalesce(bool_or(status = 'running' and page > 0), false) as "half_imported!",
                coalesce(bool_or(ended_at is null and cursor::text like '%replies%'), false) as "in_replies!",
                coalesce(bool_or(status = 'queued' and cursor::text like '%replies%'), false)
                    as "queued_in_replies!"
            from prospecting_jobs where created_at > $1::text::timestamptz
            "#,
            since,
        );
        condition(&jobs.fetch_one(&mut connection).await.unwrap())
    })
    .await;
}

/// Waits until jobs that are started after this wait for the upstream, and some of all sources are done.
async fn new_jobs_wait_and_complete(world: &World) {
    let now = sqlx::query_scalar!(r#"select clock_timestamp()::text as "now!""#);
    let now = now.fetch_one(&mut world.connect().await).await.unwrap();
    jobs_get(world, &now, |jobs| jobs.wait_for_the_upstream).await;
    jobs_get(world, &now, |jobs| jobs.sources_done == 4).await;
}

async fn assert_all_completed(world: &World) {
    let others = sqlx::query_scalar!(
        r#"
        select jsonb_pretty(jsonb_agg(to_jsonb(j))) as others from prospecting_jobs j
        where j.status <> 'completed' or j.imported + j.duplicates = 0
        "#
    );
    let others = others.fetch_one(&mut world.connect().await).await.unwrap();
    assert!(others.is_none(), "{}", others.unwrap_or_default());
}

/// A job of each kind of source in turn, all with look-ups of addresses.
fn order(round: usize) -> Value {
    let mut body = match round % 4 {
        0 => search(
            &format!("upgrade{round}+results-40+slow-20{}", limit(round)),
            30,
        ),
        1 => json!({
            "source": "sales_navigator", "savedSearchId": format!("5{round:06}0060"), "maxResults": 50,
        }),
        2 => post(round, 60, 40),
        _ => {
            let slugs = [
                format!("slow-{round}"),
                format!("ada-{round}"),
                format!("bob-{round}"),
            ];
            let urls = slugs.map(|slug| format!("https://www.linkedin.com/in/{slug}"));
            json!({"source": "url_upload", "urls": urls})
        }
    };
    body["searchEmails"] = json!(true);
    body
}

/// Every third search is limited, once, for longer than a run waits by itself: the job does.
fn limit(round: usize) -> &'static str {
    if round.is_multiple_of(12) {
        "+limit-6"
    } else {
        ""
    }
}

fn post(number: usize, people: usize, max_results: u32) -> Value {
    let id = format!("73{number:013}{people:04}");
    let post = format!("https://www.linkedin.com/posts/ada_x-activity-{id}-aBcD");
    json!({"source": "post_commenters", "postUrl": post, "maxResults": max_results})
}

/// Starts jobs and reads them, wherever it is told to, and is never refused.
struct Caller {
    client: Client,
    /// Each with its key.
    groups: Vec<(String, String)>,
    at: Mutex<Vec<SocketAddr>>,
    rounds: Mutex<usize>,
}

impl Caller {
    /// With groups and keys that the older program makes.
    async fn new(world: &World, previous: &Path) -> Self {
        let mut groups = Vec::new();
        for number in 0..GROUPS {
            let account = format!("acc_01up{number}");
            let group = ["account-group", "create", "--name", "Upgraded"];
            let more = ["--plan", "scale", "--linkedin-account", &account];
            let last = ["--credits", "1000000"];
            let group = run(world, previous, &[&group[..], &more, &last].concat()).await;
            let group = group["id"].as_str().unwrap().to_owned();
            let key = ["api-key", "create", "--account-group", &group];
            let more = ["--permission"];
            let last = ["prospecting:read", "prospecting:write", "prospects:read"];
            let key = run(world, previous, &[&key[..], &more, &last].concat()).await;
            groups.push((group, key["secret"].as_str().unwrap().to_owned()));
        }
        Self {
            client: world.client.clone(),
            groups,
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
        let (group, key) = &self.groups[round % GROUPS];
        let prospecting = format!("http://{at}/v1/accounts/{group}/prospecting");
        let started = self.client.post(&prospecting).json(&order(round));
        let (status, started) = answer(started.bearer_auth(key)).await;
        assert_eq!(status, 202, "{started}");
        let job = started["data"]["jobId"].as_str().unwrap();
        for path in [
            String::new(),
            format!("/{job}"),
            format!("/{job}/prospects"),
        ] {
            let read = self.client.get(format!("{prospecting}{path}"));
            let (status, body) = answer(read.bearer_auth(key)).await;
            assert_eq!(status, 200, "{body}");
        }
        *self.rounds.lock().unwrap() += 1;
    }

    async fn has_gone_on(&self) {
        let before = *self.rounds.lock().unwrap();
        wait_for(async || *self.rounds.lock().unwrap() >= before + ROUNDS).await;
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
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
