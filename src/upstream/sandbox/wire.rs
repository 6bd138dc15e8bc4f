//! People, companies, comments and accounts as the LinkedIn provider writes them.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::upstream::sandbox::person::{SandboxCompany, SandboxPerson};
use crate::upstream::sandbox::population::{Mailbox, mailbox_of};
use crate::upstream::sandbox::stable::Dice;

/// 2026-01-06T09:00:00Z, from which all dates are counted back.
const NEWEST: i64 = 1_767_690_000;

/// The date so many minutes before the newest.
pub(super) fn date(minutes_ago: u32) -> String {
    let seconds = NEWEST - 60 * i64::from(minutes_ago);
    let date = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An object without the keys that have no value.
fn object(fields: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = fields else {
        return Map::new();
    };
    fields.retain(|_, value| !value.is_null());
    fields
}

fn network_distance(person: &SandboxPerson, dice: &mut Dice) -> &'static str {
    if person.slug.is_none() {
        return "OUT_OF_NETWORK";
    }
    match dice.below(50) {
        0..=6 => "FIRST_DEGREE",
        7..=29 => "SECOND_DEGREE",
        30..=48 => "THIRD_DEGREE",
        // No value of the protocol yet: a client must not stumble over a new one.
        _ => "FOLLOWED_BY_TEAM",
    }
}

/// A row of the classic search.
pub(super) fn classic_person(person: &SandboxPerson) -> Value {
    let mut dice = person.dice();
    let mut row = object(json!({
        "object": "PeopleSearchResult",
        "product": "classic",
        "id": person.classic_id,
        "member_id": person.member_id,
        "display_name": person.name(),
        "public_identifier": person.slug,
        "profile_url": person.url(),
        "headline": person.headline,
        "location": person.location,
        "network_distance": network_distance(person, &mut dice),
        "is_premium": dice.one_in(4),
        "is_open_profile": dice.one_in(6),
        "shared_relations_count": dice.below(30),
    }));
    if dice.one_in(30) {
        row.insert(
            "insights".to_owned(),
            json!([{"kind": "new_in_this_version"}]),
        );
    }
    Value::Object(row)
}

/// A company where people are searched.
pub(super) fn company_row(company: &SandboxCompany) -> Value {
    json!({
        "object": "CompanySearchResult",
        "id": company.id.as_deref().unwrap_or(&company.slug),
        "name": company.name,
        "public_identifier": company.slug,
        "profile_url": company.url(),
    })
}

/// A company where a profile was asked for.
pub(super) fn company_profile(company: &SandboxCompany) -> Value {
    let mut profile = company_row(company);
    profile["object"] = json!("Company");
    profile
}

/// A row of a Sales Navigator search.
pub(super) fn sales_navigator_person(person: &SandboxPerson) -> Value {
    let mut row = lead(person);
    row.insert("object".to_owned(), json!("PeopleSearchResult"));
    row.insert("product".to_owned(), json!("sales_navigator"));
    row.insert("has_been_viewed".to_owned(), json!(false));
    // A text now and then, as real answers have it.
    let saved = if person.dice().one_in(9) {
        json!("SAVED")
    } else {
        json!(false)
    };
    row.insert("has_been_saved".to_owned(), saved);
    Value::Object(row)
}

/// A row of a lead list, the `index`-th.
pub(super) fn saved_lead(person: &SandboxPerson, index: u32) -> Value {
    let mut row = lead(person);
    let company = &person.company;
    row.insert("object".to_owned(), json!("SavedLead"));
    row.insert("saved_at".to_owned(), json!(date(index.saturating_mul(11))));
    if let Some(id) = &company.id {
        let account = json!({
            "id": id,
            "name": company.name,
            "public_identifier": company.slug,
            "profile_url": company.url(),
        });
        row.insert("associated_account".to_owned(), account);
    }
    Value::Object(row)
}

