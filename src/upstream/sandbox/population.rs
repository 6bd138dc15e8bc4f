//! Who is found where: pure functions of the text, id or slug, the same in every process.
//!
//! The server answers from these, and so may whoever wants to know what a job must bring. A source
//! of `N` different people has more than `N` rows: repeats (and companies, below posts) come on
//! top, but never last, so that the last row always is somebody new. Below posts, some of the people
//! say something in replies only. About 8 % of a source's people come from a pool that all sources
//! share.

use crate::upstream::sandbox::layout::{Layout, PEOPLE_PER_BLOCK, Slot};
use crate::upstream::sandbox::magic::{self, Magic};
use crate::upstream::sandbox::person::{self, FinderMark, Identity, SandboxCompany, SandboxPerson};
use crate::upstream::sandbox::stable::{self, Dice};

/// One row of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Person(Box<SandboxPerson>),
    /// Only below posts, and in searches that ask for them.
    Company(SandboxCompany),
}

/// An address that the finder brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxEmail {
    pub address: String,
    pub verified: bool,
}

/// What a search with these keywords brings, also as a Sales Navigator search. A search without
/// keywords goes by its whole query text.
#[must_use]
pub fn rows_of_search(keywords: &str) -> Vec<Row> {
    Source::search(keywords).rows()
}

/// What the saved search with this id brings.
#[must_use]
pub fn rows_of_saved_search(id: &str) -> Vec<Row> {
    Source::saved_search(id).rows()
}

/// What the lead list with this id brings.
#[must_use]
pub fn rows_of_lead_list(id: &str) -> Vec<Row> {
    Source::lead_list(id).rows()
}

/// Everything below the post with these digits, none if the post is unknown: in the order in which
/// a job reads it that wants everybody, 25 comments and then the replies to them.
#[must_use]
pub fn rows_of_post(id: &str) -> Vec<Row> {
    let Some(source) = Source::post(id) else {
        return Vec::new();
    };
    let comments: Vec<u32> = (0..source.row_count()).collect();
    let mut rows = Vec::new();
    for page in comments.chunks(COMMENTS_PER_PAGE) {
        rows.extend(page.iter().filter_map(|index| source.row(*index)));
        rows.extend(page.iter().flat_map(|index| source.replies(*index)));
    }
    rows
}

/// Who has this public identifier or `ACo`/`ACw` id; `None` for `missing-`.
///
/// For `error-` there is a person here, but the server refuses to show them.
#[must_use]
pub fn profile(identifier: &str) -> Option<SandboxPerson> {
    person::find(identifier)
}

/// The address that the finder brings, asked by the person's page, or by name and company where
/// they have none. `finder-down` and `finder-quota` are not looked at.
#[must_use]
pub fn email_of(person: &SandboxPerson) -> Option<SandboxEmail> {
    match mailbox_of(person) {
        Mailbox::Open(email) => Some(email),
        Mailbox::Masked(_) | Mailbox::None => None,
    }
}

/// The owner of a connected account.
pub(super) fn owner(account: &str) -> SandboxPerson {
    let seed = stable::low_half(stable::hash(&["owner", account]));
    Identity::Own(seed).person(None)
}

/// What the finder knows of somebody's address.
pub(super) enum Mailbox {
    Open(SandboxEmail),
    /// There is one, but this plan does not show it: as it is shown.
    Masked(String),
    None,
}

pub(super) fn mailbox_of(person: &SandboxPerson) -> Mailbox {
    match &person.slug {
        Some(slug) => mailbox(&["mailbox", slug], &person.name(), &person.company.name),
        None => mailbox_of_name(&person.name(), &person.company.name),
    }
}

pub(super) fn mailbox_of_name(name: &str, company: &str) -> Mailbox {
    let parts = ["mailbox", &person::fold(name), &person::fold(company)];
    mailbox(&parts, name, company)
}

fn mailbox(decided_by: &[&str], name: &str, company: &str) -> Mailbox {
    let local = person::ascii_words(name, '.');
    let local = local.trim_matches('.');
    let domain = person::ascii_words(company, '-');
    let domain = domain.trim_matches('-');
    if local.is_empty() || domain.is_empty() {
        return Mailbox::None;
    }
    let address = format!("{local}@{domain}.example");
    match stable::hash(decided_by) % 100 {
        0..=56 => Mailbox::Open(SandboxEmail {
            address,
            verified: true,
        }),
        57..=66 => Mailbox::Open(SandboxEmail {
            address,
            verified: false,
        }),
        67..=72 => Mailbox::Masked(format!("{}***@{domain}.example", &local[..1])),
        _ => Mailbox::None,
    }
}

