//! The people of an account group.

use sqlx::PgConnection;

use crate::db::known;
use crate::domain::id::{AccountGroupId, ProviderId};
use crate::domain::person::KnownPerson;
use crate::error::Error;

/// Those who go by this provider id, by prospect id.
pub async fn list_people_by_provider_id(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    provider_id: &ProviderId,
    limit: u32,
) -> Result<Vec<KnownPerson>, Error> {
    let rows = sqlx::query!(
        r#"
        select p.prospect_id, p.public_identifier, p.linkedin_url, p.name, p.company_name, p.title
        from prospect_provider_ids i
        join prospects p on p.account_group_id = i.account_group_id and p.prospect_id = i.prospect_id
        where i.account_group_id = $1 and i.provider_id = $2
        order by i.prospect_id
        limit $3
        "#,
        account_group.as_str(),
        provider_id.as_str(),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(KnownPerson {
                prospect_id: known(row.prospect_id.try_into())?,
                public_identifier: row.public_identifier,
                linkedin_url: row.linkedin_url,
                name: row.name,
                company_name: row.company_name,
                title: row.title,
            })
        })
        .collect()
}
