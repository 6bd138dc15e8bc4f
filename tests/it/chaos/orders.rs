//! The jobs that are started, and what each must bring.

use std::collections::HashSet;

use prospector::domain::id::JobId;
use prospector::upstream::sandbox::person::SandboxPerson;
use prospector::upstream::sandbox::population::{self, Row};
use serde_json::{Value, json};

use crate::support::app::search;

/// Eight groups with one kind of source each, half of them with e-mail look-ups, and two with all
/// kinds.
pub(super) const GROUPS: usize = 10;
/// Whom a group has twice depends on the order of its jobs where its sources name people differently:
/// only the groups before this one have books that can be told in advance.
pub(super) const GROUPS_OF_ONE_KIND: usize = 8;

pub(super) struct Order {
    pub(super) group: usize,
    pub(super) body: Value,
    pub(super) idempotency_key: String,
    pub(super) job: Option<JobId>,
    pub(super) expected: Expected,
}

/// What the upstream has for the job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The provider's ids of the people, in the order of the rows.
    pub(super) people: Vec<String>,
    pub(super) fetched: usize,
    pub(super) invalid: usize,
    pub(super) not_found: usize,
}

impl Order {
    /// The same for the same number, in every run.
    pub(super) fn number(number: usize) -> Self {
        let (group, round) = (number % GROUPS, number / GROUPS);
        let size = 30 + (round * 17 + group * 7) % 70;
        let kind = if group < GROUPS_OF_ONE_KIND {
            group % 4
        } else {
            group + round
        };
        let (mut body, expected) = match kind % 4 {
            0 => search_order(group, round, size),
            1 => sales_navigator_order(number, size),
            2 => post_order(number, size),
            _ => upload_order(group, round, size / 2),
        };
        body["searchEmails"] = json!(group >= 4 && group != GROUPS_OF_ONE_KIND);
        body["metadata"] = json!({"number": number.to_string()});
        Self {
            group,
            body,
            idempotency_key: format!("order-{number}"),
            job: None,
            expected,
        }
    }
}

fn search_order(group: usize, round: usize, size: usize) -> (Value, Expected) {
    let keywords = format!("chaos{group}x{round}+results-{size}+slow-20");
    let rows = population::rows_of_search(&keywords);
    // Every third one ends at its ceiling.
    let most = if round % 3 == 2 { size - 12 } else { 500 };
    let mut expected = Expected::of(&rows, |person| &person.classic_id);
    if most < size {
        expected.people.truncate(most);
        expected.fetched = 0;
    }
    let most = most.try_into().unwrap();
    (search(&keywords, most), expected)
}

fn sales_navigator_order(number: usize, size: usize) -> (Value, Expected) {
    let id = format!("5{number:06}{size:04}");
    let (field, rows) = if number % 20 < 10 {
        ("savedSearchId", population::rows_of_saved_search(&id))
    } else {
        ("leadListId", population::rows_of_lead_list(&id))
    };
    let body = json!({"source": "sales_navigator", field: id, "maxResults": 500});
    (
        body,
        Expected::of(&rows, |person| &person.sales_navigator_id),
    )
}

fn post_order(number: usize, size: usize) -> (Value, Expected) {
    let id = format!("73{number:013}{size:04}");
    let post = format!("https://www.linkedin.com/posts/ada_x-activity-{id}-aBcD");
    let body = json!({"source": "post_commenters", "postUrl": post, "maxResults": 500});
    let rows = population::rows_of_post(&id);
    (body, Expected::of(&rows, |person| &person.classic_id))
}

fn upload_order(group: usize, round: usize, size: usize) -> (Value, Expected) {
    let mut expected = Expected::default();
    let mut urls = Vec::new();
    for index in 0..size {
        let slug = match index {
            3 => format!("missing-{group}-{round}"),
            // Half a second: long enough for a kill.
            11 => format!("slow-{group}-{round}"),
            _ => format!("somebody-{group}-{round}-{index}"),
        };
        match index {
            3 => expected.not_found += 1,
            _ => expected
                .people
                .push(population::profile(&slug).unwrap().classic_id),
        }
        urls.push(format!("https://www.linkedin.com/in/{slug}"));
    }
    expected.fetched = size;
    (json!({"source": "url_upload", "urls": urls}), expected)
}

impl Expected {
    fn of(rows: &[Row], id: impl Fn(&SandboxPerson) -> &String) -> Self {
        let mut seen = HashSet::new();
        let mut expected = Self {
            fetched: rows.len(),
            ..Self::default()
        };
        for row in rows {
            match row {
                Row::Company(_) => expected.invalid += 1,
                Row::Person(person) if seen.insert(&person.member_id) => {
                    expected.people.push(id(person).clone());
                }
                Row::Person(_) => {}
            }
        }
        expected
    }
}
