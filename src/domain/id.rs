//! Identifiers: 24 lower-case hex characters, as the API shows them everywhere.
//!
//! An id starts with the second it was made in, so that new rows land side by side in an index.
//! Nothing relies on that order.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The text was not 24 lower-case hexadecimal characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 24 lower-case hexadecimal characters")]
pub struct InvalidId;

fn new_hex_id() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    // The low 32 bits of the second are all that fits; they wrap in 2106, which harms nothing.
    format!(
        "{:08x}{:016x}",
        seconds & 0xffff_ffff,
        rand::random::<u64>()
    )
}

fn is_hex_id(text: &str) -> bool {
    text.len() == 24
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes a fresh random id.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "every call gives another value")]
            pub fn new() -> Self {
                Self(new_hex_id())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_hex_id(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_hex_id(&text) { Ok(Self(text)) } else { Err(InvalidId) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

hex_id!(
    /// An account group: the tenant that jobs, people and credits belong to.
    AccountGroupId
);
hex_id!(
    /// A prospecting job.
    JobId
);
hex_id!(
    /// A person imported into an account group.
    ProspectId
);
hex_id!(
    /// One request, in its answer and on each of its log lines.
    TraceId
);

/// A LinkedIn account connected at the provider, such as `acc_01demo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkedinAccountId(String);

/// The text was no provider account id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `acc_` and 1 to 100 letters, digits, `_` or `-`")]
pub struct InvalidLinkedinAccountId;

impl LinkedinAccountId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkedinAccountId {
    type Err = InvalidLinkedinAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidLinkedinAccountId> {
        let rest = text.strip_prefix("acc_").ok_or(InvalidLinkedinAccountId)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=100).contains(&rest.len()) && rest.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLinkedinAccountId)
        }
    }
}

impl TryFrom<String> for LinkedinAccountId {
    type Error = InvalidLinkedinAccountId;

    fn try_from(text: String) -> Result<Self, InvalidLinkedinAccountId> {
        text.parse()
    }
}

impl From<LinkedinAccountId> for String {
    fn from(id: LinkedinAccountId) -> Self {
        id.0
    }
}

impl fmt::Display for LinkedinAccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the provider calls a person, such as `ACoAAA...`. Case-sensitive, and of no fixed form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ProviderId(String);

/// The text can be no provider id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 bytes of UTF-8 without NUL")]
pub struct InvalidProviderId;

impl ProviderId {
    /// The longest id that is stored, in bytes.
    const LENGTH_MAX: usize = 200;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(text: &str) -> Result<Self, InvalidProviderId> {
        if (1..=Self::LENGTH_MAX).contains(&text.len()) && !text.contains('\0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProviderId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_parses_as_itself() {
        let id = JobId::new();
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn only_24_lower_case_hex_characters_are_an_id() {
        for wrong in [
            "",
            "507f1f77bcf86cd79943901",
            "507F1F77BCF86CD799439011",
            "507f1f77bcf86cd7994390111",
            "507f1f77bcf86cd79943901g",
            "507f1f77bcf86cd79943901\0",
        ] {
            assert_eq!(wrong.parse::<JobId>(), Err(InvalidId), "{wrong:?}");
        }
    }

    #[test]
    fn a_linkedin_account_id_starts_with_acc() {
        assert!("acc_01demo".parse::<LinkedinAccountId>().is_ok());
        for wrong in ["", "acc_", "01demo", "acc_a/b", "acc_é"] {
            assert!(wrong.parse::<LinkedinAccountId>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_provider_id_is_any_text_that_can_be_stored() {
        for good in ["ACoAAB-_1", "a/b c", "é", &"x".repeat(200)] {
            assert_eq!(good.parse::<ProviderId>().unwrap().as_str(), good);
        }
        for wrong in ["", "a\0", &"x".repeat(201), &"é".repeat(101)] {
            assert!(wrong.parse::<ProviderId>().is_err(), "{wrong:?}");
        }
    }
}
