//! One invented person, and how a slug or an id leads back to them.
//!
//! A person is decided by their [`Identity`] alone, whichever source shows them. The slug and both
//! LinkedIn ids carry that identity, so that nothing has to be remembered to resolve them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::upstream::sandbox::names;
use crate::upstream::sandbox::stable::{self, Dice};

/// Somebody whom the sandbox's LinkedIn knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPerson {
    /// The same in all LinkedIn products, and unlike anybody else's.
    pub member_id: String,
    /// `ACo...`
    pub classic_id: String,
    /// `ACw...`
    pub sales_navigator_id: String,
    /// The public identifier; people out of the account's network have none.
    pub slug: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub headline: Option<String>,
    pub title: String,
    pub company: SandboxCompany,
    pub location: String,
}

/// A company that somebody works at, or that comments itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxCompany {
    /// `None` where LinkedIn has no page for it.
    pub id: Option<String>,
    pub name: String,
    pub slug: String,
}

impl SandboxPerson {
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// `https://www.linkedin.com/in/...`, where there is a slug.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.slug.as_deref().map(profile_url)
    }

    /// Numbers for what the page does not fix: the same for the same person.
    pub(super) fn dice(&self) -> Dice {
        Dice::new(stable::hash(&["details", &self.member_id]))
    }
}

impl SandboxCompany {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let heads = &*names::COMPANY_HEADS;
        let trades = &*names::COMPANY_TRADES;
        let name = format!("{} {}", dice.pick(heads), dice.pick(trades));
        let slug = ascii_words(&name, '-');
        let number = 700_000 + stable::hash(&["company", &name]) % 9_000_000;
        Self {
            id: Some(number.to_string()),
            name,
            slug,
        }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("https://www.linkedin.com/company/{}", self.slug)
    }
}

fn profile_url(slug: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    format!(
        "https://www.linkedin.com/in/{}",
        utf8_percent_encode(slug, KEPT)
    )
}

/// Makes the finder fail for the people who carry it at the end of their slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinderMark {
    Down,
    Quota,
}

impl FinderMark {
    pub(super) const ALL: [Self; 2] = [Self::Down, Self::Quota];

    /// The magic word, which is the end of the slug as well.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Down => "finder-down",
            Self::Quota => "finder-quota",
        }
    }

    pub(super) fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| {
            slug.strip_suffix(mark.word())
                .is_some_and(|rest| rest.ends_with('-'))
        })
    }
}

/// Who a person is. The three kinds have member ids of their own ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Of the common pool that every source draws a little from; always with a slug.
    Shared(u32),
    /// Of one source.
    Own(u32),
    /// Made up for a slug that came from outside: a hash below 2^47.
    Asked(u64),
}

const SHARED_BASE: u64 = 900_000_000;
const OWN_BASE: u64 = 1_000_000_000;
const ASKED_BASE: u64 = 10_000_000_000;
const ASKED_BELOW: u64 = 1 << 47;

impl Identity {
    fn asked(text: &str) -> Self {
        Self::Asked(stable::hash(&["asked", text]) % ASKED_BELOW)
    }

