//! How new people and what comes on top of them take turns: arithmetic only.
//!
//! Everything goes in blocks of 20 new people. The last row is a new person, however the rows are
//! cut into pages: below a post, the last person replies to the last comment.

pub(super) const PEOPLE_PER_BLOCK: u32 = 20;

/// The places in a block whose people say something in a reply only.
const REPLY_ONLY: [u32; 2] = [9, 19];
/// Every so many blocks two people have a long exchange below a comment of one of them.
const EXCHANGE_EVERY: u32 = 4;
const EXCHANGE_REPLIES: u32 = 12;

/// The order of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Searches and lists: 20 people, a repeat.
    Found,
    /// Searches that show companies too: 3 people, a company, 17 people, a repeat.
    Mixed,
    /// Comments: 3 people, a company, 3 people, a repeat, 3 people, 9 people. One person replies to
    /// the comment before these 9, one to the last of them.
    Discussed,
}

/// What stands at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The person with this number, from 0.
    Person(u32),
    /// Somebody who was there before.
    Repeat,
    /// A company; the number tells those of one block apart.
    Company(u32),
}

impl Layout {
    pub(super) fn block_rows(self) -> u32 {
        match self {
            Self::Found => 21,
            Self::Mixed => 22,
            Self::Discussed => 20,
        }
    }

    pub(super) fn people_before_repeat(self) -> u32 {
        match self {
            Self::Found | Self::Mixed => 20,
            Self::Discussed => 6,
        }
    }

    /// What the row at `index` holds, as if there were no end.
    pub(super) fn slot(self, index: u32) -> Slot {
        let block = index / self.block_rows();
        let place = index % self.block_rows();
        let person = match (self, place) {
            (Self::Found, 20) | (Self::Mixed, 21) | (Self::Discussed, 7) => return Slot::Repeat,
            (Self::Mixed | Self::Discussed, 3) => return Slot::Company(0),
            (Self::Found, _) | (Self::Mixed | Self::Discussed, 0..3) => place,
            (Self::Discussed, 8..11) => place - 2,
            (Self::Mixed | Self::Discussed, _) => place - 1,
        };
        Slot::Person(block * PEOPLE_PER_BLOCK + person)
    }

    /// The rows of a source with so many people: up to the last who has a row, nothing after them.
    pub(super) fn row_count(self, people: u32) -> u32 {
        let last = match self {
            Self::Found | Self::Mixed => people.checked_sub(1),
            Self::Discussed => last_commenter(people),
        };
        let Some(last) = last else {
            return 0;
        };
        let place = last % PEOPLE_PER_BLOCK;
        let row = match (self, place) {
            (Self::Found, _) | (Self::Mixed | Self::Discussed, 0..3) => place,
            (Self::Discussed, 6..9) => place + 2,
            (Self::Mixed | Self::Discussed, _) => place + 1,
        };
        last / PEOPLE_PER_BLOCK * self.block_rows() + row + 1
    }

    /// The replies to the comment at `index` of a post with so many people: first those of people who
    /// were there before, then those of new ones.
    pub(super) fn replies(self, index: u32, people: u32) -> Vec<Slot> {
        let (Self::Discussed, Slot::Person(commenter)) = (self, self.slot(index)) else {
            return Vec::new();
        };
        let first_of_block = commenter - commenter % PEOPLE_PER_BLOCK;
        let block = commenter / PEOPLE_PER_BLOCK;
        let mut replies = match commenter - first_of_block {
            4 if block % EXCHANGE_EVERY == 1 => (0..EXCHANGE_REPLIES)
                .map(|turn| Slot::Person(commenter - (turn + 1) % 2))
                .collect(),
            8 => vec![Slot::Person(first_of_block + 6)],
            18 => vec![Slot::Company(1)],
            _ => Vec::new(),
        };
        let new = (commenter + 1..people).take_while(|person| !has_comment(*person, people));
        replies.extend(new.map(Slot::Person));
        replies
    }
}

fn last_commenter(people: u32) -> Option<u32> {
    (0..people)
        .rev()
        .find(|person| has_comment(*person, people))
}

fn has_comment(person: u32, people: u32) -> bool {
    let is_last_of_several = person > 0 && person + 1 == people;
    !is_last_of_several && !REPLY_ONLY.contains(&(person % PEOPLE_PER_BLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_post_everybody_is_new_once_and_the_last_reply_is_somebody_new() {
        for people in 0..130 {
            let layout = Layout::Discussed;
            let mut new = Vec::new();
            let mut last = Vec::new();
            for index in 0..layout.row_count(people) {
                let comment = layout.slot(index);
                last = layout.replies(index, people);
                for slot in std::iter::once(comment).chain(last.clone()) {
                    match slot {
                        Slot::Person(person) if !new.contains(&person) => new.push(person),
                        _ => {}
                    }
                }
            }
            assert_eq!(new, (0..people).collect::<Vec<_>>());
            if people > 1 {
                assert_eq!(last.last(), Some(&Slot::Person(people - 1)), "{people}");
            }
        }
    }
}
