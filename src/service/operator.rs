//! What operators do: account groups, keys, credits, the check of the ledger.

use uuid::Uuid;

use crate::db;
use crate::db::account_groups::{AccountGroup, AccountGroupChange};
use crate::db::api_keys::{ApiKey, NewApiKey};
use crate::db::credit_entries::CreditEntry;
use crate::db::credits::{GrantOutcome, Verification};
use crate::db::pool::Database;
use crate::domain::api_key::{ApiKeySecret, KeyKind};
use crate::domain::id::{AccountGroupId, JobId, LinkedinAccountId};
use crate::domain::permission::Permission;
use crate::domain::plan::Plan;
use crate::error::Error;

/// Why an operator's wish cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no account group {0}")]
    NoAccountGroup(AccountGroupId),
    #[error("there is no job {0}")]
    NoJob(JobId),
    #[error("the job {0} is completed or failed already")]
    JobHasEnded(JobId),
    #[error("there is no API key {0}")]
    NoApiKey(Uuid),
    #[error("the reference {0:?} was used before for another amount")]
    ReferenceTaken(String),
    #[error(
        "the balance would be less than what unfinished jobs hold: at most {available} credits can be taken away; cancel jobs, or wait for their end, to free more"
    )]
    BelowReserved { available: i64 },
    #[error("the balance would be more than can be counted")]
    TooMuch,
    #[error(
        "people were erased with another ERASURE_KEY before: give that one, or those people could come back"
    )]
    OtherErasureKey,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Rows read at a time where a command lists everything.
const LIST_PAGE: i64 = 500;

/// An account group to be made.
#[derive(Debug, Clone)]
pub struct NewAccountGroup {
    pub name: String,
    pub plan: Plan,
    pub linkedin_account: Option<LinkedinAccountId>,
    /// Granted with it; 0 for none.
    pub credits: i64,
}

/// Makes an account group and grants its first credits, both or neither.
///
/// # Errors
/// Faults of the database.
pub async fn create_account_group(
    database: &Database,
    new: &NewAccountGroup,
) -> Result<AccountGroup, Refusal> {
    let id = AccountGroupId::new();
    let mut tx = database.begin().await?;
    db::account_groups::insert_account_group(
        &mut tx,
        &id,
        &new.name,
        new.plan,
        new.linkedin_account.as_ref(),
    )
    .await?;
    if new.credits > 0 {
        db::credits::grant_credits(
            &mut tx,
            &id,
            new.credits,
            "granted with the account group",
            None,
        )
        .await?;
    }
    let made = db::account_groups::find_account_group(&mut tx, &id).await?;
    tx.commit().await.map_err(Error::from)?;
    made.ok_or(Refusal::NoAccountGroup(id))
}

/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn get_account_group(
    database: &Database,
    id: &AccountGroupId,
) -> Result<AccountGroup, Refusal> {
    let mut connection = database.acquire().await?;
    let found = db::account_groups::find_account_group(&mut connection, id).await?;
    found.ok_or_else(|| Refusal::NoAccountGroup(id.clone()))
}

/// Every account group.
///
/// # Errors
/// Faults of the database.
pub async fn list_account_groups(database: &Database) -> Result<Vec<AccountGroup>, Refusal> {
    let mut connection = database.acquire().await?;
    let mut groups: Vec<AccountGroup> = Vec::new();
    loop {
        let after = groups.last().map(|group| group.id.clone());
        let page =
            db::account_groups::list_account_groups(&mut connection, after.as_ref(), LIST_PAGE)
                .await?;
        if page.is_empty() {
            return Ok(groups);
        }
        groups.extend(page);
    }
}

/// Changes a group. The end of a pause makes the jobs that waited for it due at once.
///
/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn update_account_group(
    database: &Database,
    id: &AccountGroupId,
    change: &AccountGroupChange,
) -> Result<AccountGroup, Refusal> {
    let mut tx = database.begin().await?;
    db::credits::lock_credit_account(&mut tx, id).await?;
    db::account_groups::update_account_group(&mut tx, id, change).await?;
    if change.paused == Some(false) {
        db::account_groups::resume_paused_jobs(&mut tx, id).await?;
    }
    let group = db::account_groups::find_account_group(&mut tx, id).await?;
    tx.commit().await.map_err(Error::from)?;
    group.ok_or_else(|| Refusal::NoAccountGroup(id.clone()))
}

