//! The secret that a client proves itself with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which provider a key is for. Fixed when the key is made; a key of the other kind is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Real people: `sk_live_...`
    Live,
    /// The sandbox: `sk_test_...`
    Test,
}

impl KeyKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// `sk_live_` or `sk_test_` and 32 random bytes in base64url. Never stored: only its SHA-256 is.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret {
    kind: KeyKind,
    text: String,
}

/// The text is not of the form of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct MalformedApiKey;

impl ApiKeySecret {
    /// Makes a fresh key.
    #[must_use]
    pub fn new(kind: KeyKind) -> Self {
        let random: [u8; 32] = rand::random();
        Self {
            kind,
            text: format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(random)),
        }
    }

    /// # Errors
    /// The text is no key; whether such a key exists is another question.
    pub fn parse(text: &str) -> Result<Self, MalformedApiKey> {
        let kind = [KeyKind::Live, KeyKind::Test]
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()));
        let kind = kind.ok_or(MalformedApiKey)?;
        match URL_SAFE_NO_PAD.decode(&text[kind.prefix().len()..]) {
            Ok(random) if random.len() == 32 => Ok(Self {
                kind,
                text: text.to_owned(),
            }),
            _ => Err(MalformedApiKey),
        }
    }

    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The secret itself, for the one time it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}<redacted>", self.kind.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_parses_as_itself_and_no_two_are_alike() {
        let key = ApiKeySecret::new(KeyKind::Test);
        assert!(key.reveal().starts_with("sk_test_"));
        assert_eq!(ApiKeySecret::parse(key.reveal()), Ok(key.clone()));
        assert_ne!(ApiKeySecret::new(KeyKind::Test), key);
    }

    #[test]
    fn a_text_of_another_form_is_refused() {
        let good = ApiKeySecret::new(KeyKind::Live);
        let long = format!("{}AA", good.reveal());
        for wrong in [
            "",
            "sk_live_",
            "sk_live_abc",
            "sk_prod_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "sk_live_é",
            &long,
        ] {
            assert_eq!(
                ApiKeySecret::parse(wrong),
                Err(MalformedApiKey),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let key = ApiKeySecret::new(KeyKind::Live);
        assert_eq!(format!("{key:?}"), "sk_live_<redacted>");
    }
}
