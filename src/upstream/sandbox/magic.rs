//! The words in a search's keywords that make the sandbox misbehave on purpose.
//!
//! All but the counters is decided by the text alone. The counters (how often a search has failed
//! already) live in memory, belong to one server and are bounded: the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::upstream::sandbox::person::FinderMark;
use crate::upstream::sandbox::stable;

const DEFAULT_PEOPLE: u32 = 60;
const MOST_PEOPLE: u32 = 5_000;
const MOST_SLOW_MS: u32 = 600_000;
const MOST_COUNTERS: usize = 10_000;

/// What a search's keywords ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Magic {
    pub(super) people: u32,
    pub(super) slow: Option<Duration>,
    pub(super) hangs: u32,
    pub(super) failures: u32,
    pub(super) refusals: u32,
    pub(super) limit_seconds: Option<u32>,
    pub(super) throttles: u32,
    pub(super) disconnect_at: Option<u32>,
    pub(super) broken_json: bool,
    pub(super) html: bool,
    pub(super) with_companies: bool,
    pub(super) only_companies: bool,
    pub(super) finder: Option<FinderMark>,
}

impl Magic {
    /// Reads the words; where one is given twice the first counts, and what is no magic word is none.
    pub(super) fn parse(keywords: &str) -> Self {
        let number = |prefix: &str| {
            words(keywords).find_map(|word| {
                let digits = word.strip_prefix(prefix)?;
                let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                is_number.then(|| digits.parse().unwrap_or(u32::MAX))
            })
        };
        let given = |wanted: &str| words(keywords).any(|word| word == wanted);
        Self {
            people: number("results-")
                .unwrap_or(DEFAULT_PEOPLE)
                .min(MOST_PEOPLE),
            slow: number("slow-")
                .map(|millis| Duration::from_millis(millis.min(MOST_SLOW_MS).into())),
            hangs: number("hang-").unwrap_or(0),
            failures: number("fail-").unwrap_or(0),
            refusals: number("refuse-").unwrap_or(0),
            limit_seconds: number("limit-"),
            throttles: number("throttle-").unwrap_or(0),
            disconnect_at: number("disconnect-at-"),
            broken_json: given("broken-json"),
            html: given("html"),
            with_companies: given("with-companies"),
            only_companies: given("only-companies"),
            finder: FinderMark::ALL.into_iter().find(|mark| given(mark.word())),
        }
    }
}

/// The words of a search's keywords.
pub(super) fn words(keywords: &str) -> impl Iterator<Item = &str> {
    keywords
        .split(|letter: char| letter == '+' || letter.is_whitespace())
        .filter(|word| !word.is_empty())
}

/// How often each effect has struck each search of each account.
#[derive(Default)]
pub(super) struct Counters(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    strikes: HashMap<u64, u32>,
    by_age: VecDeque<u64>,
}

impl Counters {
    /// Counts one strike of an effect that may strike `most` times. False when it has already.
    pub(super) fn strike(&self, effect: &[&str], most: u32) -> bool {
        let key = stable::hash(effect);
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(strikes) = counted.strikes.get_mut(&key) {
            let left = *strikes < most;
            *strikes = strikes.saturating_add(1);
            return left;
        }
        if counted.by_age.len() >= MOST_COUNTERS
            && let Some(oldest) = counted.by_age.pop_front()
        {
            counted.strikes.remove(&oldest);
        }
        counted.by_age.push_back(key);
        counted.strikes.insert(key, 1);
        most > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_among_others() {
        let magic = Magic::parse(
            "plant+manager results-250 slow-5 fail-2 limit-3 throttle-4 disconnect-at-40",
        );
        assert_eq!(magic.people, 250);
        assert_eq!(magic.slow, Some(Duration::from_millis(5)));
        assert_eq!(magic.failures, 2);
        assert_eq!(magic.limit_seconds, Some(3));
        assert_eq!(magic.throttles, 4);
        assert_eq!(magic.disconnect_at, Some(40));
        assert!(!magic.broken_json && !magic.html);
        let magic = Magic::parse("hang-1 refuse-7 with-companies only-companies");
        assert_eq!((magic.hangs, magic.refusals), (1, 7));
        assert!(magic.with_companies && magic.only_companies);
        let magic = Magic::parse("html broken-json finder-quota");
        assert!(magic.broken_json && magic.html);
        assert_eq!(magic.finder, Some(FinderMark::Quota));
    }

    #[test]
    fn other_words_are_not_magic() {
        let plain = Magic::parse("");
        for text in [
            "results-",
            "results--1",
            "results-1x",
            "xresults-7",
            "Html",
            "fail-+1",
        ] {
            assert_eq!(Magic::parse(text), plain, "{text}");
        }
        assert_eq!(Magic::parse("results-99999999999999").people, MOST_PEOPLE);
    }

    #[test]
    fn counters_are_separate_and_bounded() {
        let counters = Counters::default();
        assert!(counters.strike(&["fail", "a"], 2));
        assert!(counters.strike(&["fail", "a"], 2));
        assert!(!counters.strike(&["fail", "a"], 2));
        assert!(counters.strike(&["fail", "b"], 2));
        for number in 0..2 * MOST_COUNTERS {
            counters.strike(&["fill", &number.to_string()], 1);
        }
        let counted = counters.0.lock().unwrap();
        assert_eq!(counted.strikes.len(), MOST_COUNTERS);
        assert_eq!(counted.by_age.len(), MOST_COUNTERS);
    }
}