/// Connects a group with a LinkedIn account in place of the one it had, or with none.
///
/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn set_linkedin_account(
    database: &Database,
    id: &AccountGroupId,
    linkedin_account: Option<&LinkedinAccountId>,
) -> Result<AccountGroup, Refusal> {
    let mut connection = database.acquire().await?;
    db::account_groups::set_linkedin_account(&mut connection, id, linkedin_account).await?;
    let group = db::account_groups::find_account_group(&mut connection, id).await?;
    group.ok_or_else(|| Refusal::NoAccountGroup(id.clone()))
}

/// A key as it is asked for.
#[derive(Debug, Clone)]
pub struct KeyOrder {
    pub name: String,
    pub kind: KeyKind,
    pub account_groups: Vec<AccountGroupId>,
    pub permissions: Vec<Permission>,
    pub expires_in_days: Option<u32>,
}

/// Makes a key. The secret is known to the caller alone from here on.
///
/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn create_api_key(
    database: &Database,
    order: &KeyOrder,
) -> Result<(ApiKey, ApiKeySecret), Refusal> {
    let secret = ApiKeySecret::new(order.kind);
    let id = Uuid::new_v4();
    let mut tx = database.begin().await?;
    for group in &order.account_groups {
        if db::account_groups::find_account_group(&mut tx, group)
            .await?
            .is_none()
        {
            return Err(Refusal::NoAccountGroup(group.clone()));
        }
    }
    let key = NewApiKey {
        id,
        name: &order.name,
        kind: order.kind,
        secret_sha256: &secret.digest(),
        permissions: &order.permissions,
        expires_in_days: order.expires_in_days,
    };
    db::api_keys::insert_api_key(&mut tx, key).await?;
    db::api_keys::insert_api_key_groups(&mut tx, id, &order.account_groups).await?;
    let made = db::api_keys::find_api_key(&mut tx, id).await?;
    tx.commit().await.map_err(Error::from)?;
    made.map(|made| (made, secret)).ok_or(Refusal::NoApiKey(id))
}

/// Whether any key was ever made here.
///
/// # Errors
/// Faults of the database.
pub async fn has_api_keys(database: &Database) -> Result<bool, Refusal> {
    let mut connection = database.acquire().await?;
    Ok(db::api_keys::has_api_keys(&mut connection).await?)
}

/// Every key, revoked ones included.
///
/// # Errors
/// Faults of the database.
pub async fn list_api_keys(database: &Database) -> Result<Vec<ApiKey>, Refusal> {
    let mut connection = database.acquire().await?;
    let mut keys: Vec<ApiKey> = Vec::new();
    loop {
        let after = keys.last().map(|key| key.id);
        let page = db::api_keys::list_api_keys(&mut connection, after, LIST_PAGE).await?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(page);
    }
}

/// Revokes a key at once. Revoking it again changes nothing.
///
/// # Errors
/// [`Refusal::NoApiKey`]; faults of the database.
pub async fn revoke_api_key(database: &Database, id: Uuid) -> Result<ApiKey, Refusal> {
    let mut connection = database.acquire().await?;
    db::api_keys::revoke_api_key(&mut connection, id).await?;
    db::api_keys::find_api_key(&mut connection, id)
        .await?
        .ok_or(Refusal::NoApiKey(id))
}

