//! Leases: taken by a claim, prolonged by the heartbeat, found by the reaper when they ran out.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::job_totals::JobStanding;
use crate::db::{column, known, known_text};
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::start_request::SourceKind;
use crate::domain::trace::JobTrace;
use crate::error::Error;

/// A job that this process holds, and the token that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    pub account_group: AccountGroupId,
    pub job: JobId,
    pub token: Uuid,
    /// What kind of job it is, and which request started it: for metrics, log lines and spans.
    pub source: SourceKind,
    pub trace: JobTrace,
}

impl Lease {
    fn read(
        account_group: String,
        job: String,
        token: Uuid,
        standing: &JobStanding,
    ) -> Result<Self, Error> {
        Ok(Self {
            account_group: known(account_group.try_into())?,
            job: known(job.try_into())?,
            token,
            source: standing.source,
            trace: standing.trace(),
        })
    }
}

/// What a worker found in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    Claimed(Lease),
    /// A lane had nothing due and was put away: look again at once.
    LaneWithoutDueJob,
    NothingOpen,
}

/// Takes the oldest due job of the lane whose turn it is.
pub async fn claim_job(
    connection: &mut PgConnection,
    lease_time: Duration,
    running_max: u32,
) -> Result<ClaimOutcome, Error> {
    let token = Uuid::new_v4();
    let row = sqlx::query!(
        r#"
        select c.outcome as "outcome!", c.account_group_id, c.job_id, to_jsonb(t) as "standing: Json<JobStanding>"
        from claim_job_v1($1, $2, $3) as c
        left join lateral job_totals_v1(c.account_group_id, c.job_id) as t on true
        "#,
        token,
        lease_time.as_secs_f64(),
        column(running_max),
    )
    .fetch_one(connection)
    .await?;
    match (
        row.outcome.as_str(),
        row.account_group_id,
        row.job_id,
        row.standing,
    ) {
        ("claimed", Some(account_group), Some(job), Some(standing)) => {
            let lease = Lease::read(account_group, job, token, &standing)?;
            Ok(ClaimOutcome::Claimed(lease))
        }
        ("lane_without_due_job", ..) => Ok(ClaimOutcome::LaneWithoutDueJob),
        ("nothing_open", ..) => Ok(ClaimOutcome::NothingOpen),
        _ => known_text("outcome of a claim", &row.outcome, None),
    }
}

/// Prolongs leases, and returns the tokens of those that are lost.
///
/// A row that is locked just now is being written by its own run, which prolongs the lease itself:
/// waiting for it could only delay the others.
pub async fn prolong_leases(
    connection: &mut PgConnection,
    leases: &[Lease],
    lease_time: Duration,
) -> Result<Vec<Uuid>, Error> {
    let account_groups: Vec<String> = leases
        .iter()
        .map(|lease| lease.account_group.to_string())
        .collect();
    let jobs: Vec<String> = leases.iter().map(|lease| lease.job.to_string()).collect();
    let tokens: Vec<Uuid> = leases.iter().map(|lease| lease.token).collect();
    let lost = sqlx::query_scalar!(
        r#"
        with held as (
            select * from unnest($1::text [], $2::text [], $3::uuid []) as h (account_group_id, job_id, token)
        ),
        free as (
            select j.account_group_id, j.job_id
            from prospecting_jobs j
            join held h on h.account_group_id = j.account_group_id and h.job_id = j.job_id
            where j.status = 'running' and j.lease_token = h.token
            for no key update of j skip locked
        ),
        prolonged as (
            update prospecting_jobs j
            set lease_expires_at = clock_timestamp() + make_interval(secs => $4)
            from free f
            where j.account_group_id = f.account_group_id and j.job_id = f.job_id
        )
        select h.token as "token!"
        from held h
        where not exists (
            select from prospecting_jobs j
            where j.account_group_id = h.account_group_id and j.job_id = h.job_id
                and j.status = 'running' and j.lease_token = h.token
        )
        "#,
        &account_groups,
        &jobs,
        &tokens,
        lease_time.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(lost)
}

/// Leases that ran out, the longest ago first.
pub async fn list_expired_leases(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<Lease>, Error> {
    let rows = sqlx::query!(
        r#"
        with expired as (
            select account_group_id, job_id, lease_token, lease_expires_at
            from prospecting_jobs
            where status = 'running' and lease_expires_at < now()
            order by lease_expires_at
            limit $1
        )
        select e.account_group_id, e.job_id, e.lease_token as "lease_token!",
            to_jsonb(t) as "standing!: Json<JobStanding>"
        from expired e
        cross join lateral job_totals_v1(e.account_group_id, e.job_id) as t
        order by e.lease_expires_at
        "#,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Lease::read(
                row.account_group_id,
                row.job_id,
                row.lease_token,
                &row.standing,
            )
        })
        .collect()
}
