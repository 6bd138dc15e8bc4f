//! Erased people: taking somebody out of an account group, and remembering their hashes.
//!
//! All of it belongs into one transaction that holds the credit account, as every page does: a page
//! is in before the erasure, which then finds what it brought, or comes after it and finds the hashes.

use sqlx::PgConnection;

use crate::db::known;
use crate::domain::erasure::{IdentifierHash, KeyedHash};
use crate::domain::id::{AccountGroupId, ProspectId};
use crate::domain::linkedin_url::{ProfileUrl, PublicIdentifier};
use crate::error::Error;

/// What the key is known by that people were erased with; `None` when nobody ever was.
pub async fn find_key_check(connection: &mut PgConnection) -> Result<Option<Vec<u8>>, Error> {
    let check = sqlx::query_scalar!("select check_value from erasure_key_check");
    Ok(check.fetch_optional(connection).await?)
}

/// Remembers what the key is known by, if nobody was erased before.
pub async fn insert_key_check(
    connection: &mut PgConnection,
    check: &KeyedHash,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into erasure_key_check (check_value) values ($1) on conflict do nothing",
        &check[..],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Somebody to be erased, with every identifier that leads to them.
#[derive(Debug, Clone)]
pub struct KnownIdentifiers {
    pub prospect: ProspectId,
    pub member_id: Option<String>,
    pub provider_ids: Vec<String>,
    /// URLs that were uploaded for them.
    pub input_urls: Vec<String>,
    /// Folded.
    pub public_identifier: Option<String>,
}

/// The prospects who go by a name, and those who are the same person by another identifier.
///
/// Two known and different member ids are never one person. Job by job, since the rows of a job are
/// found by the person and those of a group are not.
pub async fn list_same_person(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    name: &PublicIdentifier,
) -> Result<Vec<KnownIdentifiers>, Error> {
    let rows = sqlx::query!(
        r#"
        with recursive same_person as (
            select p.prospect_id, p.member_id, p.public_identifier_key
            from prospects p
            where p.account_group_id = $1 and p.public_identifier_key = $2
            union
            select p.prospect_id, p.member_id, p.public_identifier_key
            from prospect_provider_ids i
            join prospects p on p.account_group_id = i.account_group_id and p.prospect_id = i.prospect_id
            where i.account_group_id = $1 and i.provider_id = $3
            union
            select o.prospect_id, o.member_id, o.public_identifier_key
            from same_person s
            cross join lateral (
                select p.prospect_id, p.member_id, p.public_identifier_key
                from prospects p
                where p.account_group_id = $1 and p.public_identifier_key = s.public_identifier_key
                union
                select p.prospect_id, p.member_id, p.public_identifier_key
                from (
                    select i.provider_id
                    from prospect_provider_ids i
                    where i.account_group_id = $1 and i.prospect_id = s.prospect_id
                    union
                    select r.provider_id
                    from prospecting_jobs j
                    join job_prospects r on r.account_group_id = j.account_group_id and r.job_id = j.job_id
                    where j.account_group_id = $1 and r.prospect_id = s.prospect_id
                ) as known
                join prospect_provider_ids i on i.account_group_id = $1 and i.provider_id = known.provider_id
                join prospects p on p.account_group_id = $1 and p.prospect_id = i.prospect_id
            ) as o
            where o.member_id is null or s.member_id is null or o.member_id = s.member_id
        )
        select s.prospect_id as "prospect_id!", s.member_id, s.public_identifier_key
        from same_person s
        order by s.prospect_id
        "#,
        account_group.as_str(),
        name.folded(),
        name.as_str(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut people = Vec::new();
    for row in rows {
        let (provider_ids, input_urls) =
            list_ids_and_urls(&mut *connection, account_group, &row.prospect_id).await?;
        people.push(KnownIdentifiers {
            prospect: known(row.prospect_id.try_into())?,
            member_id: row.member_id,
            provider_ids,
            input_urls,
            public_identifier: row.public_identifier_key,
        });
    }
    Ok(people)
}

/// The provider ids of a prospect, stored with them or with a row, and the URLs uploaded for them.
async fn list_ids_and_urls(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    prospect: &str,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let row = sqlx::query!(
        r#"
        with met as materialized (
            select r.provider_id, r.input_url
            from prospecting_jobs j
            join job_prospects r on r.account_group_id = j.account_group_id and r.job_id = j.job_id
            where j.account_group_id = $1 and r.prospect_id = $2
        )
        select
            array(
                select i.provider_id
                from prospect_provider_ids i
                where i.account_group_id = $1 and i.prospect_id = $2
                union
                select m.provider_id from met m where m.provider_id is not null
            ) as "provider_ids!",
            array(select distinct m.input_url from met m where m.input_url is not null) as "input_urls!"
        "#,
        account_group.as_str(),
        prospect,
    )
    .fetch_one(connection)
    .await?;
    Ok((row.provider_ids, row.input_urls))
}

/// Remembers hashes.
pub async fn insert_suppressions(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    hashes: &[IdentifierHash],
) -> Result<(), Error> {
    let identifiers: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.identifier.to_vec()).collect();
    let members: Vec<Option<Vec<u8>>> = hashes
        .iter()
        .map(|hash| hash.member.map(Vec::from))
        .collect();
    sqlx::query!(
        r#"
        insert into suppressed_identifiers (account_group_id, identifier_hash, member_hash)
        select $1, h.identifier_hash, h.member_hash
        from unnest($2::bytea [], $3::bytea []) as h (identifier_hash, member_hash)
        on conflict do nothing
        "#,
        account_group.as_str(),
        &identifiers,
        &members as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether somebody is suppressed by one of these hashes of identifiers.
pub async fn is_suppressed(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    identifiers: &[KeyedHash],
) -> Result<bool, Error> {
    let identifiers: Vec<Vec<u8>> = identifiers.iter().map(|hash| hash.to_vec()).collect();
    let found = sqlx::query_scalar!(
        r#"
        select exists (
            select from suppressed_identifiers where account_group_id = $1 and identifier_hash = any($2)
        ) as "found!"
        "#,
        account_group.as_str(),
        &identifiers,
    );
    Ok(found.fetch_one(connection).await?)
}

/// Takes out everything that the group holds about these prospects. Their rows keep number, outcome
/// and prospect id, which leads to nothing any more. Returns how many rows were cleared.
pub async fn clear_prospects(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    prospects: &[ProspectId],
) -> Result<u64, Error> {
    let prospects: Vec<String> = prospects.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"
        update job_prospects r
        set input_url = null, provider_id = null
        from prospecting_jobs j
        where j.account_group_id = $1 and r.account_group_id = $1 and r.job_id = j.job_id
            and r.prospect_id = any($2)
        "#,
        account_group.as_str(),
        &prospects,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from prospect_provider_ids where account_group_id = $1 and prospect_id = any($2)",
        account_group.as_str(),
        &prospects,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        update prospects
        set member_id = null, public_identifier = null, public_identifier_key = null, linkedin_url = null,
            first_name = null, last_name = null, name = null, headline = null, title = null,
            company_name = null, location = null, email = null, email_status = null,
            updated_at = now(), erased_at = now()
        where account_group_id = $1 and prospect_id = any($2)
        "#,
        account_group.as_str(),
        &prospects,
    )
    .execute(connection)
    .await?;
    Ok(rows.rows_affected())
}

/// Takes these profiles out of the lists that were uploaded, and out of the rows that came of them.
/// Returns how many entries were cleared.
pub async fn clear_uploads(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    profiles: &[ProfileUrl],
) -> Result<u64, Error> {
    let profiles: Vec<&str> = profiles.iter().map(ProfileUrl::as_str).collect();
    let cleared = sqlx::query_scalar!(
        r#"
        with found as materialized (
            select j.job_id, array_agg(u.entry::integer) as entries
            from prospecting_jobs j
            cross join lateral jsonb_array_elements(j.request #> '{url_upload,urls}')
                with ordinality as u (url, entry)
            where j.account_group_id = $1 and j.source = 'url_upload' and j.pruned_at is null
                and u.url ->> 'profile' = any($2)
            group by j.job_id
        ),
        cleared as (
            update prospecting_jobs j
            set request = forget_uploaded_urls_v1(j.request, f.entries)
            from found f
            where j.account_group_id = $1 and j.job_id = f.job_id
        ),
        -- The row of an upload has the number of its URL in the list.
        rows_cleared as (
            update job_prospects r
            set input_url = null
            from found f
            where r.account_group_id = $1 and r.job_id = f.job_id and r.row_number = any(f.entries)
        )
        select coalesce(sum(cardinality(f.entries)), 0)::bigint as "cleared!" from found f
        "#,
        account_group.as_str(),
        &profiles as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(u64::try_from(cleared).unwrap_or(0))
}
