//! Every parser with broken variants of every answer: never a panic, never anything that the database
//! would not take, never a cursor that goes nowhere or has no bound.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::upstream::provider::{ListPlace, PageItem, RepliesCursor};
use crate::upstream::unipile::comments::{read_comments, read_replies};
use crate::upstream::unipile::named_lists::read_named_lists;
use crate::upstream::unipile::posts::read_post_id;
use crate::upstream::unipile::profiles::read_profile;
use crate::upstream::unipile::tests::fixtures::{self, OPERATION};

const ANSWERS: [&str; 11] = [
    fixtures::CLASSIC_SEARCH,
    fixtures::SALES_NAVIGATOR_PEOPLE,
    fixtures::LEAD_LIST,
    fixtures::LEAD_LISTS,
    fixtures::SAVED_SEARCHES,
    fixtures::POST,
    fixtures::COMMENTS,
    fixtures::REPLIES,
    fixtures::PROFILE,
    fixtures::ACCOUNT,
    fixtures::ERROR,
];

/// The longest cursor that a page may leave behind, in bytes.
const LONGEST_CURSOR: usize = 32_000;

/// What is done to one value of an answer.
#[derive(Debug, Clone)]
enum Break {
    Remove,
    Replace(Value),
    /// Lists of lists around it, so many.
    Nest(usize),
    /// A list of so many like it.
    Repeat(usize),
}

/// What is done to an answer's text.
#[derive(Debug, Clone)]
enum Spoil {
    Cut(Index),
    Insert(Index, &'static str),
    Replace(Index, &'static str),
}

fn nasty_value() -> impl Strategy<Value = Value> {
    let texts = select(vec![
        "",
        " ",
        "\0",
        "a\0b",
        "\u{1}\u{7f}\u{85}",
        "\u{202e}\u{feff}\u{fffd}",
        ".",
        "..",
        "../../x",
        "a b",
        "😀",
        "PeopleSearchResult",
        "SavedLead",
        "CompanySearchResult",
        "UserProfile",
        "organization",
        "running",
        "ACwAAAdemo009",
        "ACoAAAdemo009",
        "LinkedIn Member",
        "https://www.linkedin.com/in/%00",
        "https://www.linkedin.com/in/ACwAAAdemo009",
        "-1",
        "1e400",
    ]);
    let numbers = select(vec![
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_u64),
    ]);
    prop_oneof![
        3 => texts.prop_map(Value::from),
        2 => numbers,
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({})),
        1 => Just(json!([{"name": ["x"]}])),
        1 => (1..9_000usize).prop_map(|length| json!("é".repeat(length))),
        1 => ".{0,20}".prop_map(Value::from),
    ]
}

fn breaks() -> impl Strategy<Value = (Index, Break)> {
    let kind = prop_oneof![
        3 => Just(Break::Remove),
        6 => nasty_value().prop_map(Break::Replace),
        1 => (1..300usize).prop_map(Break::Nest),
        1 => (2..400usize).prop_map(Break::Repeat),
    ];
    (any::<Index>(), kind)
}

fn spoils() -> impl Strategy<Value = Spoil> {
    let inserted = select(vec![
        "\\u0000",
        "\\ud83d",
        "\\ude00",
        "\\",
        "\"",
        "{",
        "[",
        "}",
        ",",
        "1e999",
        "\"id\":1,",
        "\"data\":[],",
        "\"next_cursor\":\"x\",",
        "\0",
        "é",
    ]);
    prop_oneof![
        any::<Index>().prop_map(Spoil::Cut),
        (any::<Index>(), inserted.clone()).prop_map(|(at, text)| Spoil::Insert(at, text)),
        (any::<Index>(), inserted).prop_map(|(at, text)| Spoil::Replace(at, text)),
    ]
}

/// The places of all values in a document, as JSON pointers, the whole document first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                places(field, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

fn broken_value(document: &mut Value, place: Index, how: &Break) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let place = place.get(&all);
    if let (Break::Remove, Some((parent, key))) = (how, place.rsplit_once('/')) {
        match document.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(key)),
            Some(Value::Array(items)) => drop(items.remove(key.parse().unwrap())),
            _ => {}
        }
        return;
    }
    let Some(value) = document.pointer_mut(place) else {
        return;
    };
    let old = value.take();
    *value = match how {
        Break::Remove => Value::Null,
        Break::Replace(nasty) => nasty.clone(),
        Break::Nest(depth) => (0..*depth).fold(old, |inner, _| json!([inner])),
        Break::Repeat(times) => json!(vec![old; *times]),
    };
}

