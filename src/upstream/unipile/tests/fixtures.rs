//! Answers in the shapes that the vendor's documentation shows, with invented values: what each
//! parser makes of its own.

use super::*;
use crate::domain::linkedin_url::PublicIdentifier;
use crate::upstream::provider::{ListPlace, NamedList, PageItem, RepliesCursor};
use crate::upstream::unipile::comments::{read_comments, read_replies};
use crate::upstream::unipile::named_lists::read_named_lists;
use crate::upstream::unipile::person::COMPANY;
use crate::upstream::unipile::posts::read_post_id;
use crate::upstream::unipile::profiles::read_profile;

pub(super) const CLASSIC_SEARCH: &str = include_str!("../fixtures/classic_search.json");
pub(super) const SALES_NAVIGATOR_PEOPLE: &str =
    include_str!("../fixtures/sales_navigator_people.json");
pub(super) const LEAD_LIST: &str = include_str!("../fixtures/lead_list.json");
pub(super) const LEAD_LISTS: &str = include_str!("../fixtures/lead_lists.json");
pub(super) const SAVED_SEARCHES: &str = include_str!("../fixtures/saved_searches.json");
pub(super) const POST: &str = include_str!("../fixtures/post.json");
pub(super) const COMMENTS: &str = include_str!("../fixtures/comments.json");
pub(super) const REPLIES: &str = include_str!("../fixtures/replies.json");
pub(super) const PROFILE: &str = include_str!("../fixtures/profile.json");
pub(super) const ACCOUNT: &str = include_str!("../fixtures/account.json");
pub(super) const ERROR: &str = include_str!("../fixtures/error.json");

pub(super) const OPERATION: Operation = Operation {
    provider: "unipile",
    name: "test",
};

pub(super) fn dee() -> PublicIdentifier {
    PublicIdentifier::parse("dee-example").unwrap()
}

pub(super) fn below_a_comment() -> RepliesCursor {
    RepliesCursor {
        post_id: "p-1".to_owned(),
        comments: vec!["c-9001".to_owned()],
        at: None,
        pages: 0,
        then: Some(ListPlace::Token("b3BhcXVl".to_owned())),
        available: Some(3),
    }
}

fn people(page: PeoplePage) -> Vec<Result<Person, &'static str>> {
    let person = |item| match item {
        PageItem::Person(person) => Ok(*person),
        PageItem::Invalid { reason } => Err(reason),
    };
    page.items.into_iter().map(person).collect()
}

