//! `sales_navigator`: the people of a saved search or of a lead list.

use crate::domain::linkedin_url::{LeadListId, SavedSearchId};
use crate::worker::sources::{Fetch, FetchError, FetchedPage};

pub(super) async fn fetch_saved_search(
    fetch: Fetch<'_>,
    id: &SavedSearchId,
) -> Result<FetchedPage, FetchError> {
    let cursor = fetch.cursor()?;
    let request = fetch.request(cursor.as_ref());
    let page = fetch
        .call(|| fetch.provider.saved_search_page(fetch.account, id, request))
        .await?;
    fetch.people(page, cursor.as_ref())
}

pub(super) async fn fetch_lead_list(
    fetch: Fetch<'_>,
    id: &LeadListId,
) -> Result<FetchedPage, FetchError> {
    let cursor = fetch.cursor()?;
    let request = fetch.request(cursor.as_ref());
    let page = fetch
        .call(|| fetch.provider.lead_list_page(fetch.account, id, request))
        .await?;
    fetch.people(page, cursor.as_ref())
}
