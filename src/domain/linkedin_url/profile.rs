//! The page of a person, and the name that it carries.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::domain::linkedin_url::address::Address;
use crate::domain::linkedin_url::{InvalidLinkedinUrl, canonical_text};

/// The most characters of a slug. LinkedIn allows 100 today; older slugs are shorter.
const MAX_SLUG_CHARS: usize = 100;
/// The most characters of a profile address, as sent and as canonical form.
const MAX_URL_CHARS: usize = 1_000;
const TOO_LONG: InvalidLinkedinUrl = InvalidLinkedinUrl {
    reason: "must have at most 1,000 characters",
};

/// No slug contains these; they mean that something else was pasted along. A percent sign left
/// after decoding is a broken or a doubled encoding.
const NOT_IN_SLUGS: [char; 15] = [
    '/', '\\', '?', '#', '%', '&', '=', ',', ';', ':', '@', '<', '>', '"', '|',
];

/// What stands in a job's list in place of an erased person. LinkedIn knows no `~` in a name.
const ERASED: &str = "~erased";

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The part after `/in/` of a person's page: decoded, in NFC, in the upper and lower case given.
///
/// Identity is compared by [`folded`](Self::folded), never by this spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicIdentifier(String);

impl PublicIdentifier {
    /// Reads a bare slug, percent-encoded or not.
    ///
    /// # Errors
    /// The text is no slug of a person.
    pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
        let decoded = percent_decode_str(text.trim()).decode_utf8().map_err(|_| {
            InvalidLinkedinUrl::because("must name a person in percent-encoded UTF-8")
        })?;
        let identifier = Self(decoded.nfc().collect());
        let is_dots = matches!(identifier.0.as_str(), "." | "..");
        let is_wrong = |c: char| c.is_control() || c.is_whitespace() || NOT_IN_SLUGS.contains(&c);
        if is_dots || identifier.0.contains(is_wrong) {
            return Err(InvalidLinkedinUrl::because(
                "must name a person without separators, white space or control characters",
            ));
        }
        // Folding can make a text longer, and the folded form must be readable again.
        let allowed = 1..=MAX_SLUG_CHARS;
        if !allowed.contains(&identifier.0.chars().count())
            || !allowed.contains(&identifier.folded().chars().count())
        {
            return Err(InvalidLinkedinUrl::because(
                "must name a person in 1 to 100 characters",
            ));
        }
        Ok(identifier)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the id by which Sales Navigator knows a member.
    #[must_use]
    pub fn is_sales_navigator_id(&self) -> bool {
        self.is_internal_id() && self.0.starts_with("ACw")
    }

    /// What identity is compared by: percent-decoded, NFC, lower case (`ACo`/`ACw` ids keep their case).
    #[must_use]
    pub fn folded(&self) -> String {
        if self.is_internal_id() {
            self.0.clone()
        } else {
            // Lower-casing can leave a letter and an accent that NFC joins, so NFC comes again.
            self.0.to_lowercase().nfc().collect()
        }
    }

    /// Whether LinkedIn's own, case-sensitive id stands where a slug usually does. It differs between
    /// LinkedIn's products.
    ///
    /// It is base64url of a constant and a number, whose high bytes are zero: hence the `AA`, which
    /// tells it from a person called Acosta.
    #[must_use]
    pub fn is_internal_id(&self) -> bool {
        (self.0.starts_with("ACoAA") || self.0.starts_with("ACwAA"))
            && self.0.len() >= 10
            && self
                .0
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    }

    /// `https://www.linkedin.com/in/<percent-encoded folded identifier>`
    #[must_use]
    pub fn url(&self) -> String {
        let folded = self.folded();
        format!(
            "https://www.linkedin.com/in/{}",
            utf8_percent_encode(&folded, ENCODED)
        )
    }
}

canonical_text!(PublicIdentifier);

/// The address of a person's page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileUrl {
    /// In folded form.
    identifier: PublicIdentifier,
    canonical: String,
}

