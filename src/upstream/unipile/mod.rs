//! The client of Unipile's LinkedIn API, version 2.
//!
//! Only reads: searches and lists are POST requests there, but none of the routes used here
//! changes anything on LinkedIn. What the answers hold beyond the documented is passed over, and a
//! row that cannot be read costs that row, not its page.

mod comments;
mod failure;
mod named_lists;
mod paging;
mod person;
mod posts;
mod profiles;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CACHE_CONTROL};
use serde_json::{Value, json};

use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::pacing::Gap;
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::{Answer, Operation};
use crate::upstream::http::{ApiKey, BaseUrl, ClientError, client};
use crate::upstream::provider::{
    ConnectedAccount, ConnectedAccounts, LinkedinProvider, NamedListKind, NamedListPage,
    PageRequest, PeoplePage, ProfileLookup,
};
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::wire::Envelope;

/// Unipile, reached over HTTP.
#[derive(Debug, Clone)]
pub struct Unipile {
    client: reqwest::Client,
    base_url: BaseUrl,
    key: ApiKey,
    gap: Gap,
}

impl Unipile {
    /// `timeout` bounds each call from the first byte sent to the last one read. Searches can take
    /// a minute.
    ///
    /// # Errors
    /// When no HTTP client can be set up on this machine.
    pub fn new(base_url: BaseUrl, key: ApiKey, timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            client: client(timeout)?,
            base_url,
            key,
            gap: Gap::NONE,
        })
    }

    /// With a gap between the calls of one method, where it takes several.
    #[must_use]
    pub fn with_gap(self, gap: Gap) -> Self {
        Self { gap, ..self }
    }

    /// To be waited for before each call of a method but the first.
    async fn pause(&self) {
        if !self.gap.max.is_zero() {
            tokio::time::sleep(self.gap.drawn(rand::random())).await;
        }
    }

    fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        self.request(reqwest::Method::GET, segments, query)
    }

    fn post(&self, segments: &[&str], query: &[(&str, &str)], body: &Value) -> RequestBuilder {
        self.request(reqwest::Method::POST, segments, query)
            .json(body)
    }

    fn request(
        &self,
        method: reqwest::Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base_url.join(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client
            .request(method, url)
            .header("x-api-key", self.key.header_value())
            .header(ACCEPT, "application/json")
    }

    /// One page of a route that pages by offset: a search or a list.
    async fn people_page(
        &self,
        operation: Operation,
        route: Route,
        segments: &[&str],
        body: &Value,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let offset = paging::offset(operation, page.cursor)?;
        let (limit, start) = (page.limit.max(1).to_string(), offset.to_string());
        let query = [("limit", limit.as_str()), ("offset", start.as_str())];
        operation
            .call(self.post(segments, &query, body), |answer| {
                Failure::check(operation, route, answer)?;
                read_people(operation, &answer.text(), offset)
            })
            .await
    }
}

/// # Errors
/// When the answer is no page of a list, or is a list of something else than people: companies,
/// jobs, posts. Among people, such rows are left out one by one.
fn read_people(operation: Operation, text: &str, offset: u32) -> Result<PeoplePage, UpstreamError> {
    let envelope = Envelope::read(operation, text)?;
    let items = envelope.items(person::search_row);
    if offset == 0 && !items.is_empty() && items.iter().all(person::is_of_another_kind) {
        return Err(operation.error(
            UpstreamFault::Refused,
            "status 200, a list of something else than people",
        ));
    }
    Ok(PeoplePage {
        next: paging::after_offset(&envelope, offset),
        available: envelope.total_count,
        items,
    })
}

fn operation(name: &'static str) -> Operation {
    Operation {
        provider: "unipile",
        name,
    }
}

#[async_trait]
impl LinkedinProvider for Unipile {
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError> {
        let operation = operation("check");
        let request = self
            .get(&["v2", "accounts"], &[("limit", "100")])
            .header(CACHE_CONTROL, "no-cache");
        operation
            .call(request, |answer| read_accounts(operation, answer))
            .await
    }

