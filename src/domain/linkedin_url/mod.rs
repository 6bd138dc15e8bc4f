//! LinkedIn addresses and ids, as types that can only be made by parsing.
//!
//! Every type holds one canonical text: parsing that text again gives the same value, and two
//! spellings of the same thing give equal values. Reading goes through `address`, which is strict
//! where address libraries are forgiving: what a browser would silently repair (tabs, backslashes,
//! dot segments) is refused, so that no two readers can understand an address differently.

mod address;
mod people_search;
mod post;
mod profile;
mod sales_navigator;

pub use people_search::PeopleSearchUrl;
pub use post::{PostKind, PostUrl};
pub use profile::{ProfileUrl, PublicIdentifier};
pub use sales_navigator::{LeadListId, SavedSearchId};

/// Why a text is not the LinkedIn address that is wanted; Display ends a sentence that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidLinkedinUrl {
    pub reason: &'static str,
}

impl InvalidLinkedinUrl {
    fn because(reason: &'static str) -> Self {
        Self { reason }
    }
}

/// Lets a type with `parse` and `as_str` stand in JSON and in text as its canonical form.
macro_rules! canonical_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = crate::domain::linkedin_url::InvalidLinkedinUrl;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
use canonical_text;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Valid addresses, to be cut, doubled and spoilt.
    const SEEDS: [&str; 7] = [
        "https://www.linkedin.com/in/jos%C3%A9-test/?trk=x#y",
        "https://fr.linkedin.com/in/ACoAAAdemo004",
        "linkedin.com/mwlite/in/Bea-Test",
        "https://www.linkedin.com/posts/ada_words-activity-7300000000000000001-aBcD",
        "https://www.linkedin.com/feed/update/urn%3Ali%3AugcPost%3A7300000000000000001/",
        "https://www.linkedin.com/search/results/people/?network=[\"F\"]&keywords=caf%C3%A9",
        "7100000000000000001",
    ];

    fn mutated_seed() -> impl Strategy<Value = String> {
        let spoilt = prop_oneof![
            ".{0,4}",
            Just("%".to_owned()),
            Just("..".to_owned()),
            Just("@evil.test/".to_owned()),
            Just("%2F%00".to_owned()),
            Just("İΣJ\u{30c}".to_owned()),
        ];
        (
            prop::sample::select(&SEEDS[..]),
            0..90usize,
            0..12usize,
            spoilt,
        )
            .prop_map(|(seed, at, removed, inserted)| {
                let head: String = seed.chars().take(at).collect();
                let tail: String = seed.chars().skip(at.saturating_add(removed)).collect();
                format!("{head}{inserted}{tail}")
            })
    }

    /// Whatever is accepted prints as something that reads as the same value.
    fn assert_printing_and_parsing_agree(text: &str) {
        macro_rules! check {
            ($($name:ident),+) => {
                $(if let Ok(value) = $name::parse(text) {
                    assert_eq!($name::parse(value.as_str()), Ok(value.clone()), "{text:?}");
                    let json = serde_json::to_string(&value).unwrap();
                    assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), value);
                })+
            };
        }
        check!(
            PublicIdentifier,
            ProfileUrl,
            PeopleSearchUrl,
            PostUrl,
            SavedSearchId,
            LeadListId
        );
        if let Ok(identifier) = PublicIdentifier::parse(text) {
            let folded = identifier.folded();
            assert_eq!(PublicIdentifier::parse(&folded).unwrap().folded(), folded);
        }
    }

    /// A second reader, written by others, must see the host and the path that were checked here.
    fn assert_the_url_crate_reads_the_same(text: &str) {
        let fixed = [
            ProfileUrl::parse(text).map(String::from),
            PostUrl::parse(text).map(String::from),
        ];
        for canonical in fixed.into_iter().flatten() {
            assert_eq!(url::Url::parse(&canonical).unwrap().as_str(), canonical);
        }
        if let Ok(search) = PeopleSearchUrl::parse(text) {
            let read = url::Url::parse(search.as_str()).unwrap();
            assert_eq!(read.host_str(), Some("www.linkedin.com"), "{text:?}");
            assert_eq!(read.path(), "/search/results/people/", "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".{0,80}") {
            assert_printing_and_parsing_agree(&text);
            assert_the_url_crate_reads_the_same(&text);
        }

        #[test]
        fn any_slug_is_parsed_or_refused_without_a_panic(slug in "\\PC{1,12}") {
            assert_printing_and_parsing_agree(&slug);
            let address = format!("https://www.linkedin.com/in/{slug}");
            assert_printing_and_parsing_agree(&address);
            assert_the_url_crate_reads_the_same(&address);
        }

        #[test]
        fn spoilt_addresses_are_parsed_or_refused_without_a_panic(text in mutated_seed()) {
            assert_printing_and_parsing_agree(&text);
            assert_the_url_crate_reads_the_same(&text);
        }
    }

    #[test]
    fn stored_text_that_is_no_address_is_refused() {
        let stored = serde_json::from_str::<ProfileUrl>("\"https://evil.test/in/bea\"");
        assert!(stored.unwrap_err().to_string().contains("linkedin.com"));
    }
}
