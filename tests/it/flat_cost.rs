//! What a claim, a start and a page cost, measured: `script/bench` runs these. They need minutes and
//! a gigabyte, so the suite leaves them out.
#![expect(clippy::print_stdout, reason = "the figures are what these are for")]

use std::time::{Duration, Instant};

use prospector::db::queue::{self, Fenced, Lease, WaitOutcome, WaitUntil};
use prospector::domain::job::JobErrorCode;
use sqlx::PgConnection;

use crate::fairness::queue_many;
use crate::page_versions::{Page, Version, import};
use crate::support::app::{Setup, TestApp};
use crate::support::by_hand::{
    Wanted, claim, import_in_full, people, person, search_source, start, start_and_claim, try_claim,
};

const FEW: i32 = 1_000;
const REPEATS: usize = 400;

fn many() -> i32 {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test alone")]
    let jobs = std::env::var("BENCH_JOBS").ok();
    jobs.map_or(1_000_000, |text| text.parse().unwrap())
}

/// A queue of one group, and a connection whose plans are those of an empty table.
struct Queue {
    app: TestApp,
    connection: PgConnection,
}

impl Queue {
    async fn with(number: i32) -> Self {
        let app = TestApp::with(Setup {
            credits: 10_000_000,
            ..Setup::default()
        })
        .await;
        let mut connection = app.connect().await;
        for _ in 0..10 {
            let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
            fail(&mut connection, &lease).await;
        }
        let source = search_source("results-3");
        queue_many(&mut app.connect().await, &app.group, number, &source).await;
        Self { app, connection }
    }

    async fn start(&mut self) {
        let wanted = Wanted {
            max_results: 1,
            ..Wanted::default()
        };
        start(&mut self.connection, &self.app.group, &wanted).await;
    }

    async fn claim_and_hand_back(&mut self) {
        let lease = claim(&mut self.connection).await;
        let until = WaitUntil::After(Duration::ZERO);
        let waited = queue::wait_job(&mut self.connection, &lease, None, until).await;
        assert_eq!(waited.unwrap(), WaitOutcome::Waiting);
    }

    /// Starts, claims and ends the only job that is due, and finds that no other is.
    async fn run_beside_waiting(&mut self) {
        self.start().await;
        let lease = claim(&mut self.connection).await;
        fail(&mut self.connection, &lease).await;
        assert_eq!(try_claim(&mut self.connection, 1).await.unwrap(), None);
    }

    async fn vacuum(&mut self) {
        sqlx::query!("vacuum analyze prospecting_jobs")
            .execute(&mut self.app.connect().await)
            .await
            .unwrap();
    }

    /// Lets every queued job wait for tomorrow.
    async fn put_off(&mut self) {
        sqlx::query!(
            "update prospecting_jobs set due_at = now() + interval '1 day' where status = 'queued'"
        )
        .execute(&mut self.app.connect().await)
        .await
        .unwrap();
    }

    /// Prints the plan of the claim's look into one lane.
    async fn explain(&mut self) {
        let sql = format!(
            "explain (analyze, buffers) select j.job_id from prospecting_jobs j \
             where j.account_group_id = '{}' and j.status = 'queued' and j.due_at <= now() \
             order by j.due_at, j.job_id limit 1 for no key update skip locked",
            self.app.group
        );
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        for row in rows.fetch_all(&mut self.connection).await.unwrap() {
            println!("  {}", sqlx::Row::get::<String, _>(&row, 0));
        }
    }
}

