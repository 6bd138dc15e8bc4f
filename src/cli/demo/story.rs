//! What the demo does with the API, from the refused list to the last credit.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cli::demo::checks::Checks;
use crate::cli::demo::client::{Client, Credits, Seen};
use crate::cli::demo::expectation::{Expected, Holdings};
use crate::cli::demo::jobs::{CREDITS, DemoJob, demo_jobs, malformed_upload};
use crate::cli::demo::view::{
    Ended, Progress, has_ended, heading, line, print_credits, print_outcomes, print_people,
};
use crate::cli::output::say;

/// Between two looks at a job: fewer a minute than the rate limit allows for long.
const LOOK_EVERY: Duration = Duration::from_millis(120);
/// Between two starts. Jobs are run in the order of their starts, which are kept to the millisecond.
const START_EVERY: Duration = Duration::from_millis(3);
/// How long a job may take; many times what it needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the whole story, comparing as it goes.
///
/// # Errors
/// The API does not answer, or so that the story cannot go on.
pub(super) async fn tell(client: &Client) -> anyhow::Result<Checks> {
    let mut checks = Checks::default();
    let jobs = demo_jobs();
    let mut holdings = Holdings::default();
    let expected: Vec<Expected> = jobs.iter().map(|job| holdings.run(job)).collect();
    let before = client.credits().await?;
    check_credits(&mut checks, "before", CREDITS, &before);

    let upload = jobs.last().context("the demo has jobs")?;
    be_refused(client, upload, &mut checks).await?;
    let unchanged = client.credits().await?;
    check_credits(&mut checks, "after the refusal", CREDITS, &unchanged);

    heading("Five jobs, started at once and run one after the other")?;
    let ids = start(client, &jobs, &mut checks).await?;
    let statuses = watch(client, &jobs, &ids, &mut checks).await?;
    let mut ended = Vec::new();
    for (((job, id), status), expected) in jobs.iter().zip(&ids).zip(&statuses).zip(&expected) {
        let rows = client.rows(id).await?;
        check_job(&mut checks, job, expected, id, status);
        checks.equal_rows(&format!("{}, rows", job.label), &expected.rows, &rows);
        ended.push(Ended { job, status, rows });
    }
    say("")?;
    print_outcomes(&ended)?;

    let charged: i64 = expected.iter().map(|job| i64::from(job.charged)).sum();
    let after = client.credits().await?;
    check_credits(&mut checks, "after", CREDITS - charged, &after);
    replay(client, upload, ids.last(), &mut checks).await?;
    let mut listed = client.jobs().await?;
    listed.reverse();
    checks.equal("jobs listed after the replay", &json!(ids), &json!(listed));
    let unchanged = client.credits().await?;
    check_credits(
        &mut checks,
        "after the replay",
        CREDITS - charged,
        &unchanged,
    );

    heading("Some of the people")?;
    print_people(&ended)?;
    heading("Credits: an imported person costs 1, with a look-up for the e-mail 2")?;
    print_credits(&ended, &before, &after)?;
    Ok(checks)
}

/// Credits while no job has anything reserved.
fn check_credits(checks: &mut Checks, when: &str, balance: i64, credits: &Credits) {
    for (what, expected, got) in [
        ("balance", balance, credits.balance),
        ("reserved", 0, credits.reserved),
        ("available", balance, credits.available),
    ] {
        let what = format!("credits {when}, {what}");
        checks.equal(what, &json!(expected), &json!(got));
    }
}

/// Sends the upload with three malformed URLs in it.
async fn be_refused(client: &Client, job: &DemoJob, checks: &mut Checks) -> anyhow::Result<()> {
    heading("A list with three malformed URLs is refused as a whole, and costs nothing")?;
    let (body, named) = malformed_upload(job);
    let answer = client.start(&body, "demo-malformed").await?;
    let status = answer.status.as_u16();
    let code = answer.at("/error/code");
    let fields = answer.at("/error/fields").as_array();
    let fields = fields.map(Vec::as_slice).unwrap_or_default();
    let told: Vec<&Value> = fields.iter().map(|field| &field["field"]).collect();
    let wanted: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    checks.equal("malformed list, status", &json!(400), &json!(status));
    checks.equal("malformed list, code", &json!("VALIDATION_ERROR"), code);
    checks.equal("malformed list, URLs named", &json!(wanted), &json!(told));
    line(&format!("{status} {}", code.as_str().unwrap_or_default()))?;
    for field in fields {
        let name = field["field"].as_str().unwrap_or_default();
        let message = field["message"].as_str().unwrap_or_default();
        let sent = named.iter().find(|(known, _)| known == name);
        line(&format!("{name:9} {}", sent.map_or("", |(_, url)| url)))?;
        line(&format!(
            "{:9} {}",
            "",
            message.trim_start_matches(name).trim()
        ))?;
    }
    Ok(())
}

