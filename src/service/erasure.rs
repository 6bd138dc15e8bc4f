//! Erasing a person.

use std::collections::BTreeSet;

use crate::db;
use crate::db::pool::Database;
use crate::db::suppressions::KnownIdentifiers;
use crate::domain::erasure::{ErasureKey, Identifier, IdentifierHash, identifiers_of_name};
use crate::domain::id::{AccountGroupId, ProspectId};
use crate::domain::linkedin_url::{ProfileUrl, PublicIdentifier};
use crate::error::Error;
use crate::service::operator::Refusal;

/// What became of a key when it was compared with the one that people were erased with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Nobody was erased yet: any key will do.
    Unused,
    Right,
    /// Another one, or none.
    Wrong,
}

/// Compares a key with the one that people were erased with.
///
/// # Errors
/// Faults of the database.
pub async fn check_key(database: &Database, key: Option<&ErasureKey>) -> Result<KeyState, Error> {
    let mut connection = database.acquire().await?;
    let stored = db::suppressions::find_key_check(&mut connection).await?;
    Ok(match (stored, key) {
        (None, _) => KeyState::Unused,
        (Some(stored), Some(key)) if stored == key.check_value() => KeyState::Right,
        (Some(_), _) => KeyState::Wrong,
    })
}

/// What an erasure found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub account_group: AccountGroupId,
    /// Prospects of the group that were this person. Their ids now lead to nothing.
    pub prospects: Vec<ProspectId>,
    /// Rows of jobs that were about them.
    pub rows: u64,
    /// Entries of uploaded lists that named them.
    pub uploaded_urls: u64,
}

/// Takes a person out of an account group and leaves keyed hashes of their identifiers.
///
/// No later job imports them again. Doing it again changes nothing; somebody whom the group does not
/// have is kept away all the same.
///
/// # Errors
/// [`Refusal::NoAccountGroup`], [`Refusal::OtherErasureKey`]; faults of the database.
pub async fn erase_person(
    database: &Database,
    key: &ErasureKey,
    account_group: &AccountGroupId,
    profile: &ProfileUrl,
) -> Result<Erased, Refusal> {
    let mut tx = database.begin().await?;
    if db::credits::lock_credit_account(&mut tx, account_group)
        .await?
        .is_none()
    {
        return Err(Refusal::NoAccountGroup(account_group.clone()));
    }
    db::suppressions::insert_key_check(&mut tx, &key.check_value()).await?;
    if db::suppressions::find_key_check(&mut tx).await?.as_deref() != Some(&key.check_value()) {
        return Err(Refusal::OtherErasureKey);
    }

    let name = profile.identifier();
    let people = db::suppressions::list_same_person(&mut tx, account_group, &name).await?;
    let mut hashes: Vec<IdentifierHash> = people
        .iter()
        .flat_map(|person| hashes_of(key, account_group, person))
        .collect();
    let folded = name.folded();
    let by_name: Vec<_> = identifiers_of_name(&folded)
        .map(|identifier| key.hash(account_group, identifier))
        .collect();
    // A name that is suppressed already says whose it was, which must not become less exact.
    if people.is_empty()
        && !db::suppressions::is_suppressed(&mut tx, account_group, &by_name).await?
    {
        hashes.extend(by_name.into_iter().map(|identifier| IdentifierHash {
            identifier,
            member: None,
        }));
    }
    db::suppressions::insert_suppressions(&mut tx, account_group, &hashes).await?;

    let prospects: Vec<ProspectId> = people
        .iter()
        .map(|person| person.prospect.clone())
        .collect();
    let rows = db::suppressions::clear_prospects(&mut tx, account_group, &prospects).await?;
    let profiles = profiles_of(profile, &people);
    let uploaded_urls = db::suppressions::clear_uploads(&mut tx, account_group, &profiles).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(Erased {
        account_group: account_group.clone(),
        prospects,
        rows,
        uploaded_urls,
    })
}

fn hashes_of(
    key: &ErasureKey,
    account_group: &AccountGroupId,
    person: &KnownIdentifiers,
) -> Vec<IdentifierHash> {
    let names = names_of(person);
    let member_id = person.member_id.as_deref().map(Identifier::Member);
    let member = member_id.map(|id| key.hash(account_group, id));
    let providers = person
        .provider_ids
        .iter()
        .map(|id| Identifier::Provider(id));
    let identifiers: BTreeSet<Identifier<'_>> = member_id
        .into_iter()
        .chain(providers)
        .chain(names.iter().flat_map(|name| identifiers_of_name(name)))
        .collect();
    identifiers
        .into_iter()
        .map(|identifier| IdentifierHash {
            identifier: key.hash(account_group, identifier),
            member,
        })
        .collect()
}

/// Names that the person had, and those under which they were uploaded; folded.
fn names_of(person: &KnownIdentifiers) -> BTreeSet<String> {
    let uploaded = person
        .input_urls
        .iter()
        .filter_map(|url| ProfileUrl::parse(url).ok())
        .map(|url| url.identifier().folded());
    person
        .public_identifier
        .iter()
        .cloned()
        .chain(uploaded)
        .collect()
}

/// The addresses of all that is known of the person.
fn profiles_of(profile: &ProfileUrl, people: &[KnownIdentifiers]) -> Vec<ProfileUrl> {
    let names: BTreeSet<String> = people.iter().flat_map(names_of).collect();
    let others = names.iter().filter_map(|name| {
        let name = PublicIdentifier::parse(name).ok()?;
        ProfileUrl::parse(&name.url()).ok()
    });
    std::iter::once(profile.clone())
        .chain(others)
        .collect::<Vec<_>>()
}
