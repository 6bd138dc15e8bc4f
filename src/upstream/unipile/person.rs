//! From Unipile's rows, comments and profiles to people.
//!
//! Nothing is guessed: a title or company is taken only from a stated position, and a page address
//! is never built from an internal id, which differs between LinkedIn's products.

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::domain::linkedin_url::{ProfileUrl, PublicIdentifier};
use crate::domain::person::Person;
use crate::upstream::provider::{PageItem, ProfileLookup};
use crate::upstream::unipile::wire::{id, text};

// Why an item is nobody, in words for whoever reads the rows.
pub(super) const COMPANY: &str = "this is a company";
const NOT_A_PERSON: &str = "this is not a person";
const HIDDEN_MEMBER: &str = "LinkedIn hides who this is";
const ANOTHER_MEMBER: &str = "LinkedIn answered with the profile of somebody else";
pub(super) const UNIDENTIFIABLE: &str =
    "LinkedIn says nothing by which this person could be told from others";

/// A row of a search or list.
pub(super) fn search_row(row: &Value) -> PageItem {
    match row.get("object").and_then(Value::as_str) {
        // These routes list people, so a row that does not say what it is counts as one.
        None | Some("PeopleSearchResult" | "SavedLead") => {
            to_item(person(row, row.get("work_experience")))
        }
        Some("CompanySearchResult" | "SavedAccount") => PageItem::Invalid { reason: COMPANY },
        Some(_) => PageItem::Invalid {
            reason: NOT_A_PERSON,
        },
    }
}

/// Whether a row says that it is something else than a person.
pub(super) fn is_of_another_kind(item: &PageItem) -> bool {
    matches!(
        item,
        PageItem::Invalid {
            reason: COMPANY | NOT_A_PERSON
        }
    )
}

/// The author of a comment.
pub(super) fn commenter(comment: &Value) -> PageItem {
    let Some(author) = comment.get("author") else {
        return PageItem::Invalid {
            reason: UNIDENTIFIABLE,
        };
    };
    match no_person(author) {
        Some(reason) => PageItem::Invalid { reason },
        None => to_item(person(author, None)),
    }
}

/// A profile, if it is the one that was asked for: under load, an answer for another member has
/// been seen.
pub(super) fn profile(profile: &Value, asked: &PublicIdentifier) -> ProfileLookup {
    if profile.get("object").and_then(Value::as_str) != Some("UserProfile") {
        return ProfileLookup::Invalid {
            reason: NOT_A_PERSON,
        };
    }
    if let Some(reason) = no_person(profile) {
        return ProfileLookup::Invalid { reason };
    }
    let mut person = person(profile, profile.pointer("/specifics/experience"));
    if let Some(specifics) = profile.get("specifics") {
        person.member_id = id(specifics, "member_id").or(person.member_id);
    }
    let has_slug = person
        .public_identifier
        .as_ref()
        .is_some_and(|identifier| identifier.folded() == asked.folded());
    if is_hidden(&person) {
        ProfileLookup::Invalid {
            reason: HIDDEN_MEMBER,
        }
    } else if has_slug || person.provider_id.as_deref() == Some(asked.as_str()) {
        ProfileLookup::Found(Box::new(person))
    } else {
        ProfileLookup::Invalid {
            reason: ANOTHER_MEMBER,
        }
    }
}

fn to_item(person: Person) -> PageItem {
    if !person.is_identifiable() {
        PageItem::Invalid {
            reason: UNIDENTIFIABLE,
        }
    } else if is_hidden(&person) {
        PageItem::Invalid {
            reason: HIDDEN_MEMBER,
        }
    } else {
        PageItem::Person(Box::new(person))
    }
}

/// Whether LinkedIn shows a placeholder for a member whom the account may not see: it stands for many
/// people and has no page.
fn is_hidden(person: &Person) -> bool {
    person.public_identifier.is_none()
        && person
            .name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case("LinkedIn Member"))
}

/// What a user is who is no person, by the type that the protocol knows: `individual` is one, and so
/// is whoever has a type that came later, or none.
fn no_person(user: &Value) -> Option<&'static str> {
    match user.get("type").and_then(Value::as_str) {
        Some("organization") => Some(COMPANY),
        Some("other") => Some(NOT_A_PERSON),
        _ => None,
    }
}

fn person(item: &Value, experience: Option<&Value>) -> Person {
    let identity = Identity::of(item);
    let names = Names::of(item);
    let position = experience.and_then(current_position);
    Person {
        provider_id: identity.provider_id,
        member_id: id(item, "member_id"),
        public_identifier: identity.public_identifier,
        linkedin_url: identity.linkedin_url,
        first_name: names.first,
        last_name: names.last,
        name: names.whole,
        // Comment authors and profiles have their headline in `description`.
        headline: text(item, "headline").or_else(|| text(item, "description")),
        title: position.and_then(|position| text(position, "job_title")),
        company_name: position
            .and_then(|position| text(position.get("company")?, "name"))
            // The account that a saved lead belongs to.
            .or_else(|| text(item.get("associated_account")?, "name")),
        location: text(item, "location"),
    }
}

struct Identity {
    provider_id: Option<String>,
    public_identifier: Option<PublicIdentifier>,
    linkedin_url: Option<String>,
}

impl Identity {
    /// Internal ids stand where public identifiers are expected, too.
    fn of(item: &Value) -> Self {
        let stated =
            id(item, "public_identifier").and_then(|text| PublicIdentifier::parse(&text).ok());
        let from_url = text(item, "profile_url")
            .and_then(|url| ProfileUrl::parse(&url).ok())
            .map(|url| url.identifier());
        let found = || [&stated, &from_url].into_iter().flatten();
        let public_identifier = found().find(|found| !found.is_internal_id()).cloned();
        let internal_id = found().find(|found| found.is_internal_id());
        // A page address under the classic id works; one under a Sales Navigator id does not.
        let page = public_identifier.as_ref().or_else(|| {
            let from_url = from_url.as_ref()?;
            (!from_url.is_sales_navigator_id()).then_some(from_url)
        });
        Self {
            linkedin_url: page.map(PublicIdentifier::url),
            provider_id: id(item, "id")
                .or_else(|| internal_id.map(|found| found.as_str().to_owned())),
            public_identifier,
        }
    }
}

struct Names {
    first: Option<String>,
    last: Option<String>,
    whole: Option<String>,
}

impl Names {
    fn of(item: &Value) -> Self {
        let (mut first, mut last) = (text(item, "first_name"), text(item, "last_name"));
        let mut whole = text(item, "display_name");
        match (&first, &last, &whole) {
            (None, None, Some(name)) => {
                let (head, rest) = name
                    .split_once(char::is_whitespace)
                    .unwrap_or((name.as_str(), ""));
                let rest = rest.trim();
                last = (!rest.is_empty()).then(|| rest.to_owned());
                first = Some(head.to_owned());
            }
            (Some(one), None, None) | (None, Some(one), None) => whole = Some(one.clone()),
            (Some(head), Some(rest), None) => whole = Some(format!("{head} {rest}")),
            _ => {}
        }
        Self { first, last, whole }
    }
}

/// The first position that has not ended, else the first one.
fn current_position(experience: &Value) -> Option<&Value> {
    let positions = experience.as_array()?;
    positions
        .iter()
        .find(|position| position.is_object() && !has_ended(position))
        .or_else(|| positions.first())
}

fn has_ended(position: &Value) -> bool {
    match position.get("ended_on") {
        None | Some(Value::Null) => false,
        Some(Value::String(date)) => !date.trim().is_empty(),
        Some(_) => true,
    }
}
