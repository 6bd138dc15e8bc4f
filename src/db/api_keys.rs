//! API keys: who may call, and for which account groups.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{known, known_text};
use crate::domain::access::{AccountGroupAccess, JobOfKey};
use crate::domain::api_key::KeyKind;
use crate::domain::id::AccountGroupId;
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::job::JobStatus;
use crate::domain::permission::Permission;
use crate::domain::quota::ListType;
use crate::error::Error;

/// A key that is valid now, and what its request needs to know.
#[derive(Debug, Clone)]
pub struct Authenticated {
    pub api_key_id: Uuid,
    pub secret_sha256: Vec<u8>,
    pub permissions: Vec<Permission>,
    /// The last use that is stored is more than a minute old.
    pub last_use_is_stale: bool,
    pub account_group: Option<AccountGroupAccess>,
}

/// Key, account group, quota used today and the job of the idempotency key, in one statement.
pub async fn authenticate(
    connection: &mut PgConnection,
    secret_sha256: &[u8; 32],
    kind: KeyKind,
    account_group: Option<&AccountGroupId>,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Option<Authenticated>, Error> {
    let row = sqlx::query!(
        r#"
        select k.api_key_id, k.secret_sha256, k.permissions,
            k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as "last_use_is_stale!",
            g.account_group_id as "account_group_id?", g.plan as "plan?", g.linkedin_account_id,
            g.paused as "paused?",
            (date_trunc('day', now() at time zone 'utc') + interval '1 day') at time zone 'utc'
                as "quota_resets_at!",
            (
                select coalesce(jsonb_object_agg(q.list_type, q.used), '{}')
                from quota_usage q
                where q.account_group_id = g.account_group_id and q.day = (now() at time zone 'utc')::date
            ) as "quota_used!: Json<HashMap<ListType, u32>>",
            j.job_id as "job_id?", j.status as "status?", j.created_at as "job_created_at?", j.fingerprint
        from api_keys k
        left join api_key_account_groups a on a.api_key_id = k.api_key_id and a.account_group_id = $3
        left join account_groups g on g.account_group_id = a.account_group_id
        left join prospecting_jobs j on j.account_group_id = g.account_group_id and j.idempotency_key = $4
        where k.secret_sha256 = $1
            and k.kind = $2
            and k.revoked_at is null
            and (k.expires_at is null or k.expires_at > now())
        "#,
        &secret_sha256[..],
        kind.as_str(),
        account_group.map(AccountGroupId::as_str),
        idempotency_key.map(IdempotencyKey::as_str),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };

    let job_of_key = match (row.job_id, row.status, row.job_created_at, row.fingerprint) {
        (Some(job_id), Some(status), Some(created_at), Some(fingerprint)) => {
            let status = known_text("job status", &status, JobStatus::from_text(&status))?;
            Some(JobOfKey {
                job_id: known(job_id.try_into())?,
                status,
                created_at,
                fingerprint,
            })
        }
        _ => None,
    };
    let account_group = match (row.account_group_id, row.plan, row.paused) {
        (Some(id), Some(plan), Some(paused)) => Some(AccountGroupAccess {
            id: known(id.try_into())?,
            plan: known(plan.parse())?,
            linkedin_account: known(row.linkedin_account_id.map(TryInto::try_into).transpose())?,
            paused,
            quota_used_today: row.quota_used.0,
            quota_resets_at: row.quota_resets_at,
            job_of_key,
        }),
        _ => None,
    };
    Ok(Some(Authenticated {
        api_key_id: row.api_key_id,
        secret_sha256: row.secret_sha256,
        permissions: parse_permissions(&row.permissions)?,
        last_use_is_stale: row.last_use_is_stale,
        account_group,
    }))
}

pub(super) fn parse_permissions(texts: &[String]) -> Result<Vec<Permission>, Error> {
    known(texts.iter().map(|text| text.parse()).collect())
}

/// Writes the last use of keys, each at most once a minute.
pub async fn stamp_last_use(connection: &mut PgConnection, api_keys: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update api_keys
        set last_used_at = now()
        where api_key_id = any($1) and (last_used_at is null or last_used_at < now() - interval '1 minute')
        "#,
        api_keys,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A key as operators see it. Its secret is not stored.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    pub permissions: Vec<Permission>,
    pub account_groups: Vec<AccountGroupId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub kind: KeyKind,
    pub secret_sha256: &'a [u8; 32],
    pub permissions: &'a [Permission],
    pub expires_in_days: Option<u32>,
}

/// Stores a key; [`insert_api_key_groups`] says what it opens.
pub async fn insert_api_key(
    connection: &mut PgConnection,
    key: NewApiKey<'_>,
) -> Result<(), Error> {
    let permissions: Vec<String> = key
        .permissions
        .iter()
        .map(|permission| permission.as_str().to_owned())
        .collect();
    sqlx::query!(
        r#"
        insert into api_keys (api_key_id, name, kind, secret_sha256, permissions, expires_at)
        values ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
        "#,
        key.id,
        key.name,
        key.kind.as_str(),
        &key.secret_sha256[..],
        &permissions,
        key.expires_in_days.map(crate::db::column),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Opens account groups to a key. Returns how many of them exist.
pub async fn insert_api_key_groups(
    connection: &mut PgConnection,
    api_key: Uuid,
    account_groups: &[AccountGroupId],
) -> Result<u64, Error> {
    let account_groups: Vec<String> = account_groups.iter().map(ToString::to_string).collect();
    let result = sqlx::query!(
        r#"
        insert into api_key_account_groups (account_group_id, api_key_id)
        select g.account_group_id, $1 from account_groups g where g.account_group_id = any($2)
        "#,
        api_key,
        &account_groups,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

struct KeyRow {
    api_key_id: Uuid,
    name: String,
    permissions: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    account_groups: Vec<String>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.api_key_id,
            name: row.name,
            permissions: parse_permissions(&row.permissions)?,
            account_groups: known(
                row.account_groups
                    .into_iter()
                    .map(TryInto::try_into)
                    .collect(),
            )?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// Keys by id, after `after`.
pub async fn list_api_keys(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ApiKey>, Error> {
    let rows = sqlx::query_as!(
        KeyRow,
        r#"
        select k.api_key_id, k.name, k.permissions, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
            array(
                select a.account_group_id from api_key_account_groups a
                where a.api_key_id = k.api_key_id
                order by a.account_group_id
            ) as "account_groups!"
        from api_keys k
        where $1::uuid is null or k.api_key_id > $1
        order by k.api_key_id
        limit $2
        "#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn find_api_key(
    connection: &mut PgConnection,
    api_key: Uuid,
) -> Result<Option<ApiKey>, Error> {
    let row = sqlx::query_as!(
        KeyRow,
        r#"
        select k.api_key_id, k.name, k.permissions, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
            array(
                select a.account_group_id from api_key_account_groups a
                where a.api_key_id = k.api_key_id
                order by a.account_group_id
            ) as "account_groups!"
        from api_keys k
        where k.api_key_id = $1
        "#,
        api_key,
    )
    .fetch_optional(connection)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// Revokes a key, now or before. Returns whether there is such a key.
pub async fn revoke_api_key(connection: &mut PgConnection, api_key: Uuid) -> Result<bool, Error> {
    let result = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, now()) where api_key_id = $1",
        api_key,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Whether any key was ever made here.
pub async fn has_api_keys(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(
        sqlx::query_scalar!(r#"select exists (select from api_keys) as "exists!""#)
            .fetch_one(connection)
            .await?,
    )
}
