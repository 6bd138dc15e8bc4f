//! The client against a server that says byte for byte what a test wants.

mod broken;
mod check;
mod faults;
mod fixtures;
mod named_lists;
mod pages;
mod replies;

use super::*;
use crate::domain::person::Person;
use crate::upstream::http::scripted::{LONG, Scripted};
use crate::upstream::provider::PageCursor;

fn unipile(server: &Scripted) -> Unipile {
    unipile_within(server, LONG)
}

fn unipile_within(server: &Scripted, timeout: Duration) -> Unipile {
    let base_url = server.url.parse().unwrap();
    Unipile::new(base_url, "s3cret".parse().unwrap(), timeout).unwrap()
}

fn account() -> LinkedinAccountId {
    "acc_01demo".parse().unwrap()
}

fn search_url() -> PeopleSearchUrl {
    let url = "https://www.linkedin.com/search/results/people/?keywords=plant%20manager";
    PeopleSearchUrl::parse(url).unwrap()
}

fn saved_search() -> SavedSearchId {
    SavedSearchId::parse("50000001").unwrap()
}

fn lead_list() -> LeadListId {
    LeadListId::parse("7000000000000000001").unwrap()
}

fn post() -> PostUrl {
    let url = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/";
    PostUrl::parse(url).unwrap()
}

fn profile_url() -> ProfileUrl {
    ProfileUrl::parse("https://www.linkedin.com/in/dee-example").unwrap()
}

fn first(limit: u32) -> PageRequest<'static> {
    PageRequest {
        cursor: None,
        limit,
    }
}

fn after(cursor: &PageCursor) -> PageRequest<'_> {
    PageRequest {
        cursor: Some(cursor),
        limit: 20,
    }
}

type Outcome = Result<PeoplePage, UpstreamError>;

async fn search(server: &Scripted, page: PageRequest<'_>) -> Outcome {
    let client = unipile(server);
    client.search_page(&account(), &search_url(), page).await
}

async fn saved_search_people(server: &Scripted, page: PageRequest<'_>) -> Outcome {
    let client = unipile(server);
    client
        .saved_search_page(&account(), &saved_search(), page)
        .await
}

async fn lead_list_people(server: &Scripted, page: PageRequest<'_>) -> Outcome {
    let client = unipile(server);
    client.lead_list_page(&account(), &lead_list(), page).await
}

async fn commenters(server: &Scripted, page: PageRequest<'_>) -> Outcome {
    let client = unipile(server);
    client.post_commenters_page(&account(), &post(), page).await
}

/// Whether the database takes the person as they are.
pub(super) fn is_storable(person: &Person) -> bool {
    let Person {
        provider_id,
        member_id,
        public_identifier,
        linkedin_url,
        first_name,
        last_name,
        name,
        headline,
        title,
        company_name,
        location,
    } = person;
    let identifier = public_identifier.as_ref().map(|id| id.as_str().to_owned());
    let is_text = |text: &String, most: usize| {
        !text.is_empty()
            && text.trim() == text
            && !text.contains(char::is_control)
            && text.chars().count() <= most
    };
    let texts = [
        first_name,
        last_name,
        name,
        headline,
        title,
        company_name,
        location,
    ];
    person.is_identifiable()
        && texts.into_iter().flatten().all(|text| is_text(text, 500))
        && [provider_id, member_id]
            .into_iter()
            .flatten()
            .all(|id| is_text(id, 200) && !id.contains(char::is_whitespace))
        && identifier.iter().all(|identifier| is_text(identifier, 100))
        && linkedin_url
            .iter()
            .all(|url| is_text(url, 1_000) && url.starts_with("https://www.linkedin.com/in/"))
}
