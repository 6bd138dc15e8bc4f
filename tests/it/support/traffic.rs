//! Everything that can happen to the jobs of one account group, at random and from many tasks at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prospector::db::jobs::cancel_job;
use prospector::db::pool::Database;
use prospector::db::prospects::list_lookups;
use prospector::db::queue::{
    self, BreakOff, Fenced, Lease, StoredAnswer, StoredEmailStatus, WaitUntil,
};
use prospector::domain::id::{AccountGroupId, JobId};
use prospector::domain::job::{EnrichmentErrorCode, JobErrorCode, StopReason, WaitingReason};
use prospector::domain::linkedin_url::ProfileUrl;
use prospector::domain::start_request::Duplicates;
use prospector::error::Error;
use prospector::service::erasure::erase_person;
use prospector::service::operator;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgConnection};

use crate::support::app::TestApp;
use crate::support::by_hand::{
    self, LEASE, Wanted, erasure_key, item, person, try_claim, try_start,
};

/// Jobs of the group that may run at the same time: several, so that their pages meet.
const RUNNING_MAX: u32 = 6;
/// Few enough that the same people keep coming from different jobs.
const PEOPLE: u32 = 400;

/// What the tasks share: jobs started, and leases that somebody held at some time.
#[derive(Debug, Default)]
struct Known {
    jobs: Vec<JobId>,
    leases: Vec<Lease>,
}

/// One task's hands.
pub(crate) struct Actor {
    group: AccountGroupId,
    database: Database,
    connection: PgConnection,
    dice: StdRng,
    known: Arc<Mutex<Known>>,
}

/// What an actor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    Start,
    Claim,
    Page,
    Batch,
    Cancel,
    Fail,
    GiveUp,
    Wait,
    BreakOff,
    TakeOver,
    Grant,
    Erase,
    Heartbeat,
}

/// By how often they come.
const DEEDS: [Deed; 25] = [
    Deed::Start,
    Deed::Start,
    Deed::Claim,
    Deed::Claim,
    Deed::Claim,
    Deed::Claim,
    Deed::Page,
    Deed::Page,
    Deed::Page,
    Deed::Page,
    Deed::Page,
    Deed::Page,
    Deed::Batch,
    Deed::Batch,
    Deed::Batch,
    Deed::Cancel,
    Deed::Fail,
    Deed::GiveUp,
    Deed::Wait,
    Deed::Wait,
    Deed::BreakOff,
    Deed::TakeOver,
    Deed::Grant,
    Deed::Erase,
    Deed::Heartbeat,
];

/// Actors for the app's account group, the same for the same seed.
pub(crate) async fn actors(app: &TestApp, seed: u64, number: u64) -> Vec<Actor> {
    let known = Arc::new(Mutex::new(Known::default()));
    let mut actors = Vec::new();
    for actor in 0..number {
        actors.push(Actor {
            group: app.group.clone(),
            database: app.app.database.clone(),
            connection: app.connect().await,
            dice: StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(actor)),
            known: Arc::clone(&known),
        });
    }
    actors
}

impl Actor {
    pub(crate) async fn leave(self) {
        self.connection.close().await.unwrap();
    }

    /// Does one thing. That it came too late, met a lost lease or found nothing to do is no error.
    pub(crate) async fn act(&mut self) -> Result<Deed, (Deed, Error)> {
        let deed = *DEEDS.choose(&mut self.dice).unwrap();
        match self.perform(deed).await {
            Ok(()) => Ok(deed),
            Err(error) => Err((deed, error)),
        }
    }

