//! The jobs of all account groups, for operators. Pruned ones are not among them.
//!
//! The newest of each group are taken by an index and then compared: what a list costs grows with
//! the number of groups, not with that of the jobs.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::known;
use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::JobStatus;
use crate::error::Error;

/// Where a job is, and when something happens to it.
#[derive(Debug, Clone)]
pub struct JobPlace {
    pub account_group: AccountGroupId,
    pub job: JobId,
    /// When its worker loses it, unless it gives a sign of life.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// When a queued job may run.
    pub next_try_at: Option<DateTime<Utc>>,
}

struct PlaceColumns {
    account_group_id: String,
    job_id: String,
    lease_expires_at: Option<DateTime<Utc>>,
    next_try_at: Option<DateTime<Utc>>,
}

impl TryFrom<PlaceColumns> for JobPlace {
    type Error = Error;

    fn try_from(columns: PlaceColumns) -> Result<Self, Error> {
        Ok(Self {
            account_group: known(columns.account_group_id.try_into())?,
            job: known(columns.job_id.try_into())?,
            lease_expires_at: columns.lease_expires_at,
            next_try_at: columns.next_try_at,
        })
    }
}

/// One job of one account group.
pub async fn find_job_place(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<Option<JobPlace>, Error> {
    let place = sqlx::query_as!(
        PlaceColumns,
        r#"
        select account_group_id, job_id, lease_expires_at,
            case when status = 'queued' then due_at end as next_try_at
        from prospecting_jobs
        where account_group_id = $1 and job_id = $2 and pruned_at is null
        "#,
        account_group.as_str(),
        job.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    place.map(TryInto::try_into).transpose()
}

/// The newest jobs, of one account group or of all of them.
pub async fn list_newest_jobs(
    connection: &mut PgConnection,
    account_group: Option<&AccountGroupId>,
    limit: u32,
) -> Result<Vec<JobPlace>, Error> {
    let places = sqlx::query_as!(
        PlaceColumns,
        r#"
        select g.account_group_id, newest.job_id, newest.lease_expires_at,
            case when newest.status = 'queued' then newest.due_at end as next_try_at
        from account_groups g
        cross join lateral (
            select j.job_id, j.status, j.created_at, j.lease_expires_at, j.due_at
            from prospecting_jobs j
            where j.account_group_id = g.account_group_id and j.pruned_at is null
            order by j.created_at desc, j.job_id desc
            limit $2
        ) as newest
        where g.account_group_id = $1 or $1::text is null
        order by newest.created_at desc, newest.job_id desc
        limit $2
        "#,
        account_group.map(AccountGroupId::as_str),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    places.into_iter().map(TryInto::try_into).collect()
}

/// The same of those with one status. A statement of its own, so that each is planned for its index.
pub async fn list_newest_jobs_with_status(
    connection: &mut PgConnection,
    account_group: Option<&AccountGroupId>,
    status: JobStatus,
    limit: u32,
) -> Result<Vec<JobPlace>, Error> {
    let places = sqlx::query_as!(
        PlaceColumns,
        r#"
        select g.account_group_id, newest.job_id, newest.lease_expires_at,
            case when newest.status = 'queued' then newest.due_at end as next_try_at
        from account_groups g
        cross join lateral (
            select j.job_id, j.status, j.created_at, j.lease_expires_at, j.due_at
            from prospecting_jobs j
            where j.account_group_id = g.account_group_id and j.status = $2 and j.pruned_at is null
            order by j.created_at desc, j.job_id desc
            limit $3
        ) as newest
        where g.account_group_id = $1 or $1::text is null
        order by newest.created_at desc, newest.job_id desc
        limit $3
        "#,
        account_group.map(AccountGroupId::as_str),
        status.as_str(),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    places.into_iter().map(TryInto::try_into).collect()
}
