//! The saved searches and the lead lists of a member.

use reqwest::header::CACHE_CONTROL;
use serde_json::Value;

use crate::domain::id::LinkedinAccountId;
use crate::upstream::error::UpstreamError;
use crate::upstream::http::call::Operation;
use crate::upstream::provider::{NamedList, NamedListKind, NamedListPage, PageRequest};
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::wire::{Envelope, id, text};
use crate::upstream::unipile::{Unipile, paging};

impl Unipile {
    pub(super) async fn named_lists_page(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        kind: NamedListKind,
        page: PageRequest<'_>,
    ) -> Result<NamedListPage, UpstreamError> {
        let offset = paging::offset(operation, page.cursor)?;
        let (limit, start) = (page.limit.max(1).to_string(), offset.to_string());
        let mut query = vec![("limit", limit.as_str()), ("offset", start.as_str())];
        let mut segments = vec!["v2", account.as_str(), "linkedin", "sales-navigator"];
        match kind {
            NamedListKind::SavedSearches => {
                segments.extend(["search", "parameters"]);
                query.insert(0, ("type", "SAVED_PEOPLE_SEARCH"));
            }
            NamedListKind::LeadLists => segments.push("lead-lists"),
        }
        // Unipile keeps answers for an hour unless it is told otherwise.
        let request = self
            .get(&segments, &query)
            .header(CACHE_CONTROL, "no-cache");
        operation
            .call(request, |answer| {
                Failure::check(operation, Route::SalesNavigator, answer)?;
                read_named_lists(operation, &answer.text(), offset)
            })
            .await
    }
}

/// # Errors
/// When the answer is no page of a list.
pub(super) fn read_named_lists(
    operation: Operation,
    text: &str,
    offset: u32,
) -> Result<NamedListPage, UpstreamError> {
    let envelope = Envelope::read(operation, text)?;
    Ok(NamedListPage {
        next: paging::after_offset(&envelope, offset),
        items: envelope.readable(named_list),
    })
}

fn named_list(item: &Value) -> Option<NamedList> {
    Some(NamedList {
        id: id(item, "id")?,
        name: text(item, "name"),
    })
}