    async fn account_health(
        &self,
        account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError> {
        let operation = operation("account_health");
        // Unipile keeps answers for an hour unless it is told otherwise.
        let request = self
            .get(&["v2", "accounts", account.as_str()], &[])
            .header(CACHE_CONTROL, "no-cache");
        operation
            .call(request, |answer| read_health(operation, answer))
            .await
    }

    async fn search_page(
        &self,
        account: &LinkedinAccountId,
        url: &PeopleSearchUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        self.people_page(
            operation("search_page"),
            Route::Classic,
            &["v2", account.as_str(), "linkedin", "search"],
            &json!({ "url": url.as_str() }),
            page,
        )
        .await
    }

    async fn saved_search_page(
        &self,
        account: &LinkedinAccountId,
        id: &SavedSearchId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        self.people_page(
            operation("saved_search_page"),
            Route::SalesNavigator,
            &[
                "v2",
                account.as_str(),
                "linkedin",
                "sales-navigator",
                "search",
                "people",
            ],
            &json!({ "load_saved_search": { "id": id.as_str() } }),
            page,
        )
        .await
    }

    /// Oldest first, so that a lead added meanwhile does not shift the pages.
    async fn lead_list_page(
        &self,
        account: &LinkedinAccountId,
        id: &LeadListId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        self.people_page(
            operation("lead_list_page"),
            Route::SalesNavigator,
            &[
                "v2",
                account.as_str(),
                "linkedin",
                "sales-navigator",
                "lead-lists",
                id.as_str(),
            ],
            &json!({ "sort_by": "DATE_ADDED", "sort_order": "ASCENDING" }),
            page,
        )
        .await
    }

    async fn post_commenters_page(
        &self,
        account: &LinkedinAccountId,
        post: &PostUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        self.commenters_page(operation("post_commenters_page"), account, post, page)
            .await
    }

    async fn profile(
        &self,
        account: &LinkedinAccountId,
        url: &ProfileUrl,
    ) -> Result<ProfileLookup, UpstreamError> {
        self.profile_of(operation("profile"), account, &url.identifier())
            .await
    }

    async fn named_lists(
        &self,
        account: &LinkedinAccountId,
        kind: NamedListKind,
        page: PageRequest<'_>,
    ) -> Result<NamedListPage, UpstreamError> {
        self.named_lists_page(operation("named_lists"), account, kind, page)
            .await
    }
}

fn read_health(operation: Operation, answer: &Answer) -> Result<AccountHealth, UpstreamError> {
    if let Some(failure) = Failure::of(answer) {
        return if failure.is_unusable_account() {
            Ok(AccountHealth::NotConnected)
        } else {
            Err(failure.into_error(operation, Route::Account))
        };
    }
    read_account(operation, &answer.text())
}

/// # Errors
/// When the answer does not say how the account is.
fn read_account(operation: Operation, text: &str) -> Result<AccountHealth, UpstreamError> {
    let account = wire::parse(text).ok_or_else(|| not_json(operation))?;
    health(&account)
        .ok_or_else(|| operation.error(UpstreamFault::InvalidAnswer, "an account without status"))
}

/// `None` when the account does not say.
fn health(account: &Value) -> Option<AccountHealth> {
    match account.get("status")?.as_str()? {
        "running" => Some(AccountHealth::Connected {
            sales_navigator: account
                .pointer("/metadata/products_connection_status")
                .and_then(Value::as_object)
                .map(|products| products.get("sales_navigator") == Some(&json!("running"))),
        }),
        // `errored`, `disconnected`, `paused` and whatever a later version adds.
        _ => Some(AccountHealth::NotConnected),
    }
}

/// Accounts of other networks are passed over.
fn read_accounts(
    operation: Operation,
    answer: &Answer,
) -> Result<ConnectedAccounts, UpstreamError> {
    Failure::check(operation, Route::Account, answer)?;
    let list = answer.json().ok_or_else(|| not_json(operation))?;
    let Some(all) = list.get("data").and_then(Value::as_array) else {
        return Err(operation.error(UpstreamFault::InvalidAnswer, "no list of accounts"));
    };
    let accounts = all
        .iter()
        .filter(|account| account.get("provider") == Some(&json!("linkedin")))
        .filter_map(|account| {
            Some(ConnectedAccount {
                id: account.get("id")?.as_str()?.parse().ok()?,
                health: health(account)?,
            })
        });
    Ok(ConnectedAccounts {
        accounts: accounts.collect(),
        has_more: list.get("has_more") == Some(&json!(true)),
    })
}

fn not_json(operation: Operation) -> UpstreamError {
    operation.error(UpstreamFault::InvalidAnswer, "status 200, not JSON")
}
