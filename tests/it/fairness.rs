//! Account groups take turns, keep to their limit, and no job is left standing in a lane that sleeps.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use prospector::db::queue::{self, ClaimOutcome, Fenced, Lease, WaitOutcome, WaitUntil};
use prospector::domain::id::AccountGroupId;
use prospector::domain::job::JobErrorCode;
use prospector::domain::start_request::Source;
use rand::RngExt;
use sqlx::PgConnection;
use sqlx::types::Json;
use tokio::task::JoinSet;

use crate::support::app::{Setup, TestApp, search, wait_for};
use crate::support::by_hand::{
    LEASE, Wanted, faults, search_source, start, start_and_claim, try_claim,
};

/// Queues many jobs at once, past the program, with their reservation.
pub(crate) async fn queue_many(
    connection: &mut PgConnection,
    group: &AccountGroupId,
    number: i32,
    source: &Source,
) {
    sqlx::query!(
        r#"
        insert into prospecting_jobs (
            account_group_id, job_id, source, request, max_results, search_emails, skip_duplicates, metadata,
            enrichment_status, credits_reserved
        )
        select $1, lpad(to_hex(number), 24, '0'), 'linkedin_search', $3, 1, false, false, '{}', 'skipped', 1
        from generate_series(1, $2) as number
        "#,
        group.as_str(),
        number,
        Json(source) as _,
    )
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query!(
        "update credit_accounts set reserved = reserved + $2 where account_group_id = $1",
        group.as_str(),
        i64::from(number),
    )
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query!(
        "update lanes set parked = false, next_turn_at = now() where account_group_id = $1",
        group.as_str(),
    )
    .execute(connection)
    .await
    .unwrap();
}

