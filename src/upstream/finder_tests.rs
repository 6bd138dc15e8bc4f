//! What the tests of the e-mail finders share.

use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailAnswer};

/// Somebody of whom nothing is known.
pub(crate) fn nobody() -> EmailQuery {
    EmailQuery {
        linkedin_url: None,
        first_name: None,
        last_name: None,
        name: None,
        company_name: None,
    }
}

/// Somebody of whom the page is known.
pub(crate) fn with_url(slug: &str) -> EmailQuery {
    EmailQuery {
        linkedin_url: Some(format!("https://www.linkedin.com/in/{slug}")),
        ..nobody()
    }
}

/// In the order of the people: the address and its status, `not found`, or `-` for no answer.
pub(crate) fn shown(people: &[EmailQuery], answers: &BatchAnswers) -> Vec<String> {
    let mut shown = vec!["-".to_owned(); people.len()];
    for (place, answer) in &answers.answered {
        assert_eq!(shown[*place], "-", "one answer for one person");
        shown[*place] = match answer {
            EmailAnswer::Found { email, status } => format!("{email} {status:?}"),
            EmailAnswer::NotFound => "not found".to_owned(),
        };
    }
    let is_whole = answers.answered.len() == people.len();
    assert_eq!(answers.stopped_by.is_none(), is_whole);
    shown
}