/// One source of rows. Any row is computed by itself, so that a page costs what it shows.
#[derive(Debug, Clone)]
pub(super) struct Source {
    layout: Layout,
    people: u32,
    mark: Option<FinderMark>,
    seed: u64,
}

/// Every so many people one of the shared pool.
const SHARED_EVERY: u32 = 12;
/// How many comments a job reads at a time.
const COMMENTS_PER_PAGE: usize = 25;

impl Source {
    pub(super) fn search(keywords: &str) -> Self {
        let magic = Magic::parse(keywords);
        let text = magic::words(keywords).collect::<Vec<_>>().join(" ");
        let layout = if magic.with_companies {
            Layout::Mixed
        } else {
            Layout::Found
        };
        Self {
            layout,
            people: magic.people,
            mark: magic.finder,
            seed: stable::hash(&["search", &text]),
        }
    }

    pub(super) fn saved_search(id: &str) -> Self {
        Self::with_id(Layout::Found, "saved search", id)
    }

    pub(super) fn lead_list(id: &str) -> Self {
        Self::with_id(Layout::Found, "lead list", id)
    }

    /// `None` where there is no such post.
    pub(super) fn post(id: &str) -> Option<Self> {
        let is_known = !id.ends_with("40400");
        is_known.then(|| Self::with_id(Layout::Discussed, "post", id))
    }

    fn with_id(layout: Layout, kind: &str, id: &str) -> Self {
        let digits: String = id.chars().filter(char::is_ascii_digit).collect();
        let last_four = &digits[digits.len().saturating_sub(4)..];
        Self {
            layout,
            people: last_four.parse().unwrap_or(0),
            mark: None,
            seed: stable::hash(&[kind, &digits]),
        }
    }

    /// How many different people there are.
    pub(super) fn people(&self) -> u32 {
        self.people
    }

    /// How many rows there are; below a post, comments.
    pub(super) fn row_count(&self) -> u32 {
        self.layout.row_count(self.people)
    }

    /// How many replies there are to all comments.
    pub(super) fn reply_count(&self) -> u32 {
        let comments = 0..self.row_count();
        let replies = comments.map(|index| self.layout.replies(index, self.people).len());
        u32::try_from(replies.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The replies to the comment at `index`.
    pub(super) fn replies(&self, index: u32) -> Vec<Row> {
        let slots = self.layout.replies(index, self.people);
        slots
            .into_iter()
            .map(|slot| self.filled(slot, index))
            .collect()
    }

    /// The row at `index`, `None` past the end.
    pub(super) fn row(&self, index: u32) -> Option<Row> {
        if index >= self.row_count() {
            return None;
        }
        Some(self.filled(self.layout.slot(index), index))
    }

    /// Who stands in a slot of the row at `index`, or of a reply to it.
    fn filled(&self, slot: Slot, index: u32) -> Row {
        let block = index / self.layout.block_rows();
        match slot {
            Slot::Person(number) => self.person(number),
            Slot::Repeat => self.person(self.repeated_in(block)),
            Slot::Company(turn) => {
                let turn = u64::from(turn) << 32 | u64::from(block);
                let mut dice = Dice::new(self.seed ^ turn.rotate_left(40));
                Row::Company(SandboxCompany::new(&mut dice))
            }
        }
    }

    fn rows(&self) -> Vec<Row> {
        (0..self.row_count())
            .filter_map(|index| self.row(index))
            .collect()
    }

    fn person(&self, number: u32) -> Row {
        let mut dice = Dice::new(self.seed);
        let step = stable::low_half(dice.roll()) | 1;
        let start = stable::low_half(dice.roll());
        let shared_at = dice.below(SHARED_EVERY);
        let shared_start = dice.below(4);
        // An odd step never meets a number twice before all 2^32 are used up, so nobody repeats.
        let identity = if self.mark.is_none() && number % SHARED_EVERY == shared_at {
            Identity::Shared(shared_start + number / SHARED_EVERY)
        } else {
            Identity::Own(start.wrapping_add(step.wrapping_mul(number)))
        };
        Row::Person(Box::new(identity.person(self.mark)))
    }

    /// Who is repeated in this block: by turns somebody just before and somebody a page back.
    fn repeated_in(&self, block: u32) -> u32 {
        let before = self.layout.people_before_repeat();
        let choice = Dice::new(self.seed ^ u64::from(block)).below(5);
        let newest = block * PEOPLE_PER_BLOCK + before - 1;
        if block.is_multiple_of(2) {
            newest - choice
        } else {
            newest.saturating_sub(PEOPLE_PER_BLOCK + choice)
        }
    }
}
