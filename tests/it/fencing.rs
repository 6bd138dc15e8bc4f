//! Who has lost the lease changes nothing, and what was done is not done twice.

use std::time::Duration;

use prospector::db::queue::{
    self, BatchOutcome, BreakOff, BreakOffOutcome, Fenced, Lease, PageOutcome, WaitOutcome,
    WaitUntil,
};
use prospector::domain::id::{AccountGroupId, ProspectId};
use prospector::domain::job::{EnrichmentErrorCode, JobErrorCode, StopReason, WaitingReason};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::app::{Setup, TestApp};
use crate::support::by_hand::{
    LEASE, Wanted, claim, faults, import, import_in_full, people, run_state, start_and_claim,
};
use crate::support::traffic::answer;

/// Everything that is stored about an account group.
async fn dump(connection: &mut PgConnection, group: &AccountGroupId) -> Value {
    let dumped = sqlx::query_scalar!(
        r#"
        select jsonb_build_object(
            'credits', (select jsonb_agg(c) from credit_accounts c where c.account_group_id = $1),
            'lane', (select jsonb_agg(l) from lanes l where l.account_group_id = $1),
            'jobs', (select jsonb_agg(j order by j.job_id) from prospecting_jobs j where j.account_group_id = $1),
            'rows', (select jsonb_agg(r order by r.job_id, r.row_number) from job_prospects r
                where r.account_group_id = $1),
            'skipped', (select jsonb_agg(s order by s.job_id, s.prospect_id) from job_skipped_prospects s
                where s.account_group_id = $1),
            'people', (select jsonb_agg(p order by p.prospect_id) from prospects p where p.account_group_id = $1),
            'provider ids', (select jsonb_agg(i order by i.prospect_id, i.provider_id)
                from prospect_provider_ids i where i.account_group_id = $1),
            'entries', (select jsonb_agg(e order by e.entry_id) from credit_entries e
                where e.account_group_id = $1),
            'quota', (select jsonb_agg(q order by q.list_type, q.day) from quota_usage q
                where q.account_group_id = $1)
        ) as "dump!"
        "#,
        group.as_str(),
    );
    dumped.fetch_one(connection).await.unwrap()
}

/// Tries every write of a run, and asserts that each is told that the lease is lost.
async fn try_every_write(connection: &mut PgConnection, lease: &Lease) {
    let page = run_page(connection, lease).await;
    let imported = import(connection, lease, page, &people(500..520), None).await;
    assert_eq!(imported.unwrap(), PageOutcome::LeaseLost);

    let answers = [answer(ProspectId::new(), true)];
    let stored = queue::store_emails(connection, lease, LEASE, 1, 100, &answers).await;
    assert_eq!(stored.unwrap(), BatchOutcome::LeaseLost);

    let failed = queue::fail_job(connection, lease, JobErrorCode::InternalError).await;
    assert_eq!(failed.unwrap(), Fenced::LeaseLost);

    let code = EnrichmentErrorCode::FinderKey;
    let given_up = queue::give_up_enrichment(connection, lease, code).await;
    assert_eq!(given_up.unwrap(), Fenced::LeaseLost);

    for reason in [
        None,
        Some(WaitingReason::Quota),
        Some(WaitingReason::Upstream),
        Some(WaitingReason::Paused),
    ] {
        for until in [WaitUntil::After(Duration::ZERO), WaitUntil::NextDay] {
            let waited = queue::wait_job(connection, lease, reason, until).await;
            assert_eq!(waited.unwrap(), WaitOutcome::LeaseLost);
        }
    }

    let retry_after = Duration::ZERO;
    for which in [BreakOff::OwnRun { retry_after }, BreakOff::ExpiredOnly] {
        let broken = queue::break_off_run(connection, lease, which).await;
        assert_eq!(broken.unwrap(), BreakOffOutcome::LeaseLost);
    }

    let leases = std::slice::from_ref(lease);
    let lost = queue::prolong_leases(connection, leases, LEASE).await;
    assert_eq!(lost.unwrap(), [lease.token]);
    assert!(queue::find_run(connection, lease).await.unwrap().is_none());
}

/// The page number that the job would take next.
async fn run_page(connection: &mut PgConnection, lease: &Lease) -> u32 {
    let page = sqlx::query_scalar!(
        "select page from prospecting_jobs where account_group_id = $1 and job_id = $2",
        lease.account_group.as_str(),
        lease.job.as_str(),
    );
    let page = page.fetch_one(connection).await.unwrap();
    u32::try_from(page).unwrap() + 1
}