impl ProfileUrl {
    /// Reads an address such as `https://fr.linkedin.com/in/bea-test/details/skills/?trk=x`.
    ///
    /// # Errors
    /// The text is no address of a person's page.
    pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
        let text = text.trim();
        if text.chars().count() > MAX_URL_CHARS {
            return Err(TOO_LONG);
        }
        let slug = slug_of(&Address::split(text)?)?;
        let identifier = PublicIdentifier(PublicIdentifier::parse(slug)?.folded());
        let canonical = identifier.url();
        if canonical.len() > MAX_URL_CHARS {
            return Err(TOO_LONG);
        }
        Ok(Self {
            identifier,
            canonical,
        })
    }

    /// `https://www.linkedin.com/in/<percent-encoded folded identifier>`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// Whether an erased person's address stood here.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.identifier.0 == ERASED
    }

    /// The decoded part after `/in/`, which the provider is asked for.
    #[must_use]
    pub fn identifier(&self) -> PublicIdentifier {
        self.identifier.clone()
    }
}

canonical_text!(ProfileUrl);

fn slug_of<'a>(address: &Address<'a>) -> Result<&'a str, InvalidLinkedinUrl> {
    let segments = address.segments();
    // Old mobile pages carry the same path behind a prefix.
    let segments = match segments.as_slice() {
        [first, rest @ ..] if is_one_of(first, &["mwlite", "m"]) => rest,
        all => all,
    };
    match segments {
        [first, slug, ..] if is_one_of(first, &["in"]) && !slug.is_empty() => Ok(slug),
        [first, second, ..]
            if is_one_of(first, &["sales"]) && is_one_of(second, &["lead", "people"]) =>
        {
            Err(InvalidLinkedinUrl::because(
                "must be the person's public address (linkedin.com/in/name), not a Sales Navigator lead",
            ))
        }
        _ => Err(InvalidLinkedinUrl::because(
            "must be the address of a person, such as https://www.linkedin.com/in/name",
        )),
    }
}

