//! Processes that share a LinkedIn account take turns, also when one of them dies in the midst of a call.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::support::app::{search, wait_for};
use crate::support::recorder::Recorder;
use crate::support::world::World;

/// A turn lasts for 5 s longer than a call and the breaker's question after it may take.
const HOLD_MAX: Duration = Duration::from_secs(2 * 3 + 5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_process_is_killed_in_a_call_others_call_the_account_after_its_turn_has_run_out() {
    let world = World::start().await;
    let recorder = Recorder::start().await;
    let settings = [
        ("SANDBOX_URL", recorder.url.as_str()),
        ("LINKEDIN_GAP_MIN_SECONDS", "1"),
        ("LINKEDIN_GAP_MAX_SECONDS", "1"),
        ("UPSTREAM_TIMEOUT_SECONDS", "3"),
        ("LEASE_SECONDS", "1"),
    ];
    let groups = world.groups(2).await;
    let (mut killed, at_killed) = world.serve("killed", &[], &settings).await;
    let first = search("killed+results-20+slow-2500", 100);
    let first = world.start_job(at_killed, &groups[0], &first).await;
    wait_for(async || recorder.calls().len() == 1).await;
    killed.kill();
    let mut connection = world.connect().await;
    let turn = sqlx::query!(
        r#"select busy_until as "busy_until!", now() as "now!" from linkedin_accounts"#
    );
    let turn = turn.fetch_one(&mut connection).await.unwrap();
    let left: DateTime<Utc> = turn.busy_until;
    assert!(left > turn.now && left <= turn.now + HOLD_MAX, "{turn:?}");

    let (_next, address) = world.serve("next", &[], &settings).await;
    let second = search("next+results-20", 100);
    let second = world.start_job(address, &groups[1], &second).await;
    world.all_jobs_ended().await;
    for (group, job) in [(&groups[0], &first), (&groups[1], &second)] {
        let status = world.job(address, group, job).await;
        assert_eq!(status["status"], "completed", "{status:#}");
    }
    let calls = recorder.calls();
    assert!(calls.len() >= 3, "{calls:#?}");
    for call in &calls[1..] {
        assert!(call.began >= left, "{calls:#?}, although busy until {left}");
    }
    recorder.assert_one_at_a_time(Duration::from_secs(1));
    world.assert_books_balance().await;
}
