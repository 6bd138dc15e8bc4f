//! `post_commenters`: the people who commented on a post.

use crate::domain::linkedin_url::PostUrl;
use crate::worker::retrying::with_retries;
use crate::worker::sources::{Fetch, FetchError, FetchedPage};

pub(super) async fn fetch(fetch: Fetch<'_>, post: &PostUrl) -> Result<FetchedPage, FetchError> {
    let cursor = fetch.cursor()?;
    let request = fetch.request(cursor.as_ref());
    let page = with_retries(|| {
        fetch
            .provider
            .post_commenters_page(fetch.account, post, request)
    })
    .await?;
    fetch.people(page, cursor.as_ref())
}
