//! What an e-mail finder offers.

use async_trait::async_trait;

use crate::domain::person::{EmailQuery, EmailStatus};
use crate::upstream::error::UpstreamError;

/// The finder's answer about one person.
#[derive(Clone, PartialEq, Eq)]
pub enum EmailAnswer {
    Found { email: String, status: EmailStatus },
    NotFound,
}

/// What became of a batch: answers for its first people, in order, and why the rest has none.
pub struct BatchAnswers {
    pub answered: Vec<EmailAnswer>,
    /// `None` exactly when everybody in the batch was answered.
    pub stopped_by: Option<UpstreamError>,
}

#[async_trait]
pub trait EmailFinder: Send + Sync {
    /// The most people one call of [`EmailFinder::find`] takes.
    fn batch_size(&self) -> u32;

    /// Looks up a batch of at most [`EmailFinder::batch_size`] people. One attempt; retrying what
    /// was left out is the caller's decision.
    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers;
}