fn slug(text: &str) -> Option<PublicIdentifier> {
    Some(PublicIdentifier::parse(text).unwrap())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_classic_search() {
    let page = read_people(OPERATION, CLASSIC_SEARCH, 0).unwrap();
    assert_eq!(page.available, Some(431));
    assert_eq!(page.next, Some(PageCursor::Offset(3)));
    let ada = Person {
        provider_id: some("ACoAAAdemo001"),
        member_id: some("900000001"),
        public_identifier: slug("ada-testova-1"),
        linkedin_url: some("https://www.linkedin.com/in/ada-testova-1"),
        first_name: some("Ada"),
        last_name: some("Testova"),
        name: some("Ada Testova"),
        headline: some("Plant manager at Demo SA"),
        location: some("Lyon, France"),
        ..Person::default()
    };
    let ben = Person {
        provider_id: some("ACoAAAdemo002"),
        first_name: some("Ben"),
        last_name: some("Sampleton"),
        name: some("Ben Sampleton"),
        ..Person::default()
    };
    assert_eq!(people(page), [Ok(ada), Ok(ben), Err(COMPANY)]);
}

#[test]
fn a_sales_navigator_search() {
    let page = read_people(OPERATION, SALES_NAVIGATOR_PEOPLE, 2_300).unwrap();
    assert_eq!(page.next, Some(PageCursor::Offset(2_301)));
    let ada = Person {
        provider_id: some("ACwAAAdemo001"),
        member_id: some("900000001"),
        public_identifier: slug("ada-testova-1"),
        linkedin_url: some("https://www.linkedin.com/in/ada-testova-1"),
        first_name: some("Ada"),
        last_name: some("Testova"),
        name: some("Ada Testova"),
        headline: some("Plant manager"),
        title: some("Plant manager"),
        company_name: some("Demo SA"),
        location: some("Lyon, France"),
    };
    assert_eq!(people(page), [Ok(ada)]);
}

#[test]
fn a_lead_list() {
    let page = read_people(OPERATION, LEAD_LIST, 0).unwrap();
    assert_eq!((page.next.clone(), page.available), (None, Some(1)));
    let ben = Person {
        provider_id: some("ACwAAAdemo002"),
        public_identifier: slug("ben-sampleton"),
        linkedin_url: some("https://www.linkedin.com/in/ben-sampleton"),
        first_name: some("Ben"),
        last_name: some("Sampleton"),
        name: some("Ben Sampleton"),
        company_name: some("Sample BV"),
        ..Person::default()
    };
    assert_eq!(people(page), [Ok(ben)]);
}

#[test]
fn what_is_listed() {
    for (text, id, name, next) in [
        (LEAD_LISTS, "7000000000000000001", "Lyon plants", None),
        (SAVED_SEARCHES, "50000001", "Plant managers FR", Some(1)),
    ] {
        let page = read_named_lists(OPERATION, text, 0).unwrap();
        let list = NamedList {
            id: id.to_owned(),
            name: some(name),
        };
        assert_eq!(page.items, [list]);
        assert_eq!(page.next, next.map(PageCursor::Offset));
    }
}

#[test]
fn a_post_its_comments_and_their_replies() {
    let post_id = read_post_id(OPERATION, POST).unwrap();
    assert!(post_id.starts_with("WyJhY3Rpdml0eTo3") && post_id.ends_with('='));

    let comments = read_comments(OPERATION, COMMENTS, "p-1", None).unwrap();
    let Some(PageCursor::Replies(next)) = comments.next.clone() else {
        panic!("no replies follow")
    };
    assert_eq!(next, below_a_comment());
    let dee = Person {
        provider_id: some("ACoAAAdemo004"),
        public_identifier: slug("dee-example"),
        linkedin_url: some("https://www.linkedin.com/in/dee-example"),
        first_name: some("Dee"),
        last_name: some("Example"),
        name: some("Dee Example"),
        headline: some("Buyer at Demo SA"),
        ..Person::default()
    };
    assert_eq!(people(comments), [Ok(dee), Err(COMPANY)]);

    let replies = read_replies(OPERATION, REPLIES, &next).unwrap();
    let Some(PageCursor::Replies(next)) = replies.next.clone() else {
        panic!("the replies may go on")
    };
    assert_eq!((next.at, next.pages), (Some(ListPlace::Offset(1)), 1));
    let eli = Person {
        provider_id: some("ACoAAAdemo005"),
        first_name: some("Eli"),
        last_name: some("Muster"),
        name: some("Eli Muster"),
        ..Person::default()
    };
    assert_eq!(people(replies), [Ok(eli)]);
}

#[test]
fn a_profile() {
    let dee_found = Person {
        provider_id: some("ACoAAAdemo004"),
        member_id: some("900000004"),
        public_identifier: slug("dee-example"),
        linkedin_url: some("https://www.linkedin.com/in/dee-example"),
        first_name: some("Dee"),
        last_name: some("Example"),
        name: some("Dee Example"),
        headline: some("Buyer at Demo SA"),
        title: some("Buyer"),
        company_name: some("Demo SA"),
        location: some("Lyon, France"),
    };
    assert_eq!(
        read_profile(OPERATION, PROFILE, &dee()).unwrap(),
        ProfileLookup::Found(Box::new(dee_found))
    );
}

#[test]
fn an_account_and_an_error() {
    assert_eq!(
        read_account(OPERATION, ACCOUNT).unwrap(),
        AccountHealth::Connected {
            sales_navigator: Some(true)
        }
    );
    let error = Failure::read(429, ERROR).into_error(OPERATION, Route::Classic);
    assert_eq!(error.fault, UpstreamFault::RateLimited);
    assert_eq!(
        error.detail,
        "status 429, api/too_many_requests, request req-1"
    );
}