fn is_one_of(segment: &str, names: &[&str]) -> bool {
    names.iter().any(|name| segment.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_profile_becomes_its_canonical_address() {
        let bea = "https://www.linkedin.com/in/bea-test";
        let jose = "https://www.linkedin.com/in/jos%C3%A9-test";
        for (text, canonical) in [
            ("https://www.linkedin.com/in/bea-test", bea),
            ("https://www.linkedin.com/in/bea-test/", bea),
            (
                "https://www.linkedin.com/in/bea-test?trk=x&originalSubdomain=fr",
                bea,
            ),
            ("https://www.linkedin.com/in/bea-test#x", bea),
            ("https://fr.linkedin.com/in/bea-test", bea),
            ("http://www.linkedin.com/in/bea-test", bea),
            ("m.linkedin.com/in/bea-test", bea),
            ("linkedin.com/in/bea-test", bea),
            (" \t\nhttps://www.linkedin.com/in/Bea-Test\r\n", bea),
            ("https://www.linkedin.com/in/bea-test/en", bea),
            (
                "https://www.linkedin.com/in/bea-test/details/experience/",
                bea,
            ),
            (
                "https://www.linkedin.com/in/bea-test/recent-activity/all/",
                bea,
            ),
            (
                "https://www.linkedin.com/in/bea-test/overlay/contact-info",
                bea,
            ),
            ("https://www.linkedin.com/mwlite/in/bea-test", bea),
            ("https://www.linkedin.com/m/in/bea-test", bea),
            ("https://www.linkedin.com/In/bea%2Dtest", bea),
            ("https://www.linkedin.com/in/jos%C3%A9-test", jose),
            ("https://www.linkedin.com/in/jos%c3%a9-test", jose),
            ("https://www.linkedin.com/in/josé-test", jose),
            ("https://www.linkedin.com/in/JOSE%CC%81-TEST", jose),
            (
                "https://www.linkedin.com/in/ACoAAB9x8Y7z",
                "https://www.linkedin.com/in/ACoAAB9x8Y7z",
            ),
            (
                "https://www.linkedin.com/in/ACosta-Maria",
                "https://www.linkedin.com/in/acosta-maria",
            ),
            (
                "https://www.linkedin.com/in/a.b_c~d'e",
                "https://www.linkedin.com/in/a.b_c~d%27e",
            ),
        ] {
            assert_eq!(
                ProfileUrl::parse(text).unwrap().as_str(),
                canonical,
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_not_the_page_of_a_person_is_refused() {
        for path in [
            "",
            "/",
            "/in",
            "/in/",
            "/in//",
            "//in/bea",
            "/bea-test",
            "/pub/bea-test/1/2a/3b4",
            "/public-profile/in/bea-test",
            "/profile/view?id=1",
            "/sales/profile/1,x",
            "/talent/profile/x",
            "/company/acme",
            "/school/x",
            "/showcase/x",
            "/groups/1",
            "/jobs/view/1",
            "/feed/",
            "/posts/x-activity-7300000000",
            "/search/results/people/?keywords=x",
            "/company/../in/bea",
            "/in/../in/bea",
            "/in/.",
            "/in/..",
            "/in/%2e%2E",
            "/in/a%2Fb",
            "/in/a%5Cb",
            "/in/a%3Fb",
            "/in/a%23b",
            "/in/%20",
            "/in/a%20b",
            "/in/a%0Ab",
            "/in/a%00",
            "/in/a%C2%85",
            "/in/a%E2%80%A8",
            "/in/%ff",
            "/in/%C3",
            "/in/100%",
            "/in/a%zz",
            "/in/jos%25C3%25A9",
            "/in/a,linkedin.com",
            "/in/a%CD%BEb",
        ] {
            let text = format!("https://www.linkedin.com{path}");
            assert!(ProfileUrl::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sales_navigator_lead_is_refused_with_the_way_out() {
        for path in ["lead/ACwAAA1x2y3z,NAME_SEARCH,xyz", "people/ACwAAA1x2y3z,x"] {
            let text = format!("https://www.linkedin.com/sales/{path}");
            let reason = ProfileUrl::parse(&text).unwrap_err().reason;
            assert!(reason.contains("linkedin.com/in/"), "{reason}");
        }
    }

    #[test]
    fn lengths_are_limited_as_sent_and_as_canonical_form() {
        let url = |slug: &str| format!("https://www.linkedin.com/in/{slug}");
        assert!(ProfileUrl::parse(&url(&"x".repeat(100))).is_ok());
        assert!(ProfileUrl::parse(&url(&"x".repeat(101))).is_err());
        assert!(ProfileUrl::parse(&url(&"語".repeat(100))).is_ok());
        // 100 characters, but 1,228 in the canonical form.
        assert!(ProfileUrl::parse(&url(&"😀".repeat(100))).is_err());
        // Lower case is two characters each.
        assert!(ProfileUrl::parse(&url(&"İ".repeat(60))).is_err());

        let padded = |length: usize| {
            let start = url("bea?");
            format!("{start}{}", "x".repeat(length - start.len()))
        };
        assert!(ProfileUrl::parse(&padded(1_000)).is_ok());
        assert!(ProfileUrl::parse(&padded(1_001)).is_err());
    }

    #[test]
    fn an_identifier_keeps_its_spelling_and_compares_folded() {
        let given = PublicIdentifier::parse(" Jos%C3%89-Test ").unwrap();
        assert_eq!(given.as_str(), "JosÉ-Test");
        assert_eq!(given.folded(), "josé-test");
        assert_eq!(given.url(), "https://www.linkedin.com/in/jos%C3%A9-test");
        let profile = ProfileUrl::parse(&given.url()).unwrap();
        assert_eq!(profile.identifier().as_str(), "josé-test");
        // Has no composed upper-case form, but a composed lower-case one.
        let caron = PublicIdentifier::parse("J\u{30c}").unwrap();
        assert_eq!(caron.folded(), "\u{1f0}");
    }
}