    async fn perform(&mut self, deed: Deed) -> Result<(), Error> {
        match deed {
            Deed::Start => return self.start().await,
            Deed::Claim => {
                if let Some(lease) = try_claim(&mut self.connection, RUNNING_MAX).await? {
                    self.known(|known| known.leases.push(lease));
                }
                return Ok(());
            }
            Deed::Cancel => return self.cancel().await,
            Deed::TakeOver => return self.take_over().await,
            Deed::Grant => return self.grant().await,
            Deed::Erase => return self.erase().await,
            Deed::Heartbeat => {
                let leases = self.known(|known| known.leases.clone());
                queue::prolong_leases(&mut self.connection, &leases, LEASE).await?;
                return Ok(());
            }
            Deed::Page | Deed::Batch | Deed::Fail | Deed::GiveUp | Deed::Wait | Deed::BreakOff => {}
        }
        // Leases are never forgotten, so stale ones are used as well.
        let leases = self.known(|known| {
            let recent = known.leases.len().saturating_sub(2 * RUNNING_MAX as usize);
            known.leases[recent..].to_vec()
        });
        let Some(lease) = leases.choose(&mut self.dice) else {
            return Ok(());
        };
        self.use_lease(deed, lease).await
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn start(&mut self) -> Result<(), Error> {
        let wanted = Wanted {
            max_results: self.dice.random_range(1..=120),
            search_emails: self.dice.random_bool(0.5),
            duplicates: *Duplicates::ALL.choose(&mut self.dice).unwrap(),
            ..Wanted::default()
        };
        if let Some(job) = try_start(&mut self.connection, &self.group, &wanted).await? {
            self.known(|known| known.jobs.push(job));
        }
        Ok(())
    }

    async fn cancel(&mut self) -> Result<(), Error> {
        let jobs = self.known(|known| known.jobs.clone());
        if let Some(job) = jobs.choose(&mut self.dice) {
            cancel_job(&mut self.connection, &self.group, job).await?;
        }
        Ok(())
    }

    /// Lets leases run out and breaks them, as the reaper does.
    async fn take_over(&mut self) -> Result<(), Error> {
        let share = self.dice.random_range(0.0..0.5);
        sqlx::query!(
            r#"
            update prospecting_jobs set lease_expires_at = now() - interval '1 second'
            where (account_group_id, job_id) in (
                select account_group_id, job_id from prospecting_jobs
                where status = 'running' and random() < $1
                for no key update skip locked
            )
            "#,
            share,
        )
        .execute(&mut self.connection)
        .await?;
        for lease in queue::list_expired_leases(&mut self.connection, 100).await? {
            queue::break_off_run(&mut self.connection, &lease, BreakOff::ExpiredOnly).await?;
        }
        Ok(())
    }

    async fn grant(&mut self) -> Result<(), Error> {
        let amount = self.dice.random_range(1..=200);
        let granted =
            operator::grant_credits(&self.database, &self.group, amount, "for the test", None);
        match granted.await {
            Ok(_) => Ok(()),
            Err(operator::Refusal::Failed(error)) => Err(error),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    async fn erase(&mut self) -> Result<(), Error> {
        let slug = person(self.dice.random_range(0..PEOPLE)).public_identifier;
        let profile = ProfileUrl::parse(&slug.unwrap().url()).unwrap();
        match erase_person(&self.database, &erasure_key(), &self.group, &profile).await {
            Ok(_) => Ok(()),
            Err(operator::Refusal::Failed(error)) => Err(error),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    async fn use_lease(&mut self, deed: Deed, lease: &Lease) -> Result<(), Error> {
        let connection = &mut self.connection;
        match deed {
            Deed::Page => return self.import_page(lease).await,
            Deed::Batch => return self.store_batch(lease).await,
            Deed::Fail => {
                match queue::fail_job(connection, lease, JobErrorCode::SourceRefused).await? {
                    Fenced::Done | Fenced::LeaseLost => {}
                }
            }
            Deed::GiveUp => {
                let code = EnrichmentErrorCode::FinderUnavailable;
                match queue::give_up_enrichment(connection, lease, code).await? {
                    Fenced::Done | Fenced::LeaseLost => {}
                }
            }
            Deed::Wait => {
                let reasons = [
                    None,
                    Some(WaitingReason::Upstream),
                    Some(WaitingReason::Paused),
                ];
                let reason = *reasons.choose(&mut self.dice).unwrap();
                let until = WaitUntil::After(Duration::from_millis(self.dice.random_range(0..5)));
                queue::wait_job(connection, lease, reason, until).await?;
            }
            _ => {
                let retry_after = Duration::from_millis(self.dice.random_range(0..5));
                queue::break_off_run(connection, lease, BreakOff::OwnRun { retry_after }).await?;
            }
        }
        Ok(())
    }

    async fn import_page(&mut self, lease: &Lease) -> Result<(), Error> {
        let Some(state) = queue::find_run(&mut self.connection, lease).await? else {
            return Ok(());
        };
        let mut numbers: Vec<u32> = (0..PEOPLE).collect();
        numbers.shuffle(&mut self.dice);
        numbers.truncate(self.dice.random_range(0..=25));
        let items: Vec<_> = numbers.into_iter().map(person).map(item).collect();
        let ended = self
            .dice
            .random_bool(0.2)
            .then_some(StopReason::SourceExhausted);
        by_hand::import(&mut self.connection, lease, state.page + 1, &items, ended).await?;
        Ok(())
    }

    async fn store_batch(&mut self, lease: &Lease) -> Result<(), Error> {
        let Some(state) = queue::find_run(&mut self.connection, lease).await? else {
            return Ok(());
        };
        let (group, job, after) = (&lease.account_group, &lease.job, state.enriched_through);
        let lookups = list_lookups(&mut self.connection, group, job, after, 10).await?;
        let Some(through_row) = lookups.last().map(|lookup| lookup.row) else {
            return Ok(());
        };
        let dice = &mut self.dice;
        let answers: Vec<StoredAnswer> = lookups
            .into_iter()
            .map(|lookup| answer(lookup.prospect_id, dice.random_bool(0.7)))
            .collect();
        let batch = state.enrichment_batch + 1;
        queue::store_emails(
            &mut self.connection,
            lease,
            LEASE,
            batch,
            through_row,
            &answers,
        )
        .await?;
        Ok(())
    }
}

/// The finder's answer about somebody.
pub(crate) fn answer(
    prospect_id: prospector::domain::id::ProspectId,
    is_found: bool,
) -> StoredAnswer {
    StoredAnswer {
        email: is_found.then(|| format!("{prospect_id}@example.com")),
        prospect_id,
        email_status: if is_found {
            StoredEmailStatus::Valid
        } else {
            StoredEmailStatus::NotFound
        },
    }
}
