//! Erased people: how a group remembers not to import somebody without knowing who that is.
//!
//! Of an erased person only keyed hashes of their identifiers stay. Whoever has the database alone
//! cannot try identifiers on them, and the same person in two account groups has different hashes.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::id::AccountGroupId;
use crate::domain::linkedin_url::{ProfileUrl, PublicIdentifier};
use crate::domain::person::Person;

/// The fewest characters of a key: 32 random ones are beyond guessing.
const LENGTH_MIN: usize = 32;

/// What stands before each message, so that no hash can be taken for one of another kind.
const IDENTIFIER: &str = "prospector/suppressed-identifier/v1";
const KEY_CHECK: &str = "prospector/erasure-key-check/v1";

/// An HMAC-SHA-256.
pub type KeyedHash = [u8; 32];

/// The text cannot be an erasure key. It is not repeated here, since it may be one with a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {LENGTH_MIN} or more characters")]
pub struct InvalidErasureKey;

/// The secret that makes hashes of identifiers useless to those who have only them.
#[derive(Clone)]
pub struct ErasureKey(Hmac<Sha256>);

impl FromStr for ErasureKey {
    type Err = InvalidErasureKey;

    fn from_str(text: &str) -> Result<Self, InvalidErasureKey> {
        let text = text.trim();
        if text.chars().count() < LENGTH_MIN {
            return Err(InvalidErasureKey);
        }
        let keyed = Hmac::new_from_slice(text.as_bytes()).map_err(|_| InvalidErasureKey)?;
        Ok(Self(keyed))
    }
}

impl fmt::Debug for ErasureKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ErasureKey(..)")
    }
}

/// What a person can be told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifier<'a> {
    Member(&'a str),
    Provider(&'a str),
    /// Folded.
    Public(&'a str),
}

impl ErasureKey {
    /// What an identifier of somebody in an account group is remembered by.
    #[must_use]
    pub fn hash(&self, account_group: &AccountGroupId, identifier: Identifier<'_>) -> KeyedHash {
        let (kind, value) = match identifier {
            Identifier::Member(id) => ("member", id),
            Identifier::Provider(id) => ("provider", id),
            Identifier::Public(name) => ("public", name),
        };
        // Only the last part can hold a NUL, so no two lists of parts make the same message.
        self.digest(&[IDENTIFIER, account_group.as_str(), kind, value])
    }

    /// Tells this key from others without telling it.
    #[must_use]
    pub fn check_value(&self) -> KeyedHash {
        self.digest(&[KEY_CHECK])
    }

    fn digest(&self, parts: &[&str]) -> KeyedHash {
        let mut keyed = self.0.clone();
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                keyed.update(&[0]);
            }
            keyed.update(part.as_bytes());
        }
        keyed.finalize().into_bytes().into()
    }
}

/// The hashes of one identifier of somebody, and of their member id where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentifierHash {
    pub identifier: KeyedHash,
    pub member: Option<KeyedHash>,
}

/// All that an item of a page can be recognised by: the person's ids, and the URL that led to them.
#[must_use]
pub fn identifier_hashes(
    key: &ErasureKey,
    account_group: &AccountGroupId,
    person: Option<&Person>,
    input_url: Option<&str>,
) -> Vec<IdentifierHash> {
    let member_id = person.and_then(|person| person.member_id.as_deref());
    let provider_id = person.and_then(|person| person.provider_id.as_deref());
    let public = person.and_then(|person| person.public_identifier.as_ref());
    let uploaded = input_url.and_then(|url| ProfileUrl::parse(url).ok());
    let mut names: Vec<String> = public.map(PublicIdentifier::folded).into_iter().collect();
    names.extend(uploaded.map(|url| url.identifier().folded()));
    names.dedup();

    let member = member_id.map(|id| key.hash(account_group, Identifier::Member(id)));
    let others = provider_id
        .map(Identifier::Provider)
        .into_iter()
        .chain(names.iter().flat_map(|name| identifiers_of_name(name)))
        .map(|identifier| key.hash(account_group, identifier));
    member
        .into_iter()
        .chain(others)
        .map(|identifier| IdentifierHash { identifier, member })
        .collect()
}

/// The part after `/in/` may be LinkedIn's own id of the person, and is then known as such as well.
pub fn identifiers_of_name(name: &str) -> impl Iterator<Item = Identifier<'_>> {
    let is_id = PublicIdentifier::parse(name).is_ok_and(|name| name.is_internal_id());
    let id = is_id.then_some(Identifier::Provider(name));
    std::iter::once(Identifier::Public(name)).chain(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char) -> ErasureKey {
        letter.to_string().repeat(32).parse().unwrap()
    }

    fn group() -> AccountGroupId {
        "507f1f77bcf86cd799439011".parse().unwrap()
    }

    #[test]
    fn a_hash_depends_on_key_group_kind_and_value() {
        let other: AccountGroupId = "507f1f77bcf86cd799439012".parse().unwrap();
        let hashes = [
            key('a').hash(&group(), Identifier::Member("1")),
            key('b').hash(&group(), Identifier::Member("1")),
            key('a').hash(&other, Identifier::Member("1")),
            key('a').hash(&group(), Identifier::Provider("1")),
            key('a').hash(&group(), Identifier::Public("1")),
            key('a').hash(&group(), Identifier::Member("2")),
            key('a').check_value(),
        ];
        for (number, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..number].contains(hash), "{number}");
        }
        assert_eq!(
            hashes[0],
            key('a').hash(&group(), Identifier::Member("1")),
            "and on nothing else"
        );
    }

    /// Hashes in databases must stay what they are.
    #[test]
    fn the_hash_of_a_version_is_fixed() {
        let hash = key('a').hash(&group(), Identifier::Public("bea-test"));
        let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            text,
            "0a42e22dd0d0b91cf261e273e13c00ee374e09e8f4c30681e6c1f0f121663816"
        );
    }

    #[test]
    fn short_keys_are_refused_and_no_key_is_shown() {
        assert!("a".repeat(31).parse::<ErasureKey>().is_err());
        assert!(
            format!(" {} ", "a".repeat(31))
                .parse::<ErasureKey>()
                .is_err()
        );
        assert_eq!(format!("{:?}", key('a')), "ErasureKey(..)");
    }

    #[test]
    fn an_item_is_recognised_by_each_id_and_by_the_url_that_led_to_it() {
        let person = Person {
            member_id: Some("1".to_owned()),
            provider_id: Some("ACoAAAdemo004".to_owned()),
            public_identifier: Some(PublicIdentifier::parse("Bea-Test").unwrap()),
            ..Person::default()
        };
        let url = "https://fr.linkedin.com/in/Bea-Before?trk=x";
        let found = identifier_hashes(&key('a'), &group(), Some(&person), Some(url));
        let member = key('a').hash(&group(), Identifier::Member("1"));
        let expected = [
            Identifier::Member("1"),
            Identifier::Provider("ACoAAAdemo004"),
            Identifier::Public("bea-test"),
            Identifier::Public("bea-before"),
        ];
        let expected = expected.map(|identifier| IdentifierHash {
            identifier: key('a').hash(&group(), identifier),
            member: Some(member),
        });
        assert_eq!(found, expected);

        let by_id = "https://www.linkedin.com/in/ACoAAAdemo004";
        let found = identifier_hashes(&key('a'), &group(), None, Some(by_id));
        let provider = key('a').hash(&group(), Identifier::Provider("ACoAAAdemo004"));
        assert!(found.iter().any(|hash| hash.identifier == provider));
    }
}