/// Starts the jobs in their order; answers their ids.
async fn start(
    client: &Client,
    jobs: &[DemoJob],
    checks: &mut Checks,
) -> anyhow::Result<Vec<String>> {
    let mut ids: Vec<String> = Vec::new();
    for job in jobs {
        let answer = client.start(&job.body(), &job.idempotency_key()).await?;
        let label = &job.label;
        let Some(id) = answer.at("/data/jobId").as_str() else {
            bail!("{label} was not started: {}", answer.at("/error"));
        };
        let status = answer.status.as_u16();
        checks.equal(format!("{label}, start"), &json!(202), &json!(status));
        let replayed = answer.header("Idempotent-Replayed");
        checks.equal(format!("{label}, replayed"), &Value::Null, &replayed);
        checks.holds(
            format!("{label}, job of its own"),
            !ids.iter().any(|known| known == id),
        );
        line(&format!("{label:17}  {}", job.description()))?;
        ids.push(id.to_owned());
        tokio::time::sleep(START_EVERY).await;
    }
    say("")?;
    Ok(ids)
}

/// Looks at the jobs, of which one runs at a time, until all have ended; answers their last statuses.
async fn watch(
    client: &Client,
    jobs: &[DemoJob],
    ids: &[String],
    checks: &mut Checks,
) -> anyhow::Result<Vec<Value>> {
    let mut progress = Progress::of(jobs)?;
    let mut statuses = Vec::new();
    for (index, (job, id)) in jobs.iter().zip(ids).enumerate() {
        let mut seen = Seen::default();
        let mut last_import = 0.0;
        let mut has_fallen = false;
        let began = Instant::now();
        loop {
            client.look(id, &mut seen).await?;
            progress.show(index, &seen.status)?;
            let import = seen.status["stages"]["import"]["progress"].as_f64();
            let import = import.unwrap_or(-1.0);
            has_fallen |= import < last_import;
            last_import = import;
            if has_ended(&seen.status) {
                break;
            }
            if began.elapsed() > PATIENCE {
                bail!("{} has not ended in time: {}", job.label, seen.status);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        checks.holds(format!("{}, progress never fell", job.label), !has_fallen);
        statuses.push(seen.status);
    }
    Ok(statuses)
}

fn check_job(checks: &mut Checks, job: &DemoJob, expected: &Expected, id: &str, status: &Value) {
    let label = &job.label;
    checks.equal(format!("{label}, jobId"), &json!(id), &status["jobId"]);
    for (pointer, expected) in expected.status(job) {
        let got = status.pointer(pointer).unwrap_or(&Value::Null);
        let name = pointer.trim_start_matches('/').replace('/', ".");
        checks.equal(format!("{label}, {name}"), &expected, got);
    }
}

/// Starts a job once more with the key of its first start.
async fn replay(
    client: &Client,
    job: &DemoJob,
    id: Option<&String>,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    heading("The last start again, with the same Idempotency-Key")?;
    let answer = client.start(&job.body(), &job.idempotency_key()).await?;
    let status = answer.status.as_u16();
    let replayed = answer.header("Idempotent-Replayed");
    checks.equal("replay, status", &json!(200), &json!(status));
    checks.equal("replay, header", &json!("true"), &replayed);
    checks.equal("replay, same job", &json!(id), answer.at("/data/jobId"));
    checks.equal(
        "replay, job status",
        &json!("completed"),
        answer.at("/data/status"),
    );
    line(&format!(
        "{status}, Idempotent-Replayed: {}: the same job, {}, and no second one",
        replayed.as_str().unwrap_or("absent"),
        answer.at("/data/jobId").as_str().unwrap_or("none")
    ))?;
    Ok(())
}
