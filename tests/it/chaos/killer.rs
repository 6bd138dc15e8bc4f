//! Two processes, and who kills them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::support::app::wait_for;
use crate::support::replica::Replica;
use crate::support::world::World;

const NAMES: [&str; 2] = ["first", "second"];
const SETTINGS: [(&str, &str); 1] = [("LEASE_SECONDS", "1")];
/// A kill comes at most so long after jobs were seen to get on.
const LATEST_MS: u64 = 400;
/// Five runs in a row without a page fail a job, as they should. No process is killed while a job has
/// begun so many: it gets on first.
const STALLED_MAX: i32 = 3;

/// Where the processes listen just now, as far as they have said so.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<[Option<SocketAddr>; 2]>>);

impl Addresses {
    pub(super) fn all(&self) -> Vec<SocketAddr> {
        let addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.iter().flatten().copied().collect()
    }

    fn set(&self, index: usize, address: Option<SocketAddr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[index] = address;
    }
}

pub(super) struct Killer {
    world: Arc<World>,
    dice: StdRng,
    processes: [Replica; 2],
    addresses: Addresses,
}

impl Killer {
    pub(super) async fn new(world: Arc<World>, seed: u64) -> Self {
        let processes = NAMES.map(|name| world.spawn(name, &[], &SETTINGS));
        let mut killer = Self {
            world,
            dice: StdRng::seed_from_u64(seed),
            processes,
            addresses: Addresses::default(),
        };
        for process in &mut killer.processes {
            process.listening().await;
        }
        killer.look_for_addresses();
        killer
    }

    pub(super) fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// Kills for so long, then leaves both processes running. Returns how often it killed.
    pub(super) async fn kill_for(&mut self, duration: Duration) -> u32 {
        let mut connection = self.world.connect().await;
        let began = Instant::now();
        let mut kills = 0;
        while began.elapsed() < duration {
            self.wait_until_jobs_get_on(&mut connection).await;
            let moment = Duration::from_micros(self.dice.random_range(0..LATEST_MS * 1_000));
            tokio::time::sleep(moment).await;
            for victim in self.victims() {
                self.processes[victim].kill();
                self.addresses.set(victim, None);
                self.processes[victim] = self.world.spawn(NAMES[victim], &[], &SETTINGS);
                kills += 1;
            }
        }
        for process in &mut self.processes {
            process.listening().await;
        }
        self.look_for_addresses();
        kills
    }

    /// One of the two, or, once in six times, both.
    fn victims(&mut self) -> Vec<usize> {
        match self.dice.random_range(0..6) {
            0 => vec![0, 1],
            number => vec![number % 2],
        }
    }

    async fn wait_until_jobs_get_on(&mut self, connection: &mut PgConnection) {
        let before = committed(connection).await;
        wait_for(async || {
            self.look_for_addresses();
            let stalled = sqlx::query_scalar!(
                r#"
                select coalesce(max(stalled_attempts), 0) as "stalled!"
                from prospecting_jobs where ended_at is null
                "#
            );
            let stalled = stalled.fetch_one(&mut *connection).await.unwrap();
            stalled < STALLED_MAX && committed(&mut *connection).await > before
        })
        .await;
    }

    fn look_for_addresses(&mut self) {
        for (index, process) in self.processes.iter_mut().enumerate() {
            assert!(process.is_running(), "nobody killed it");
            self.addresses.set(index, process.address());
        }
    }
}

/// Pages and batches committed so far, in all jobs.
async fn committed(connection: &mut PgConnection) -> i64 {
    let committed = sqlx::query_scalar!(
        r#"select coalesce(sum(page + enrichment_batch), 0) as "sum!" from prospecting_jobs"#
    );
    committed.fetch_one(connection).await.unwrap()
}
