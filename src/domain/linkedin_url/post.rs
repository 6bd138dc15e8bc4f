//! The address of a post.

use serde::{Deserialize, Serialize};

use crate::domain::linkedin_url::address::Address;
use crate::domain::linkedin_url::{InvalidLinkedinUrl, canonical_text};

/// The kinds of post id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostKind {
    Activity,
    UgcPost,
    Share,
}

impl PostKind {
    /// The word for it in addresses and URNs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::UgcPost => "ugcPost",
            Self::Share => "share",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Activity, Self::UgcPost, Self::Share]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// The address of a post: what kind of id it has, and the id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PostUrl {
    kind: PostKind,
    id: String,
    canonical: String,
}

impl PostUrl {
    /// Reads `/posts/<words>-activity-<id>-<code>` and `/feed/update/urn:li:activity:<id>`.
    ///
    /// # Errors
    /// The text is no address of a post.
    pub fn parse(text: &str) -> Result<Self, InvalidLinkedinUrl> {
        let address = Address::split(text.trim())?;
        // Only the path counts: in the query, `commentUrn` carries an activity of its own.
        let found = match address.segments().as_slice() {
            ["posts", slug, ..] => id_in_slug(slug),
            ["feed", "update", urn, ..] | ["embed", "feed", "update", urn, ..] => id_in_urn(urn),
            _ => None,
        };
        let (kind, id) = found.ok_or_else(|| {
            InvalidLinkedinUrl::because(
                "must be the address of a post, such as https://www.linkedin.com/posts/name_words-activity-7300000000000000001-abcd or https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/",
            )
        })?;
        let canonical = format!(
            "https://www.linkedin.com/feed/update/urn:li:{}:{id}/",
            kind.as_str()
        );
        Ok(Self {
            kind,
            id,
            canonical,
        })
    }

    /// `https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    #[must_use]
    pub fn kind(&self) -> PostKind {
        self.kind
    }

    /// The digits alone.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `urn:li:activity:7300000000000000001`
    #[must_use]
    pub fn urn(&self) -> String {
        format!("urn:li:{}:{}", self.kind.as_str(), self.id)
    }
}

canonical_text!(PostUrl);

/// The last `-<kind>-<digits>`: the words of the post come before it and may look the same.
fn id_in_slug(slug: &str) -> Option<(PostKind, String)> {
    let parts: Vec<&str> = slug.split('-').skip(1).collect();
    parts.windows(2).rev().find_map(|pair| match pair {
        [kind, id] if is_post_id(id) => Some((PostKind::from_text(kind)?, (*id).to_owned())),
        _ => None,
    })
}

fn id_in_urn(segment: &str) -> Option<(PostKind, String)> {
    // Colons are the one thing of a URN that is ever encoded.
    let urn = segment.replace("%3A", ":").replace("%3a", ":");
    let (kind, id) = urn.strip_prefix("urn:li:")?.split_once(':')?;
    is_post_id(id).then_some((PostKind::from_text(kind)?, id.to_owned()))
}

/// 19 digits in every post seen.
fn is_post_id(text: &str) -> bool {
    (10..=25).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7300000000000000001";

    #[test]
    fn every_spelling_of_a_post_gives_its_kind_and_id() {
        for (path, kind) in [
            ("/posts/ada_words-activity-ID-aBcD", PostKind::Activity),
            (
                "/posts/ada_words-activity-ID-aBcD?utm_source=share",
                PostKind::Activity,
            ),
            ("/posts/ada_words-activity-ID-aBcD/", PostKind::Activity),
            ("/posts/ada_words-activity-ID", PostKind::Activity),
            ("/posts/ada_words-ugcPost-ID-x_Y1", PostKind::UgcPost),
            ("/posts/ada_words-share-ID-aBcD", PostKind::Share),
            (
                "/posts/ada_share-activity-7300000000000000099-activity-ID-aBcD",
                PostKind::Activity,
            ),
            (
                "/posts/ada_caf%C3%A9-%E2%9C%93-activity-ID-aBcD",
                PostKind::Activity,
            ),
            ("/posts/ada_café-activity-ID-aBcD", PostKind::Activity),
            ("/feed/update/urn:li:activity:ID/", PostKind::Activity),
            ("/feed/update/urn:li:activity:ID", PostKind::Activity),
            ("/feed/update/urn%3Ali%3AugcPost%3aID/", PostKind::UgcPost),
            ("/feed/update/urn:li:share:ID", PostKind::Share),
            (
                "/feed/update/urn:li:share:ID?commentUrn=urn:li:comment:(activity:7300000000000000099,1)",
                PostKind::Share,
            ),
            ("/embed/feed/update/urn:li:share:ID", PostKind::Share),
        ] {
            let text = format!(" https://www.linkedin.com{} ", path.replace("ID", ID));
            let post = PostUrl::parse(&text).unwrap();
            assert_eq!((post.kind(), post.id()), (kind, ID), "{text}");
            assert_eq!(post.urn(), format!("urn:li:{}:{ID}", kind.as_str()));
            assert_eq!(
                post.as_str(),
                format!("https://www.linkedin.com/feed/update/{}/", post.urn())
            );
        }
    }

    #[test]
    fn what_is_not_a_post_is_refused() {
        for path in [
            "/pulse/title-ada-activity-ID",
            "/events/ID",
            "/groups/ID",
            "/newsletters/x-ID",
            "/feed/",
            "/feed/update/",
            "/feed/update/urn:li:comment:(activity:ID,1)",
            "/feed/update/urn:li:groupPost:1-ID",
            "/feed/update/urn:li:aggregate:ID",
            "/feed/update/urn:li:activity:",
            "/feed/update/urn:li:activity:123456789",
            "/feed/update/urn:li:activity:12345678901234567890123456",
            "/feed/update/urn:li:activity:730000000000000000x",
            "/feed/update/urn:li:activity:٧٣٠٠٠٠٠٠٠٠٠٠",
            "/feed/update/x?u=urn:li:activity:ID",
            "/feed?highlightedUpdateUrn=urn:li:activity:ID",
            "/posts/",
            "/posts/ada_words",
            "/posts/activity-ID-aBcD",
            "/posts/ada_words-activity-IDx",
            "/posts/ada_words-like-ID-aBcD",
            "/in/ada",
            "",
        ] {
            let text = format!("https://www.linkedin.com{}", path.replace("ID", ID));
            assert!(PostUrl::parse(&text).is_err(), "{text}");
        }
        assert!(PostUrl::parse("https://lnkd.in/abc").is_err());
        assert!(PostUrl::parse("urn:li:activity:7300000000000000001").is_err());
    }
}
