//! What an e-mail finder offers.

use async_trait::async_trait;

use crate::domain::person::{EmailQuery, EmailStatus};
use crate::upstream::error::UpstreamError;

/// The longest address that mail can be sent to, in bytes.
const LONGEST_EMAIL: usize = 254;
/// The most characters of a vendor's word that are shown.
const LONGEST_WORD: usize = 60;

/// The finder's answer about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailAnswer {
    Found { email: String, status: EmailStatus },
    NotFound,
}

impl EmailAnswer {
    /// A found address, unless it is masked or cannot be one: that is as good as none.
    pub(crate) fn found(address: &str, status: EmailStatus) -> Self {
        let address = address.trim();
        if is_address(address) {
            Self::Found {
                email: address.to_owned(),
                status,
            }
        } else {
            Self::NotFound
        }
    }
}

/// One `@` with something on either side, bounded, and nothing that shows a mask or harms a header.
fn is_address(text: &str) -> bool {
    let harmful = |char: char| char.is_whitespace() || char.is_control() || char == '*';
    text.len() <= LONGEST_EMAIL
        && !text.chars().any(harmful)
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
}

/// What became of a batch: who was answered, and why the others were not.
pub struct BatchAnswers {
    /// Answers in any order, each with its person's place in the batch, from 0; no place twice.
    pub answered: Vec<(usize, EmailAnswer)>,
    /// `None` exactly when everybody in the batch was answered.
    pub stopped_by: Option<UpstreamError>,
}

/// What a finder says about the account that our key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinderAccount {
    /// The plan, as the vendor names it.
    pub plan: Option<String>,
    /// What is used and what is left, in the vendor's own terms.
    pub usage: Option<String>,
    /// The vendor says that nothing is left.
    pub is_used_up: bool,
}

/// A vendor's word, fit to be printed on a terminal.
pub(crate) fn printable(text: &str) -> Option<String> {
    let visible = text.chars().filter(|char| !char.is_control());
    let text: String = visible.take(LONGEST_WORD).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[async_trait]
pub trait EmailFinder: Send + Sync {
    /// The most people one call of [`EmailFinder::find`] takes.
    fn batch_size(&self) -> u32;

    /// Looks up a batch of at most [`EmailFinder::batch_size`] people. One attempt for each; asking
    /// again for those who were left out is the caller's decision.
    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers;

    /// Asks for our account there, which costs nothing: do address and key work, and is anything
    /// left?
    async fn check(&self) -> Result<FinderAccount, UpstreamError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_and_what_is_no_address_are_not_found() {
        let longest = format!("{}@example.com", "x".repeat(LONGEST_EMAIL - 12));
        for good in ["bea@example.com", " bea@example.com\n", longest.as_str()] {
            let answer = EmailAnswer::found(good, EmailStatus::Valid);
            let email = good.trim().to_owned();
            let status = EmailStatus::Valid;
            assert_eq!(answer, EmailAnswer::Found { email, status });
        }
        for bad in [
            "",
            "b**@example.com",
            "bea@*******.com",
            "example.com",
            "@example.com",
            "bea@",
            "a@b@example.com",
            "be a@example.com",
            "bea\u{0}@example.com",
            "bea@example.com\r\nBcc: cy@example.com",
            &format!("x{longest}"),
        ] {
            let answer = EmailAnswer::found(bad, EmailStatus::Valid);
            assert_eq!(answer, EmailAnswer::NotFound, "{bad:?}");
        }
    }
}
