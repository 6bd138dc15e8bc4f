//! The e-mail look-up: one batch of imported people after the other.

use std::collections::HashMap;

use crate::db::prospects::Lookup;
use crate::db::queue::{StoredAnswer, StoredEmailStatus};
use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailAnswer, EmailFinder};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::worker::retrying::next_try;

/// What came of a batch: whom the finder answered for, and why the others have no answer.
pub struct AnsweredBatch {
    pub answers: Vec<StoredAnswer>,
    /// Everybody up to this row is answered. Some after it may be, too: they are not listed again.
    pub through_row: u32,
    /// `None` when everybody was answered.
    pub stopped_by: Option<UpstreamError>,
}

impl AnsweredBatch {
    /// Nobody is left to be looked up after this row.
    #[must_use]
    pub fn empty(through_row: u32) -> Self {
        Self {
            answers: Vec::new(),
            through_row,
            stopped_by: None,
        }
    }
}

/// Looks up a batch of people, who come after row `after`.
///
/// While nobody is answered it tries again as long as that is worth it. The first answers end it,
/// also when some are missing: an answer may have cost something at the vendor's, so it is stored
/// before anything else is tried.
pub async fn look_up(finder: &dyn EmailFinder, lookups: Vec<Lookup>, after: u32) -> AnsweredBatch {
    let queries: Vec<EmailQuery> = lookups.iter().map(|lookup| lookup.query.clone()).collect();
    let mut failures = 0;
    // The last failure that a call of this batch met.
    let mut met: Option<UpstreamError> = None;
    loop {
        let mut found = finder.find(&queries).await;
        if let Some(error) = &mut found.stopped_by
            && error.fault == UpstreamFault::CircuitOpen
            && let Some(met) = met.take()
        {
            // Refused after failures of its own: that is one more of them.
            *error = met;
        }
        failures += 1;
        let wait = found
            .stopped_by
            .as_ref()
            .filter(|_| found.answered.is_empty())
            .and_then(|error| next_try(error, failures));
        match wait {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                met = found.stopped_by;
            }
            None => return answered_batch(lookups, found, after),
        }
    }
}

fn answered_batch(lookups: Vec<Lookup>, found: BatchAnswers, after: u32) -> AnsweredBatch {
    let mut by_place: HashMap<usize, EmailAnswer> = found.answered.into_iter().collect();
    let mut batch = AnsweredBatch {
        answers: Vec::with_capacity(by_place.len()),
        through_row: after,
        stopped_by: found.stopped_by,
    };
    let mut is_whole = true;
    for (place, lookup) in lookups.into_iter().enumerate() {
        let row = lookup.row;
        match by_place.remove(&place) {
            Some(answer) => batch.answers.push(stored(lookup, answer)),
            None => is_whole = false,
        }
        if is_whole {
            batch.through_row = row;
        }
    }
    batch
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
