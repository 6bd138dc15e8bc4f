//! `linkedin_search`: the people of a LinkedIn search, by its URL.

use crate::domain::linkedin_url::PeopleSearchUrl;
use crate::worker::sources::{Fetch, FetchError, FetchedPage};

pub(super) async fn fetch(
    fetch: Fetch<'_>,
    url: &PeopleSearchUrl,
) -> Result<FetchedPage, FetchError> {
    let cursor = fetch.cursor()?;
    let request = fetch.request(cursor.as_ref());
    let page = fetch
        .call(|| fetch.provider.search_page(fetch.account, url, request))
        .await?;
    fetch.people(page, cursor.as_ref())
}
