//! How often the program goes to the database, counted on the wire.
//!
//! A statement is a message 'Execute' or 'Query'. What a pool sends when a connection comes back is
//! a lone 'Sync': it carries nothing out, nobody waits for its answer, and it is not counted. A
//! connection is warm when the statements that it is asked for are prepared.

use std::time::Duration;

use prospector::db::prospects::find_rows_of_job;
use prospector::db::queue::{ClaimOutcome, claim_job};
use prospector::domain::pacing::{Gap, Pacing};
use prospector::worker::run::{Run, RunEnd, StopSignals};
use tokio_util::sync::CancellationToken;

use crate::support::app::{Setup, TestApp, search};
use crate::support::proxy::{DatabaseProxy, Sent};
use crate::support::reads::rows_read;

/// Tries before every connection of a pool must be warm.
const WARM_UPS: usize = 100;

/// Repeats some work until it met warm connections only; what it sent then, and what it returned.
async fn when_warm<T>(proxy: &DatabaseProxy, mut work: impl AsyncFnMut(usize) -> T) -> (Sent, T) {
    for attempt in 0..WARM_UPS {
        proxy.take_sent();
        let done = work(attempt).await;
        let sent = proxy.take_sent();
        if sent.preparations == 0 {
            return (sent, done);
        }
    }
    panic!("statements are prepared again and again");
}

#[tokio::test]
async fn a_start_is_two_round_trips() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    let (new, _) = when_warm(&proxy, async |attempt| {
        let body = search(&format!("s{attempt}"), 1);
        app.post_job_with_key(&body, &format!("k{attempt}"))
            .await
            .expect_status(202)
    })
    .await;
    assert_eq!(new.statements, 2);

    let body = search("s0", 1);
    let (replayed, _) = when_warm(&proxy, async |_| {
        app.post_job_with_key(&body, "k0").await.expect_status(202)
    })
    .await;
    assert_eq!(replayed.statements, 1, "a replay needs the look-up alone");
}

#[tokio::test]
async fn reading_a_job_is_two_round_trips() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    let job = app.start_job(&search("a", 1)).await;
    let (sent, _) = when_warm(&proxy, async |_| app.job(&job).await).await;
    assert_eq!(sent.statements, 2);
}

#[tokio::test]
async fn every_other_reading_is_two_round_trips() {
    let (app, proxy) = TestApp::behind_proxy(Setup::default()).await;
    let job = app.start_job(&search("a", 10)).await;
    app.run_jobs_until_idle().await;
    let rows = format!("prospecting/{job}/prospects");
    for list in [
        "prospecting",
        &rows,
        "credits",
        "credits/entries",
        "prospecting/quota",
    ] {
        let path = app.path(list);
        let (sent, _) = when_warm(&proxy, async |_| app.get(&path).await.expect_status(200)).await;
        // Who asks, and what was asked for; the quota comes with the first.
        let expected = if list == "prospecting/quota" { 1 } else { 2 };
        assert_eq!(sent.statements, expected, "{list}");
    }
}

#[tokio::test]
async fn a_page_is_one_round_trip_from_its_items_to_the_next_cursor() {
    let (sent, pages) = sent_by_a_run(Setup::default()).await;
    assert_eq!(
        sent.statements,
        pages + 1,
        "the job is read once, and the last page ends it"
    );
}

#[tokio::test]
async fn a_turn_of_the_linkedin_account_is_two_round_trips() {
    let (sent, pages) = sent_by_a_run(Setup {
        pacing: Pacing::Turns(Gap::NONE),
        ..Setup::default()
    })
    .await;
    assert_eq!(sent.statements, 3 * pages + 1);
}

/// What a run sends from its first statement to its end, and its pages.
async fn sent_by_a_run(setup: Setup) -> (Sent, u32) {
    let (app, proxy) = TestApp::behind_proxy(setup).await;
    let (sent, pages) = when_warm(&proxy, async |attempt| {
        let job = app
            .start_job(&search(&format!("run{attempt}+results-90"), 90))
            .await;
        let mut connection = app.connect().await;
        let claimed = claim_job(&mut connection, Duration::from_secs(30), 1)
            .await
            .unwrap();
        let ClaimOutcome::Claimed(lease) = claimed else {
            panic!("{claimed:?}");
        };
        proxy.take_sent();
        let stop = StopSignals {
            lost: CancellationToken::new(),
            finish_page: CancellationToken::new(),
            give_up_page: CancellationToken::new(),
        };
        let end = Run::new(&app.worker, &lease, stop).carry_on().await;
        assert_eq!(end, RunEnd::Completed);
        let pages = sqlx::query_scalar!(
            "select page from prospecting_jobs where job_id = $1",
            job.as_str()
        );
        u32::try_from(pages.fetch_one(&mut connection).await.unwrap()).unwrap()
    })
    .await;
    assert!(pages >= 4, "{pages}");
    (sent, pages)
}

#[tokio::test]
async fn a_page_of_rows_reads_the_people_of_its_own_rows_alone() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 10)).await;
    let mut connection = app.connect().await;
    for insert in [
        "insert into prospects (account_group_id, prospect_id)
         select account_group_id, lpad(to_hex(number), 24, '0')
         from prospecting_jobs, generate_series(1, 5000) as number",
        "insert into job_prospects (account_group_id, job_id, row_number, outcome, prospect_id)
         select account_group_id, job_id, number, 'duplicate', lpad(to_hex(number), 24, '0')
         from prospecting_jobs, generate_series(1, 5000) as number",
        "analyze prospects, job_prospects",
    ] {
        sqlx::raw_sql(insert)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    // Often enough for the database to plan without looking at the values.
    for _ in 0..8 {
        for limit in [26, 1_001] {
            let work = async |connection: &mut _| {
                let found = find_rows_of_job(connection, &app.group, &job, 2_000, limit).await;
                found.unwrap().unwrap().rows.len()
            };
            let (read, rows) = rows_read(&mut connection, "prospects", work).await;
            assert_eq!(rows, usize::try_from(limit).unwrap());
            assert!(read <= rows, "{read} people for {rows} rows");
        }
    }
}
