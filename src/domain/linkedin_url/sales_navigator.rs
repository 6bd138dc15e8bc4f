//! The ids of Sales Navigator's lists: digits, kept as text because some exceed what JSON numbers
//! hold exactly.

use serde::{Deserialize, Serialize};

use crate::domain::linkedin_url::{InvalidLinkedinUrl, canonical_text};

fn parse_digits(text: &str) -> Result<String, InvalidLinkedinUrl> {
    let text = text.trim();
    if (1..=25).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(InvalidLinkedinUrl::because(
            "must be the 1 to 25 digits of the id",
        ))
    }
}

macro_rules! digits_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads 1 to 25 digits.
            ///
            /// # Errors
            /// The text is anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
                parse_digits(text).map(Self)
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        canonical_text!($name);
    };
}

digits_id!(
    /// A saved search of Sales Navigator.
    SavedSearchId
);
digits_id!(
    /// A lead list of Sales Navigator.
    LeadListId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_1_to_25_ascii_digits() {
        for text in ["0", "50123456", " 7100000000000000001\n", &"9".repeat(25)] {
            assert_eq!(SavedSearchId::parse(text).unwrap().as_str(), text.trim());
            assert_eq!(LeadListId::parse(text).unwrap().as_str(), text.trim());
        }
        for text in [
            "",
            " ",
            "12a",
            "-1",
            "1.0",
            "1 2",
            "٣",
            "1\0",
            &"9".repeat(26),
        ] {
            assert!(SavedSearchId::parse(text).is_err(), "{text:?}");
            assert!(LeadListId::parse(text).is_err(), "{text:?}");
        }
    }
}