    fn number(self) -> u64 {
        match self {
            Self::Shared(index) => SHARED_BASE + u64::from(index) % (OWN_BASE - SHARED_BASE),
            Self::Own(seed) => OWN_BASE + u64::from(seed),
            Self::Asked(hash) => ASKED_BASE + hash,
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        if let Some(hash) = number.checked_sub(ASKED_BASE) {
            return (hash < ASKED_BELOW).then_some(Self::Asked(hash));
        }
        if let Some(seed) = number.checked_sub(OWN_BASE) {
            return u32::try_from(seed).ok().map(Self::Own);
        }
        let index = number.checked_sub(SHARED_BASE)?;
        u32::try_from(index).ok().map(Self::Shared)
    }

    /// The identity that the end of a slug names, if the slug is one of ours.
    fn from_slug(slug: &str) -> Option<Self> {
        let (_, code) = slug.rsplit_once('-')?;
        let value = u32::from_str_radix(code, 16).ok()?;
        match code.len() {
            6 => Some(Self::Shared(value)),
            8 => Some(Self::Own(value)),
            _ => None,
        }
    }

    pub(super) fn person(self, mark: Option<FinderMark>) -> SandboxPerson {
        let number = self.number();
        let mut dice = Dice::new(stable::hash(&["person", &number.to_string()]));
        let culture = dice.pick(&names::CULTURES);
        let first_name = (*dice.pick(&culture.first)).to_owned();
        let last_name = (*dice.pick(&culture.last)).to_owned();
        let location = (*dice.pick(&culture.cities)).to_owned();
        let title = (*dice.pick(&names::TITLES)).to_owned();
        let mut company = SandboxCompany::new(&mut dice);
        if dice.one_in(25) {
            company.id = None;
        }
        let topic = dice.pick(&names::TOPICS);
        let headline = match dice.below(24) {
            0 => None,
            1..=9 => Some(format!("{title} at {}", company.name)),
            10..=14 => Some(format!("{title} | {topic}")),
            15..=19 => Some(format!("{title} @ {} · {topic}", company.name)),
            _ => Some(title.clone()),
        };
        let name = format!("{first_name} {last_name}");
        let words = if dice.one_in(8) {
            unicode_words(&name)
        } else {
            ascii_words(&name, '-')
        };
        let hidden = dice.below(100) < 6;
        let slug = match (self, mark) {
            (Self::Own(seed), Some(mark)) => Some(format!("{words}-{seed:08x}-{}", mark.word())),
            (Self::Own(seed), None) => (!hidden).then(|| format!("{words}-{seed:08x}")),
            (Self::Shared(index), _) => Some(format!("{words}-{index:06x}")),
            (Self::Asked(_), _) => None,
        };
        SandboxPerson {
            member_id: number.to_string(),
            classic_id: LinkedinId::CLASSIC.encode(number),
            sales_navigator_id: LinkedinId::SALES_NAVIGATOR.encode(number),
            slug,
            first_name,
            last_name,
            headline,
            title,
            company,
            location,
        }
    }
}

/// Who has this slug or `ACo`/`ACw` id. Everybody exists whose slug does not begin with `missing-`;
/// a slug that no source brings gets a person of its own.
pub(super) fn find(identifier: &str) -> Option<SandboxPerson> {
    for product in [LinkedinId::CLASSIC, LinkedinId::SALES_NAVIGATOR] {
        if identifier.starts_with(product.prefix) {
            return Some(product.find(identifier));
        }
    }
    let slug = fold(identifier);
    if slug.starts_with("missing-") {
        return None;
    }
    let mark = FinderMark::of_slug(&slug);
    let unmarked = mark.map_or(slug.as_str(), |mark| {
        slug.strip_suffix(mark.word())
            .unwrap_or(&slug)
            .trim_end_matches('-')
    });
    let known = Identity::from_slug(unmarked)
        .map(|identity| identity.person(mark))
        .filter(|person| person.slug.as_ref() == Some(&slug));
    Some(known.unwrap_or_else(|| {
        let mut person = Identity::asked(&slug).person(None);
        if let Some((first, last)) = names_in(&slug) {
            (person.first_name, person.last_name) = (first, last);
        }
        person.slug = Some(slug);
        person
    }))
}

/// The name that a slug such as `ada-testova-42` spells.
fn names_in(slug: &str) -> Option<(String, String)> {
    let mut words = slug
        .split('-')
        .filter(|word| word.chars().count() > 1 && word.chars().all(char::is_alphabetic))
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect::<String>())
                .unwrap_or_default()
        });
    Some((words.next()?, words.next()?))
}

/// How one LinkedIn product spells its ids.
struct LinkedinId {
    prefix: &'static str,
    /// Odd, so that multiplying by it can be undone.
    multiplier: u64,
}

impl LinkedinId {
    const CLASSIC: Self = Self {
        prefix: "ACo",
        multiplier: 0xd134_2543_de82_ef95,
    };
    const SALES_NAVIGATOR: Self = Self {
        prefix: "ACw",
        multiplier: 0xaf25_1af3_b0f0_25b5,
    };

    fn encode(&self, number: u64) -> String {
        let mut dice = Dice::new(number ^ self.multiplier);
        let mut bytes = Vec::with_capacity(24);
        bytes.extend_from_slice(&number.wrapping_mul(self.multiplier).to_be_bytes());
        bytes.extend_from_slice(&dice.roll().to_be_bytes());
        bytes.extend_from_slice(&dice.roll().to_be_bytes());
        format!("{}AA{}", self.prefix, URL_SAFE_NO_PAD.encode(bytes))
    }

    fn decode(&self, id: &str) -> Option<u64> {
        let text = id.strip_prefix(self.prefix)?.strip_prefix("AA")?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let head: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
        let number = u64::from_be_bytes(head).wrapping_mul(self.inverse());
        (self.encode(number) == id).then_some(number)
    }

    /// Newton's iteration: each round doubles the correct bits, beginning with 3.
    fn inverse(&self) -> u64 {
        (0..5).fold(self.multiplier, |inverse, _| {
            let error = self.multiplier.wrapping_mul(inverse);
            inverse.wrapping_mul(2_u64.wrapping_sub(error))
        })
    }

    /// The person with this id; an id that the sandbox never gave out gets a person of its own.
    fn find(&self, id: &str) -> SandboxPerson {
        if let Some(identity) = self.decode(id).and_then(Identity::from_number) {
            return identity.person(None);
        }
        let mut person = Identity::asked(id).person(None);
        if self.prefix == Self::CLASSIC.prefix {
            person.classic_id = id.to_owned();
        } else {
            person.sales_navigator_id = id.to_owned();
        }
        person
    }
}

/// The spelling by which slugs are compared.
pub(super) fn fold(slug: &str) -> String {
    slug.to_lowercase().nfc().collect()
}

/// `Łukasz O'Brien` as `lukasz-obrien`.
pub(super) fn ascii_words(text: &str, separator: char) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.nfd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => written.push(letter.to_ascii_lowercase()),
            'ø' | 'Ø' => written.push('o'),
            'ł' | 'Ł' => written.push('l'),
            'đ' | 'Đ' => written.push('d'),
            'ı' => written.push('i'),
            'æ' | 'Æ' => written.push_str("ae"),
            'ß' => written.push_str("ss"),
            ' ' | '-' => written.push(separator),
            _ => {}
        }
    }
    written
}

fn unicode_words(text: &str) -> String {
    let words: String = text
        .chars()
        .filter(|letter| *letter != '\'')
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect();
    fold(&words)
}