#[tokio::test]
async fn ten_thousand_jobs_of_one_group_do_not_delay_the_first_job_of_another() {
    let app = TestApp::with(Setup {
        running_per_account_group: 8,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    let (crowd, _) = app.another_group(&Setup::default()).await;
    queue_many(
        &mut connection,
        &crowd,
        10_000,
        &search_source("slow-20+results-3"),
    )
    .await;
    let running = async || {
        sqlx::query_scalar!(
            r#"
            select count(*) as "count!" from prospecting_jobs
            where account_group_id = $1 and started_at is not null
            "#,
            crowd.as_str(),
        )
        .fetch_one(&mut app.connect().await)
        .await
        .unwrap()
    };
    let mut started = Vec::new();
    app.run_jobs_until(async || {
        // With the crowd well under way, one job after the other is started beside it.
        if running().await < 30 {
            return false;
        }
        if let Some(last) = started.last()
            && app.job(last).await["status"] != "completed"
        {
            return false;
        }
        if started.len() == 5 {
            return true;
        }
        started.push(app.start_job(&search("results-10", 10)).await);
        false
    })
    .await;
    let waits = sqlx::query_scalar!(
        r#"
        select extract(epoch from started_at - created_at)::double precision as "seconds!"
        from prospecting_jobs where account_group_id = $1
        "#,
        app.group.as_str(),
    );
    let waits = waits.fetch_all(&mut connection).await.unwrap();
    assert_eq!(waits.len(), 5);
    assert!(waits.iter().all(|seconds| *seconds < 1.0), "{waits:?}");
    app.assert_books_balance().await;
    assert_eq!(faults(&mut connection).await, Vec::<String>::new());
}

/// Claims and lets go again, and asserts before each letting go that the group keeps to its limit.
async fn hammer(
    mut connection: PgConnection,
    running: Arc<HashMap<AccountGroupId, AtomicI32>>,
    running_max: i32,
) -> u32 {
    let mut held: Vec<Lease> = Vec::new();
    let mut claims = 0;
    for _ in 0..150 {
        let limit = running_max.unsigned_abs();
        if let ClaimOutcome::Claimed(lease) = queue::claim_job(&mut connection, LEASE, limit)
            .await
            .unwrap()
        {
            let now = running[&lease.account_group].fetch_add(1, Ordering::SeqCst) + 1;
            assert!(now <= running_max, "{now} jobs of one group run at once");
            claims += 1;
            held.push(lease);
        }
        if held.len() > 6 || rand::rng().random_bool(0.3) {
            let Some(lease) = held.pop() else { continue };
            // Counted as let go before it is, so that the count is never too high.
            running[&lease.account_group].fetch_sub(1, Ordering::SeqCst);
            let until = WaitUntil::After(Duration::ZERO);
            let outcome = queue::wait_job(&mut connection, &lease, None, until).await;
            assert_eq!(outcome.unwrap(), WaitOutcome::Waiting);
        }
    }
    claims
}

#[tokio::test]
async fn many_claimers_together_keep_every_group_within_its_limit() {
    const LIMIT: i32 = 2;
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let mut running = HashMap::new();
    for _ in 0..20 {
        let (group, _) = app.another_group(&Setup::default()).await;
        queue_many(&mut connection, &group, 5, &search_source("results-3")).await;
        running.insert(group, AtomicI32::new(0));
    }
    let running = Arc::new(running);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(hammer(app.connect().await, Arc::clone(&running), LIMIT));
    }
    let is_over = AtomicBool::new(false);
    let (claims, ()) = tokio::join!(
        async {
            let claims: u32 = tasks.join_all().await.into_iter().sum();
            is_over.store(true, Ordering::SeqCst);
            claims
        },
        async {
            while !is_over.load(Ordering::SeqCst) {
                assert!(most_running(&mut connection).await <= i64::from(LIMIT));
            }
        }
    );
    assert!(claims > 100, "{claims} claims");
    app.assert_books_balance().await;
}

/// The most that any group runs, counted and as its lane says.
async fn most_running(connection: &mut PgConnection) -> i64 {
    let most = sqlx::query_scalar!(
        r#"
        select greatest(
            coalesce((select max(running) from lanes), 0),
            coalesce((
                select max(jobs) from (
                    select count(*) as jobs from prospecting_jobs where status = 'running'
                    group by account_group_id
                ) as counted
            ), 0)
        ) as "most!"
        "#
    );
    most.fetch_one(connection).await.unwrap()
}

struct Lane {
    parked: bool,
    sleeps: bool,
    for_good: bool,
}

async fn lane(connection: &mut PgConnection, group: &AccountGroupId) -> Lane {
    sqlx::query_as!(
        Lane,
        r#"
        select parked, next_turn_at > clock_timestamp() as "sleeps!", next_turn_at = 'infinity' as "for_good!"
        from lanes where account_group_id = $1
        "#,
        group.as_str(),
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

async fn fail(connection: &mut PgConnection, lease: &Lease) {
    let failed = queue::fail_job(connection, lease, JobErrorCode::SourceRefused).await;
    assert_eq!(failed.unwrap(), Fenced::Done);
}

#[tokio::test]
async fn an_empty_lane_sleeps_until_a_start_wakes_it() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    for _ in 0..5 {
        let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
        fail(&mut connection, &lease).await;
        assert_eq!(try_claim(&mut connection, 1).await.unwrap(), None);
        let empty = lane(&mut connection, &app.group).await;
        assert!(empty.parked && empty.for_good);

        let job = start(&mut connection, &app.group, &Wanted::default()).await;
        assert!(!lane(&mut connection, &app.group).await.parked);
        let lease = try_claim(&mut connection, 1).await.unwrap().unwrap();
        assert_eq!(lease.job, job);
        fail(&mut connection, &lease).await;
    }
}

#[tokio::test]
async fn a_lane_with_waiting_jobs_sleeps_until_the_first_of_them_is_due() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let later = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    let until = WaitUntil::After(Duration::from_secs(60));
    queue::wait_job(&mut connection, &later, None, until)
        .await
        .unwrap();
    let soon = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    let until = WaitUntil::After(Duration::from_millis(300));
    queue::wait_job(&mut connection, &soon, None, until)
        .await
        .unwrap();
    assert_eq!(try_claim(&mut connection, 1).await.unwrap(), None);
    let asleep = lane(&mut connection, &app.group).await;
    assert!(asleep.parked && !asleep.for_good);

    let mut claimed = None;
    wait_for(async || {
        claimed = try_claim(&mut connection, 1).await.unwrap();
        claimed.is_some()
    })
    .await;
    assert_eq!(claimed.unwrap().job, soon.job);
}

#[tokio::test]
async fn a_start_that_meets_a_parking_claim_is_never_stranded() {
    let app = TestApp::start().await;
    let (mut starter, mut parker, mut other) = (
        app.connect().await,
        app.connect().await,
        app.connect().await,
    );
    for round in 0..50 {
        // The lane is open and empty: the next claim parks it, unless the start comes first.
        let racing = async {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            start(&mut starter, &app.group, &Wanted::default()).await
        };
        let (job, one, two) = tokio::join!(
            racing,
            queue::claim_job(&mut parker, LEASE, 1),
            queue::claim_job(&mut other, LEASE, 1)
        );
        let claimed = [one.unwrap(), two.unwrap()]
            .into_iter()
            .find_map(|outcome| match outcome {
                ClaimOutcome::Claimed(lease) => Some(lease),
                _ => None,
            });
        let lease = match claimed {
            Some(lease) => lease,
            None => {
                let open = lane(&mut parker, &app.group).await;
                assert!(
                    !open.sleeps,
                    "round {round}: a job is due in a lane that sleeps"
                );
                try_claim(&mut parker, 1).await.unwrap().unwrap()
            }
        };
        assert_eq!(lease.job, job);
        fail(&mut starter, &lease).await;
    }
    app.assert_books_balance().await;
}

#[tokio::test]
async fn a_run_that_lets_go_while_its_lane_is_being_parked_is_never_stranded() {
    let app = TestApp::start().await;
    let (mut runner, mut parker) = (app.connect().await, app.connect().await);
    for round in 0..50 {
        let started = start(&mut runner, &app.group, &Wanted::default()).await;
        let lease = try_claim(&mut runner, 2).await.unwrap().unwrap();
        assert_eq!(lease.job, started);
        let until = WaitUntil::After(Duration::from_millis(round % 4));
        let (waited, claimed) = tokio::join!(
            queue::wait_job(&mut runner, &lease, None, until),
            queue::claim_job(&mut parker, LEASE, 2)
        );
        assert_eq!(waited.unwrap(), WaitOutcome::Waiting);
        let lease = match claimed.unwrap() {
            ClaimOutcome::Claimed(lease) => lease,
            _ => {
                let mut claimed = None;
                wait_for(async || {
                    claimed = try_claim(&mut parker, 2).await.unwrap();
                    claimed.is_some()
                })
                .await;
                claimed.unwrap()
            }
        };
        fail(&mut runner, &lease).await;
    }
    app.assert_books_balance().await;
}
