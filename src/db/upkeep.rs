//! Upkeep: pruning old jobs, and work that one process does for all of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::{column, count};
use crate::error::Error;

/// Prunes the jobs that ended longest ago, if that is more than so many days, and returns how many.
///
/// At most `jobs_max`, no further one once `rows_max` rows are gone, and none when another process is
/// at it.
pub async fn prune_jobs(
    connection: &mut PgConnection,
    days: u32,
    jobs_max: u32,
    rows_max: u32,
) -> Result<u32, Error> {
    let pruned = sqlx::query_scalar!(
        r#"select prune_jobs_v1($1, $2, $3) as "pruned!""#,
        column(days),
        column(jobs_max),
        column(rows_max),
    )
    .fetch_one(connection)
    .await?;
    Ok(count(pruned))
}

/// Work that is done once a day, by one process for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DailyTask {
    VerifyLedger,
}

impl DailyTask {
    fn as_str(self) -> &'static str {
        match self {
            Self::VerifyLedger => "verify_ledger",
        }
    }
}

/// What came of the last run of a task that got to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    pub finished_at: DateTime<Utc>,
    pub result: i64,
}

/// Whether a task is the caller's to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nobody else will begin it for an hour.
    Ours,
    /// It is done for today, or somebody else is at it.
    NotDue(Option<LastRun>),
}

/// Begins a task if its last run ended more than a day ago, and the last attempt began more than an
/// hour ago: whoever began it then has died, or failed.
pub async fn begin_daily(connection: &mut PgConnection, task: DailyTask) -> Result<Turn, Error> {
    let row = sqlx::query!(
        r#"
        with begun as (
            insert into upkeep_tasks as t (task, begun_at)
            values ($1, now())
            on conflict (task) do update set begun_at = excluded.begun_at
            where t.begun_at < now() - interval '1 hour'
                and (t.finished_at is null or t.finished_at < now() - interval '1 day')
            returning t.task
        )
        select exists (select from begun) as "is_ours!", last.finished_at as "finished_at?",
            last.result as "result?"
        from (values (1)) as one
        left join upkeep_tasks last on last.task = $1
        "#,
        task.as_str(),
    )
    .fetch_one(connection)
    .await?;
    if row.is_ours {
        return Ok(Turn::Ours);
    }
    let last = row.finished_at.zip(row.result);
    Ok(Turn::NotDue(last.map(|(finished_at, result)| LastRun {
        finished_at,
        result,
    })))
}

/// Says what came of a task that was begun.
pub async fn finish_daily(
    connection: &mut PgConnection,
    task: DailyTask,
    result: i64,
) -> Result<LastRun, Error> {
    let finished_at = sqlx::query_scalar!(
        r#"
        update upkeep_tasks set finished_at = now(), result = $2 where task = $1
        returning finished_at as "finished_at!"
        "#,
        task.as_str(),
        result,
    )
    .fetch_one(connection)
    .await?;
    Ok(LastRun {
        finished_at,
        result,
    })
}
