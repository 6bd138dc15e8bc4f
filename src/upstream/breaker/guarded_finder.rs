//! An e-mail finder behind its breaker.

use std::hash::{BuildHasher, RandomState};

use async_trait::async_trait;

use crate::domain::person::EmailQuery;
use crate::upstream::breaker::Breaker;
use crate::upstream::email_finder::{BatchAnswers, EmailFinder, FinderAccount};
use crate::upstream::error::UpstreamError;

/// As many failures in a row as a batch gets tries: a batch that is at fault itself gets all of them.
const THRESHOLD: u32 = 5;

/// Passes batches on while the finder works.
///
/// A finder has no call that concerns nobody, so each call is vital, and each batch is a party of its
/// own, told by its first person: one batch that fails each time opens the circuit for itself only.
pub struct GuardedFinder<Finder> {
    finder: Finder,
    breaker: Breaker<u64>,
    hashing: RandomState,
}

impl<Finder: EmailFinder> GuardedFinder<Finder> {
    /// `name` is the finder's name in logs and metrics.
    pub fn new(name: &'static str, finder: Finder) -> Self {
        Self {
            finder,
            breaker: Breaker::new(name, THRESHOLD),
            hashing: RandomState::new(),
        }
    }
}

#[async_trait]
impl<Finder: EmailFinder> EmailFinder for GuardedFinder<Finder> {
    /// Goes past the breaker: whoever checks wants to know about the finder itself.
    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        self.finder.check().await
    }

    fn batch_size(&self) -> u32 {
        self.finder.batch_size()
    }

    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        let batch = self.hashing.hash_one(people.first());
        let permit = match self.breaker.admit_vital("find", &batch) {
            Ok(permit) => permit,
            Err(refusal) => {
                return BatchAnswers {
                    answered: Vec::new(),
                    stopped_by: Some(refusal),
                };
            }
        };
        let found = self.finder.find(people).await;
        // A finder that answered for some of them is well.
        let failed = found.stopped_by.as_ref();
        permit.settle(failed.filter(|_| found.answered.is_empty()));
        found
    }
}