/// What both kinds of Sales Navigator rows have.
fn lead(person: &SandboxPerson) -> Map<String, Value> {
    let mut dice = person.dice();
    let contact_info = match mailbox_of(person) {
        Mailbox::Open(email) if dice.one_in(8) => json!({"emails": [email.address]}),
        _ => json!({}),
    };
    object(json!({
        "id": person.sales_navigator_id,
        "member_id": person.member_id,
        "display_name": person.name(),
        "public_identifier": person.slug,
        "profile_url": person.url(),
        "headline": person.headline,
        "location": person.location,
        "network_distance": network_distance(person, &mut dice),
        "has_posted_recently": dice.one_in(3),
        "has_viewed_your_profile": dice.one_in(20),
        "was_hired_recently": dice.one_in(15),
        "was_promoted_recently": dice.one_in(20),
        "follows_your_company": dice.one_in(25),
        "is_premium": dice.one_in(4),
        "is_past_colleague": false,
        "is_open_profile": dice.one_in(6),
        "contact_info": contact_info,
        "lists_count": dice.below(3),
        "notes_count": 0,
        "education": [],
        "skills": [],
        "languages": [],
        "volunteering": [],
        "work_experience": work_experience(person),
    }))
}

/// The job of today, and for some an earlier one.
fn work_experience(person: &SandboxPerson) -> Value {
    let mut dice = person.dice();
    let employer = |company: &SandboxCompany| json!({"id": company.id, "name": company.name});
    let year = 2016 + dice.below(9);
    let mut jobs = vec![json!({
        "job_title": person.title,
        "company": employer(&person.company),
        "location": person.location,
        "started_on": format!("{:02}/01/{year}", 1 + dice.below(12)),
    })];
    if dice.one_in(3) {
        jobs.push(json!({
            "job_title": "Trainee",
            "company": employer(&SandboxCompany::new(&mut dice)),
            "started_on": format!("09/01/{}", year - 3),
            "ended_on": format!("12/31/{}", year - 1),
        }));
    }
    Value::Array(jobs)
}

/// The author of a post or comment.
pub(super) fn author(person: &SandboxPerson) -> Value {
    Value::Object(object(json!({
        "object": "User",
        "type": "individual",
        "id": person.classic_id,
        "display_name": person.name(),
        "public_identifier": person.slug,
        "profile_url": person.url(),
        "description": person.headline,
    })))
}

/// A company as the author of a comment.
pub(super) fn company_author(company: &SandboxCompany) -> Value {
    json!({
        "object": "User",
        "type": "organization",
        "id": company.id.as_deref().unwrap_or(&company.slug),
        "display_name": company.name,
        "public_identifier": company.slug,
        "profile_url": company.url(),
    })
}

/// What a profile shows beside the person.
pub(super) struct ProfileView<'a> {
    /// The id of the product that was asked.
    pub(super) id: &'a str,
    pub(super) with_experience: bool,
    pub(super) is_throttled: bool,
    pub(super) is_self: bool,
}

/// A whole profile.
pub(super) fn profile(person: &SandboxPerson, view: &ProfileView<'_>) -> Value {
    let mut dice = person.dice();
    let distance = network_distance(person, &mut dice);
    let mut specifics = json!({
        "network_distance": if view.is_self { "SELF" } else { distance },
        "member_id": person.member_id,
        "is_premium": dice.one_in(4),
        "throttled_sections": [],
    });
    if view.with_experience && view.is_throttled {
        specifics["throttled_sections"] = json!(["experience"]);
    } else if view.with_experience {
        specifics["experience"] = work_experience(person);
    }
    Value::Object(object(json!({
        "object": "UserProfile",
        "type": "individual",
        "provider": "linkedin",
        "id": view.id,
        "display_name": person.name(),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "public_identifier": person.slug,
        "profile_url": person.url(),
        "description": person.headline,
        "location": person.location,
        "is_blocked": false,
        "emails": [],
        "specifics": specifics,
    })))
}
