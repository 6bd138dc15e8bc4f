//! The e-mail finders. Whichever is asked knows the same people and the same addresses.

pub(super) mod hunter;
pub(super) mod prospeo;

use crate::upstream::sandbox::person::SandboxPerson;
use crate::upstream::sandbox::population::{self, Mailbox};

/// What is known of somebody.
enum Knowledge {
    Person(Box<SandboxPerson>),
    Named {
        name: String,
        company: String,
    },
    Nobody,
    /// Too little was asked.
    Unusable,
}

/// Somebody, and what is known of their address.
struct Found {
    mailbox: Mailbox,
    name: String,
    company: String,
    url: Option<String>,
    title: Option<String>,
}

impl Knowledge {
    /// Who has this page, in the upper and lower case that it was asked in.
    fn of_slug(slug: &str) -> Self {
        population::profile(slug).map_or(Self::Nobody, |person| Self::Person(Box::new(person)))
    }

    fn of_name(name: Option<String>, company: Option<String>) -> Self {
        match (name, company) {
            (Some(name), Some(company)) => Self::Named { name, company },
            _ => Self::Unusable,
        }
    }

    fn found(self) -> Option<Found> {
        match self {
            Self::Person(person) => Some(Found {
                mailbox: population::mailbox_of(&person),
                name: person.name(),
                company: person.company.name.clone(),
                url: person.url(),
                title: Some(person.title),
            }),
            Self::Named { name, company } => Some(Found {
                mailbox: population::mailbox_of_name(&name, &company),
                name,
                company,
                url: None,
                title: None,
            }),
            Self::Nobody | Self::Unusable => None,
        }
    }
}

/// The words of a text with one space between them, if there are any.
fn filled(text: Option<&str>) -> Option<String> {
    let words = text?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then_some(words)
}

/// One name of two.
fn full_name(full: Option<&str>, first: Option<&str>, last: Option<&str>) -> Option<String> {
    filled(full).or_else(|| Some(format!("{} {}", filled(first)?, filled(last)?)))
}
