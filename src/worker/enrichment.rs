//! The e-mail look-up: one batch of imported people after the other.

use std::collections::VecDeque;

use crate::db::prospects::Lookup;
use crate::db::queue::{StoredAnswer, StoredEmailStatus};
use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{EmailAnswer, EmailFinder};
use crate::upstream::error::UpstreamError;
use crate::worker::retrying::next_try;

/// What came of a batch: answers for its first people, and why the others have none.
pub struct AnsweredBatch {
    pub answers: Vec<StoredAnswer>,
    /// The row of the last person answered.
    pub through_row: Option<u32>,
    pub stopped_by: Option<UpstreamError>,
}

/// Looks up a batch, asking again for those who were left out while that is worth a try.
pub async fn look_up(finder: &dyn EmailFinder, lookups: Vec<Lookup>) -> AnsweredBatch {
    let mut open: VecDeque<Lookup> = lookups.into();
    let mut batch = AnsweredBatch {
        answers: Vec::new(),
        through_row: None,
        stopped_by: None,
    };
    let mut failures = 0;
    loop {
        let queries: Vec<EmailQuery> = open.iter().map(|lookup| lookup.query.clone()).collect();
        let found = finder.find(&queries).await;
        if !found.answered.is_empty() {
            failures = 0;
        }
        for answer in found.answered {
            let Some(lookup) = open.pop_front() else {
                break;
            };
            batch.through_row = Some(lookup.row);
            batch.answers.push(stored(lookup, answer));
        }
        let Some(error) = found.stopped_by else {
            return batch;
        };
        failures += 1;
        match next_try(&error, failures) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => {
                batch.stopped_by = Some(error);
                return batch;
            }
        }
    }
}

fn stored(lookup: Lookup, answer: EmailAnswer) -> StoredAnswer {
    match answer {
        EmailAnswer::Found { email, status } => StoredAnswer {
            prospect_id: lookup.prospect_id,
            email: Some(email),
            email_status: status.into(),
        },
        EmailAnswer::NotFound => StoredAnswer {
            prospect_id: lookup.prospect_id,
            email: None,
            email_status: StoredEmailStatus::NotFound,
        },
    }
}