async fn assert_changes_nothing(connection: &mut PgConnection, lease: &Lease) {
    let before = dump(connection, &lease.account_group).await;
    try_every_write(connection, lease).await;
    let after = dump(connection, &lease.account_group).await;
    assert_eq!(before, after);
}

/// Lets the lease run out and has somebody break it.
async fn take_away(connection: &mut PgConnection, lease: &Lease) {
    expire(connection, lease).await;
    let expired = queue::list_expired_leases(connection, 10).await.unwrap();
    assert_eq!(expired, std::slice::from_ref(lease));
    let broken = queue::break_off_run(connection, lease, BreakOff::ExpiredOnly).await;
    assert_eq!(broken.unwrap(), BreakOffOutcome::Requeued);
}

async fn expire(connection: &mut PgConnection, lease: &Lease) {
    sqlx::query!(
        "update prospecting_jobs set lease_expires_at = now() - interval '1 minute' where job_id = $1",
        lease.job.as_str(),
    )
    .execute(connection)
    .await
    .unwrap();
}

#[tokio::test]
async fn with_a_lease_that_another_run_has_taken_over_nothing_can_be_written() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let old = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    import_in_full(&mut connection, &old, 1, &people(0..10), None).await;
    take_away(&mut connection, &old).await;
    assert_changes_nothing(&mut connection, &old).await;

    let new = claim(&mut connection).await;
    assert_eq!(new.job, old.job);
    assert_ne!(new.token, old.token);
    assert_changes_nothing(&mut connection, &old).await;
    let state = run_state(&mut connection, &new).await;
    assert_eq!(
        state.page, 1,
        "the new run goes on after the old one's page"
    );
    import_in_full(&mut connection, &new, 2, &people(10..20), None).await;
    assert_changes_nothing(&mut connection, &old).await;
    app.assert_books_balance().await;
}

#[tokio::test]
async fn with_a_stale_lease_nothing_can_be_written_during_the_lookups_either() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        search_emails: true,
        ..Wanted::default()
    };
    let old = start_and_claim(&mut connection, &app.group, &wanted).await;
    let ended = Some(StopReason::SourceExhausted);
    import_in_full(&mut connection, &old, 1, &people(0..10), ended).await;
    take_away(&mut connection, &old).await;
    claim(&mut connection).await;
    assert_changes_nothing(&mut connection, &old).await;
}

#[tokio::test]
async fn after_the_end_of_a_job_nothing_can_be_written_with_its_lease() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    for ended in [Some(StopReason::SourceExhausted), None] {
        let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
        import_in_full(&mut connection, &lease, 1, &people(0..10), ended).await;
        if ended.is_none() {
            let failed = queue::fail_job(&mut connection, &lease, JobErrorCode::SourceRefused);
            assert_eq!(failed.await.unwrap(), Fenced::Done);
        }
        assert_changes_nothing(&mut connection, &lease).await;
    }
}

#[tokio::test]
async fn a_token_that_nobody_gave_opens_nothing() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let forged = Lease {
        token: Uuid::new_v4(),
        ..lease.clone()
    };
    assert_changes_nothing(&mut connection, &forged).await;
    let misplaced = Lease {
        account_group: other,
        ..lease.clone()
    };
    let before = dump(&mut connection, &app.group).await;
    let imported = import(&mut connection, &misplaced, 1, &people(0..3), None).await;
    assert_eq!(imported.unwrap(), PageOutcome::LeaseLost);
    assert_eq!(dump(&mut connection, &app.group).await, before);
}

#[tokio::test]
async fn a_lease_that_ran_out_still_belongs_to_its_holder_until_somebody_takes_it() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    expire(&mut connection, &lease).await;
    import_in_full(&mut connection, &lease, 1, &people(0..10), None).await;
    // The page has prolonged the lease, so that the reaper, who saw it expired, comes too late.
    let broken = queue::break_off_run(&mut connection, &lease, BreakOff::ExpiredOnly).await;
    assert_eq!(broken.unwrap(), BreakOffOutcome::LeaseLost);

    expire(&mut connection, &lease).await;
    let leases = std::slice::from_ref(&lease);
    let lost = queue::prolong_leases(&mut connection, leases, LEASE).await;
    assert_eq!(lost.unwrap(), Vec::<Uuid>::new());
    let expired = queue::list_expired_leases(&mut connection, 10).await;
    assert_eq!(expired.unwrap(), []);
    import_in_full(&mut connection, &lease, 2, &people(10..20), None).await;
    assert_eq!(app.job(&lease.job).await["counts"]["imported"], 20);
}