fn spoilt_text(text: &mut String, how: &Spoil) {
    let letters = text.chars().count();
    let at = |index: &Index| {
        let letter = index.index(letters.max(1));
        text.char_indices()
            .nth(letter)
            .map_or(text.len(), |(at, _)| at)
    };
    match how {
        Spoil::Cut(index) => text.truncate(at(index)),
        Spoil::Insert(index, inserted) => text.insert_str(at(index), inserted),
        Spoil::Replace(index, inserted) => {
            let at = at(index);
            let length = text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..at + length, inserted);
        }
    }
}

fn broken_answer() -> impl Strategy<Value = String> {
    (
        select(&ANSWERS[..]),
        vec(breaks(), 0..6),
        vec(spoils(), 0..3),
    )
        .prop_map(|(answer, breaks, spoils)| {
            let mut document: Value = serde_json::from_str(answer).unwrap();
            for (place, how) in &breaks {
                broken_value(&mut document, *place, how);
            }
            let mut text = document.to_string();
            for how in &spoils {
                spoilt_text(&mut text, how);
            }
            text
        })
}

fn assert_cursor(next: Option<&PageCursor>, current: Option<&PageCursor>) {
    let Some(next) = next else { return };
    assert_ne!(Some(next), current, "it goes nowhere");
    let stored = serde_json::to_string(next).unwrap();
    assert!(stored.len() <= LONGEST_CURSOR, "{} bytes", stored.len());
    assert!(!stored.contains("\\u0000"));
    assert_eq!(serde_json::from_str::<PageCursor>(&stored).unwrap(), *next);
}

fn assert_page(page: Outcome, current: Option<&PageCursor>) {
    match page {
        Ok(page) => {
            for item in &page.items {
                match item {
                    PageItem::Person(person) => assert!(is_storable(person), "{person:?}"),
                    PageItem::Invalid { reason } => assert!(!reason.is_empty()),
                }
            }
            assert_cursor(page.next.as_ref(), current);
        }
        Err(error) => assert_error(&error),
    }
}

fn assert_error(error: &UpstreamError) {
    assert!(error.detail.len() <= 300, "{}", error.detail);
    assert!(!error.detail.contains(char::is_control));
}

/// Gives the text to every parser, whichever it was meant for.
fn assert_all_parsers_cope(text: &str) {
    for offset in [0, 25, u32::MAX] {
        let current = PageCursor::Offset(offset);
        assert_page(read_people(OPERATION, text, offset), Some(&current));
        match read_named_lists(OPERATION, text, offset) {
            Ok(page) => {
                assert_cursor(page.next.as_ref(), Some(&current));
                assert!(page.items.iter().all(|list| {
                    let name = list.name.iter().flat_map(|name| name.chars());
                    (1..=200).contains(&list.id.len())
                        && !list.id.chars().chain(name).any(char::is_control)
                }));
            }
            Err(error) => assert_error(&error),
        }
    }
    for place in [
        None,
        Some(ListPlace::Offset(25)),
        Some(ListPlace::Token("x".to_owned())),
    ] {
        let current = PageCursor::comments("p-1".to_owned(), place.clone());
        let page = read_comments(OPERATION, text, "p-1", place.as_ref());
        assert_page(page, current.as_ref());
        let at = RepliesCursor {
            at: place,
            ..fixtures::below_a_comment()
        };
        let page = read_replies(OPERATION, text, &at);
        assert_page(page, Some(&PageCursor::Replies(at)));
    }
    match read_profile(OPERATION, text, &fixtures::dee()) {
        Ok(ProfileLookup::Found(person)) => assert!(is_storable(&person), "{person:?}"),
        Ok(_) => {}
        Err(error) => assert_error(&error),
    }
    if let Err(error) = read_account(OPERATION, text) {
        assert_error(&error);
    }
    match read_post_id(OPERATION, text) {
        Ok(id) => assert!(!id.is_empty() && id.len() <= 4_096 && !id.contains(char::is_control)),
        Err(error) => assert_error(&error),
    }
    for status in [400, 401, 403, 404, 410, 422, 429, 500, 501, 503, 599, 999] {
        let error = Failure::read(status, text).into_error(OPERATION, Route::Profile);
        assert_error(&error);
    }
}

#[test]
fn whole_answers_are_no_trouble_to_any_parser() {
    for answer in ANSWERS {
        assert_all_parsers_cope(answer);
    }
}

proptest! {
    #[test]
    fn broken_answers_are_no_trouble_to_any_parser(text in broken_answer()) {
        assert_all_parsers_cope(&text);
    }

    #[test]
    fn noise_is_no_trouble_to_any_parser(bytes in vec(any::<u8>(), 0..200)) {
        assert_all_parsers_cope(&String::from_utf8_lossy(&bytes));
    }
}
