//! Processes killed at random instants, again and again, while jobs of every kind run: nothing is
//! lost, nothing is paid twice.
//!
//! `script/chaos` runs this for longer, and again with the seed of a run that failed.

mod books;
mod killer;
mod orders;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chaos::books::{assert_jobs_are_exact, books};
use crate::chaos::killer::{Addresses, Killer};
use crate::chaos::orders::{GROUPS, Order};
use crate::support::world::{Call, Group, World};

/// Jobs that are kept in the queue while processes are killed.
const OPEN_JOBS: i64 = 20;
/// How long it may take until a process accepts a job.
const PATIENCE_FOR_A_START: Duration = Duration::from_secs(60);

/// How long the test kills, and the dice it rolls.
#[derive(Debug)]
struct Plan {
    duration: Duration,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str| -> Option<u64> {
            #[expect(clippy::disallowed_methods, reason = "how script/chaos sets the test")]
            let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
            Some(text.parse().expect("a number"))
        };
        let minutes = number("PROSPECTOR_CHAOS_MINUTES");
        Self {
            duration: minutes.map_or(Duration::from_secs(10), |minutes| {
                Duration::from_secs(60 * minutes)
            }),
            seed: number("PROSPECTOR_CHAOS_SEED").unwrap_or_else(rand::random),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_survive_kills_at_any_instant_with_exact_people_and_charges() {
    let plan = Plan::from_environment();
    println!("{plan:?}: PROSPECTOR_CHAOS_SEED={} repeats it", plan.seed);
    let world = Arc::new(World::start().await);
    let groups: Arc<[Group]> = world.groups(GROUPS).await.into();

    let mut killer = Killer::new(Arc::clone(&world), plan.seed).await;
    let enough = CancellationToken::new();
    let mut starting = JoinSet::new();
    starting.spawn(keep_starting(
        Arc::clone(&world),
        Arc::clone(&groups),
        killer.addresses(),
        enough.clone(),
    ));
    let kills = killer.kill_for(plan.duration).await;
    enough.cancel();
    let orders = starting.join_next().await.unwrap().unwrap();
    world.all_jobs_ended().await;
    println!("{} jobs, {kills} kills", orders.len());
    drop(killer);

    assert_jobs_are_exact(&world, &groups, &orders).await;
    world.assert_books_balance().await;
    assert_eq!(
        books(&world, &groups).await,
        books_without_kills(orders.len()).await,
        "the books are those of a run that nobody disturbed"
    );
}

/// Starts orders as long as few are open, each by tries with one Idempotency-Key until an answer
/// comes: a try whose process was killed may have started the job or not.
async fn keep_starting(
    world: Arc<World>,
    groups: Arc<[Group]>,
    addresses: Addresses,
    enough: CancellationToken,
) -> Vec<Order> {
    let mut connection = world.connect().await;
    let mut orders = Vec::new();
    while !enough.is_cancelled() {
        if world.open_jobs(&mut connection).await >= OPEN_JOBS {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        }
        let mut order = Order::number(orders.len());
        order.job = Some(start(&world, &groups, &addresses, &order).await);
        orders.push(order);
    }
    orders
}

async fn start(
    world: &World,
    groups: &[Group],
    addresses: &Addresses,
    order: &Order,
) -> prospector::domain::id::JobId {
    let trying = async {
        loop {
            for address in addresses.all() {
                let call = Call::start(&order.body, Some(&order.idempotency_key));
                let answer = world.call(&world.client, address, &groups[order.group], call);
                match answer.await {
                    Ok(answer) if answer.status == 503 => {}
                    Ok(answer) => {
                        assert!(matches!(answer.status, 200 | 202), "{:#}", answer.body);
                        return answer.job_id();
                    }
                    Err(_) => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE_FOR_A_START, trying)
        .await
        .expect("no process accepts the job")
}

/// The same orders, carried out by one process that is left alone.
async fn books_without_kills(orders: usize) -> Vec<books::Books> {
    let world = World::start().await;
    let groups = world.groups(GROUPS).await;
    let (_serve, address) = world.serve("undisturbed", &[], &[]).await;
    for number in 0..orders {
        let order = Order::number(number);
        world
            .start_job(address, &groups[order.group], &order.body)
            .await;
    }
    world.all_jobs_ended().await;
    books(&world, &groups).await
}