async fn fail(connection: &mut PgConnection, lease: &Lease) {
    let failed = queue::fail_job(connection, lease, JobErrorCode::SourceRefused).await;
    assert_eq!(failed.unwrap(), Fenced::Done);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What the same work costs in both queues, by turns, so that the machine's moods meet both; and
/// whether the long queue costs at most `bound` times as much.
async fn costs_at_most(
    bound: f64,
    what: &str,
    queues: &mut [Queue; 2],
    mut work: impl AsyncFnMut(&mut Queue),
) -> bool {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..REPEATS {
        for (queue, times) in queues.iter_mut().zip(&mut times) {
            let began = Instant::now();
            work(queue).await;
            times.push(began.elapsed());
        }
    }
    let [few, many] = times.map(median);
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!("{what}: {few:?} in the short queue, {many:?} in the long one, {ratio:.2} times");
    ratio <= bound
}

#[tokio::test]
#[ignore = "takes minutes: script/bench runs it"]
async fn a_claim_and_a_start_cost_the_same_however_many_jobs_are_queued() {
    let mut queues = [Queue::with(FEW).await, Queue::with(many()).await];
    println!("queues of {FEW} and {} jobs", many());
    let mut is_flat = true;
    is_flat &= costs_at_most(
        1.5,
        "claim on the plans of an empty table",
        &mut queues,
        async |queue| {
            queue.claim_and_hand_back().await;
        },
    )
    .await;
    for queue in &mut queues {
        queue.vacuum().await;
        queue.claim_and_hand_back().await;
        queue.explain().await;
    }
    is_flat &= costs_at_most(1.2, "claim and hand-back", &mut queues, async |queue| {
        queue.claim_and_hand_back().await;
    })
    .await;
    is_flat &= costs_at_most(1.2, "start", &mut queues, async |queue| queue.start().await).await;
    for queue in &mut queues {
        queue.put_off().await;
        queue.vacuum().await;
    }
    is_flat &= costs_at_most(
        1.2,
        "start, claim and end, all others waiting",
        &mut queues,
        async |queue| {
            queue.run_beside_waiting().await;
        },
    )
    .await;
    assert!(is_flat, "a long queue costs more, see above");
}

#[tokio::test]
#[ignore = "measures: script/bench runs it"]
async fn pages_of_new_people_are_committed_by_the_thousand_per_second() {
    let app = TestApp::with(Setup {
        credits: 10_000_000,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        max_results: 100_000,
        ..Wanted::default()
    };
    let mut next_person = 0;
    for size in [25, 100, 25, 100] {
        let lease = start_and_claim(&mut connection, &app.group, &wanted).await;
        let pages = 4_900 / size;
        let mut spent = Duration::ZERO;
        for page in 1..=pages {
            let items = people(next_person..next_person + size);
            next_person += size;
            let began = Instant::now();
            import_in_full(&mut connection, &lease, page, &items, None).await;
            spent += began.elapsed();
        }
        let people = f64::from(pages * size) / spent.as_secs_f64();
        let page = spent / pages;
        println!("pages of {size}: {people:.0} people per second, {page:?} a page");
        fail(&mut connection, &lease).await;
    }
    app.assert_books_balance().await;
}

/// What a page of these people is to the functions that commit it.
fn stored_items(numbers: std::ops::Range<u32>) -> serde_json::Value {
    let stored = |number| {
        let mut item = serde_json::to_value(person(number)).unwrap();
        item["kind"] = "person".into();
        item["prospect_id"] = format!("{number:024x}").into();
        item["public_identifier_key"] = item["public_identifier"].clone();
        item
    };
    numbers.map(stored).collect()
}

#[tokio::test]
#[ignore = "measures: script/bench runs it"]
async fn a_page_costs_less_than_its_people_one_by_one() {
    const ROUNDS: u32 = 6;
    let app = TestApp::start().await;
    let setup = Setup {
        credits: 10_000_000,
        ..Setup::default()
    };
    let versions = [Version::One, Version::Two];
    let mut connections = [app.connect().await, app.connect().await];
    let groups = [
        app.another_group(&setup).await.0,
        app.another_group(&setup).await.0,
    ];
    let wanted = Wanted {
        max_results: 100_000,
        ..Wanted::default()
    };
    let mut next_person = 0;
    for size in [25, 100] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let mut leases = Vec::new();
            for (connection, group) in connections.iter_mut().zip(&groups) {
                leases.push(start_and_claim(connection, group, &wanted).await);
            }
            for number in 1..=40 {
                let page = Page {
                    number,
                    items: stored_items(next_person..next_person + size),
                    available: None,
                    ended: None,
                    fetched_max: i32::MAX,
                };
                next_person += size;
                // By turns, so that the machine's moods meet both.
                for (side, version) in versions.into_iter().enumerate() {
                    let began = Instant::now();
                    let done = import(&mut connections[side], version, &leases[side], &page).await;
                    times[side].push(began.elapsed());
                    assert_eq!(done.outcome.as_deref(), Some("committed"));
                }
            }
            for (connection, lease) in connections.iter_mut().zip(&leases) {
                fail(connection, lease).await;
            }
        }
        let [one, two] = times.map(median);
        let ratio = one.as_secs_f64() / two.as_secs_f64();
        println!(
            "pages of {size}: {one:?} one by one, {two:?} as a whole, {ratio:.2} times as fast"
        );
    }
}