/// Grants credits. With a reference a repeat is harmless.
///
/// # Errors
/// [`Refusal::NoAccountGroup`], [`Refusal::ReferenceTaken`]; faults of the database.
pub async fn grant_credits(
    database: &Database,
    account_group: &AccountGroupId,
    amount: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<AccountGroup, Refusal> {
    let mut tx = database.begin().await?;
    let outcome =
        db::credits::grant_credits(&mut tx, account_group, amount, reason, reference).await?;
    check_entry(outcome, account_group, reference)?;
    let group = db::account_groups::find_account_group(&mut tx, account_group).await?;
    tx.commit().await.map_err(Error::from)?;
    group.ok_or_else(|| Refusal::NoAccountGroup(account_group.clone()))
}

/// Corrects a balance by a signed amount. With a reference a repeat is harmless.
///
/// # Errors
/// As for a grant, and [`Refusal::BelowReserved`].
pub async fn adjust_credits(
    database: &Database,
    account_group: &AccountGroupId,
    amount: i64,
    reason: &str,
    reference: Option<&str>,
) -> Result<AccountGroup, Refusal> {
    let mut tx = database.begin().await?;
    let outcome =
        db::credits::adjust_credits(&mut tx, account_group, amount, reason, reference).await?;
    check_entry(outcome, account_group, reference)?;
    let group = db::account_groups::find_account_group(&mut tx, account_group).await?;
    tx.commit().await.map_err(Error::from)?;
    group.ok_or_else(|| Refusal::NoAccountGroup(account_group.clone()))
}

fn check_entry(
    outcome: GrantOutcome,
    account_group: &AccountGroupId,
    reference: Option<&str>,
) -> Result<(), Refusal> {
    match outcome {
        GrantOutcome::Granted | GrantOutcome::AlreadyGranted => Ok(()),
        GrantOutcome::ReferenceTaken => Err(Refusal::ReferenceTaken(
            reference.unwrap_or_default().to_owned(),
        )),
        GrantOutcome::BelowReserved { available } => Err(Refusal::BelowReserved { available }),
        GrantOutcome::TooMuch => Err(Refusal::TooMuch),
        GrantOutcome::NoAccountGroup => Err(Refusal::NoAccountGroup(account_group.clone())),
    }
}

/// The newest entries of a group's ledger, of one job or of all of it.
///
/// # Errors
/// [`Refusal::NoAccountGroup`]; faults of the database.
pub async fn list_credit_entries(
    database: &Database,
    account_group: &AccountGroupId,
    job: Option<&JobId>,
    limit: u32,
) -> Result<Vec<CreditEntry>, Refusal> {
    let mut connection = database.acquire().await?;
    let known = db::account_groups::find_account_group(&mut connection, account_group).await?;
    if known.is_none() {
        return Err(Refusal::NoAccountGroup(account_group.clone()));
    }
    let entries = match job {
        None => {
            db::credit_entries::list_credit_entries(&mut connection, account_group, None, limit)
                .await?
        }
        Some(job) => {
            db::credit_entries::list_credit_entries_of_job(
                &mut connection,
                account_group,
                job,
                None,
                limit,
            )
            .await?
        }
    };
    Ok(entries)
}

/// Account groups whose books are compared in one statement.
const VERIFIED_AT_A_TIME: i64 = 20;
/// How many differences are listed; one is bad enough.
const DIFFERENCES_LISTED: usize = 100;

/// Recomputes every balance and reservation from ledger and jobs.
///
/// Some account groups at a time, so that no statement grows with their number: each group is
/// compared on one snapshot, and work that goes on meanwhile makes no difference appear.
///
/// # Errors
/// Faults of the database; a difference is no error but the answer.
pub async fn verify_credits(database: &Database) -> Result<Verification, Refusal> {
    let mut connection = database.acquire().await?;
    let mut found = Verification::default();
    let mut after = None;
    loop {
        let groups =
            db::credits::list_accounts(&mut connection, after.as_ref(), VERIFIED_AT_A_TIME).await?;
        let Some(last) = groups.last().cloned() else {
            return Ok(found);
        };
        found.account_groups += i64::try_from(groups.len()).unwrap_or(0);
        let differences = db::credits::verify_ledger(&mut connection, &groups).await?;
        found.differences.extend(differences);
        found.differences.truncate(DIFFERENCES_LISTED);
        after = Some(last);
    }
}