#[tokio::test]
async fn a_page_whose_answer_was_lost_is_in_once_and_charged_once() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..10), None).await;
    let before = dump(&mut connection, &app.group).await;
    // The same page again, and pages out of turn.
    for page in [1, 3, 0] {
        let again = import(&mut connection, &lease, page, &people(10..30), None).await;
        assert_eq!(again.unwrap(), PageOutcome::AlreadyDone);
    }
    assert_eq!(dump(&mut connection, &app.group).await, before);
    assert_eq!(run_state(&mut connection, &lease).await.page, 1);
    assert_eq!(app.credits().await["balance"], 10_000 - 10);
}

#[tokio::test]
async fn two_tries_of_one_page_at_the_same_time_are_one_page() {
    let app = TestApp::start().await;
    let (mut one, mut two) = (app.connect().await, app.connect().await);
    let lease = start_and_claim(&mut one, &app.group, &Wanted::default()).await;
    for page in 1..=15 {
        let items = people(page * 5..page * 5 + 5);
        let (first, second) = tokio::join!(
            import(&mut one, &lease, page, &items, None),
            import(&mut two, &lease, page, &items, None)
        );
        let outcomes = [first.unwrap(), second.unwrap()];
        let taken = |outcome: &&PageOutcome| **outcome == PageOutcome::AlreadyDone;
        assert_eq!(outcomes.iter().filter(taken).count(), 1, "{outcomes:?}");
    }
    let status = app.job(&lease.job).await;
    assert_eq!(status["counts"]["imported"], 75);
    assert_eq!(status["counts"]["fetched"], 75);
    app.assert_books_balance().await;
    assert_eq!(faults(&mut one).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_charged_once() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let wanted = Wanted {
        search_emails: true,
        ..Wanted::default()
    };
    let lease = start_and_claim(&mut connection, &app.group, &wanted).await;
    let ended = Some(StopReason::SourceExhausted);
    import_in_full(&mut connection, &lease, 1, &people(0..4), ended).await;
    let group = &lease.account_group;
    let lookups = prospector::db::prospects::list_lookups(&mut connection, group, &lease.job, 0, 2)
        .await
        .unwrap();
    let answers: Vec<_> = lookups
        .into_iter()
        .map(|lookup| answer(lookup.prospect_id, true))
        .collect();
    let stored = queue::store_emails(&mut connection, &lease, LEASE, 1, 2, &answers).await;
    assert_eq!(
        stored.unwrap(),
        BatchOutcome::Committed { job_ended: false }
    );
    let before = dump(&mut connection, group).await;
    for batch in [1, 3] {
        let again = queue::store_emails(&mut connection, &lease, LEASE, batch, 2, &answers).await;
        assert_eq!(again.unwrap(), BatchOutcome::AlreadyDone);
    }
    let late = import(&mut connection, &lease, 2, &people(4..8), None).await;
    assert_eq!(
        late.unwrap(),
        PageOutcome::AlreadyDone,
        "the import is over"
    );
    assert_eq!(dump(&mut connection, group).await, before);
    assert_eq!(app.job(&lease.job).await["credits"]["charged"], 4 + 2);
}

#[tokio::test]
async fn of_many_who_break_an_expired_lease_one_succeeds_and_the_lane_counts_right() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let mut hands = Vec::new();
    for _ in 0..6 {
        hands.push(app.connect().await);
    }
    for _ in 0..4 {
        let lease = match queue::claim_job(&mut connection, LEASE, 1).await.unwrap() {
            queue::ClaimOutcome::Claimed(lease) => lease,
            _ => start_and_claim(&mut connection, &app.group, &Wanted::default()).await,
        };
        expire(&mut connection, &lease).await;
        let breaking = hands
            .iter_mut()
            .map(|hand| queue::break_off_run(hand, &lease, BreakOff::ExpiredOnly));
        let outcomes = futures_util::future::join_all(breaking).await;
        let broken = outcomes
            .into_iter()
            .filter(|outcome| *outcome.as_ref().unwrap() == BreakOffOutcome::Requeued);
        assert_eq!(broken.count(), 1);
        app.assert_books_balance().await;
    }
}
