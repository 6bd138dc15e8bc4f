//! The address of a people search.

use serde::{Deserialize, Serialize};

use crate::domain::linkedin_url::address::{Address, MAX_BYTES};
use crate::domain::linkedin_url::{InvalidLinkedinUrl, canonical_text};

const CANONICAL_START: &str = "https://www.linkedin.com/search/results/people/?";

/// The address of a people search. The query is what was given, byte for byte: its values are JSON
/// arrays, encoded or not, and encoding them anew could make another search of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeopleSearchUrl(String);

impl PeopleSearchUrl {
    /// Reads an address such as `https://www.linkedin.com/search/results/people/?keywords=cto`.
    ///
    /// # Errors
    /// The text is no address of a people search.
    pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
        let address = Address::split(text.trim())?;
        if address.segments().first() == Some(&"sales") {
            return Err(InvalidLinkedinUrl::because(
                "must not be a Sales Navigator address: use the source sales_navigator with savedSearchId or leadListId",
            ));
        }
        if !matches!(
            address.path,
            "/search/results/people" | "/search/results/people/"
        ) {
            return Err(InvalidLinkedinUrl::because(
                "must be the address of a people search, such as https://www.linkedin.com/search/results/people/?keywords=cto",
            ));
        }
        let query = address.query.unwrap_or_default();
        if query.split('&').all(str::is_empty) {
            return Err(InvalidLinkedinUrl::because(
                "must carry the search's filters behind a question mark, such as ?keywords=cto",
            ));
        }
        let canonical = format!("{CANONICAL_START}{query}");
        if canonical.len() > MAX_BYTES {
            return Err(InvalidLinkedinUrl::because("must have at most 8,192 bytes"));
        }
        Ok(Self(canonical))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

canonical_text!(PeopleSearchUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_keeps_its_query_byte_for_byte() {
        for query in [
            "keywords=cto",
            "keywords=",
            "page=2&keywords=head%20of+sales&origin=GLOBAL_SEARCH_HEADER&sid=x%2a",
            "network=%5B%22F%22%2C%22S%22%5D",
            "network=[\"F\",\"S\"]&geoUrn=[\"103644278\"]&currentCompany=['1441']",
            "keywords=café&x=%C3%A9&x=%c3%a9&broken=%zz&a={b}|`c`^",
            "q=a?b&url=https://evil.test/",
        ] {
            let canonical = format!("https://www.linkedin.com/search/results/people/?{query}");
            for start in [
                "https://www.linkedin.com/search/results/people/",
                "https://www.linkedin.com/search/results/people",
                " HTTP://LinkedIn.com/search/results/people/",
                "fr.linkedin.com/search/results/people",
            ] {
                let search = PeopleSearchUrl::parse(&format!("{start}?{query}#top\n")).unwrap();
                assert_eq!(search.as_str(), canonical);
            }
        }
    }

    #[test]
    fn what_is_not_a_people_search_is_refused() {
        for rest in [
            "",
            "/",
            "/search/results/people",
            "/search/results/people/",
            "/search/results/people/?",
            "/search/results/people/?&&",
            "/search/results/people/#keywords=cto",
            "/search/results/people//?keywords=cto",
            "/search/results/people/x?keywords=cto",
            "/search/results/people%2F?keywords=cto",
            "/search/results/all/../people/?keywords=cto",
            "/search/results/all/?keywords=cto",
            "/search/results/companies/?keywords=cto",
            "/search/results/content/?keywords=cto",
            "/jobs/search/?keywords=cto",
            "/search/results/people/?keywords=head of sales",
            "/search/results/people/?keywords=a\0",
            "/search/results/people/?keywords=a\tb",
            "/search/results/people/?keywords=a\\b",
        ] {
            let text = format!("https://www.linkedin.com{rest}");
            assert!(PeopleSearchUrl::parse(&text).is_err(), "{text:?}");
        }
        assert!(
            PeopleSearchUrl::parse("https://evil.test/search/results/people/?keywords=x").is_err()
        );
    }

    #[test]
    fn a_sales_navigator_address_is_told_which_fields_to_use() {
        for rest in [
            "/sales/search/people?query=(filters:List())",
            "/sales/search/people?savedSearchId=50123456&page=2",
            "/sales/lists/people/7100000000000000001?sortCriteria=CREATED_TIME",
            "/sales/search?x=y",
            "/sales/search/company?x=y",
        ] {
            let text = format!("https://www.linkedin.com{rest}");
            let reason = PeopleSearchUrl::parse(&text).unwrap_err().reason;
            assert!(reason.contains("savedSearchId") && reason.contains("leadListId"));
        }
    }

    #[test]
    fn a_search_has_at_most_8_kib_in_its_canonical_form() {
        let of_length = |start: &str, length: usize| {
            PeopleSearchUrl::parse(&format!("{start}{}", "x".repeat(length - start.len())))
        };
        assert!(of_length(CANONICAL_START, MAX_BYTES).is_ok());
        assert!(of_length(CANONICAL_START, MAX_BYTES + 1).is_err());
        // Short as sent, too long once it begins with https://www.
        let bare = "linkedin.com/search/results/people?";
        assert!(of_length(bare, MAX_BYTES).is_err());
    }
}
