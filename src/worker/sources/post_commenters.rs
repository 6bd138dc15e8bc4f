//! `post_commenters`: the people who commented on a post or replied to a comment.

use crate::domain::linkedin_url::PostUrl;
use crate::upstream::error::UpstreamError;
use crate::upstream::provider::{PageCursor, PeoplePage};
use crate::worker::sources::{Fetch, FetchError, FetchedPage};

pub(super) async fn fetch(fetch: Fetch<'_>, post: &PostUrl) -> Result<FetchedPage, FetchError> {
    let cursor = fetch.cursor()?;
    let request = fetch.request(cursor.as_ref());
    let page = fetch.call(|| {
        fetch
            .provider
            .post_commenters_page(fetch.account, post, request)
    });
    let page = match page.await {
        Ok(page) => page,
        Err(FetchError::Upstream(error)) => {
            without_these_replies(fetch, cursor.as_ref(), error).await?
        }
        Err(error) => return Err(error),
    };
    fetch.people(page, cursor.as_ref())
}

/// Passes over the replies to one comment, where they and not the provider are at fault.
///
/// # Errors
/// The fault, where it is another one.
async fn without_these_replies(
    fetch: Fetch<'_>,
    cursor: Option<&PageCursor>,
    error: UpstreamError,
) -> Result<PeoplePage, UpstreamError> {
    let Some(PageCursor::Replies(at)) = cursor else {
        return Err(error);
    };
    if !fetch.fails_here_only(&error).await {
        return Err(error);
    }
    tracing::warn!(%error, "the replies to one comment are left out");
    Ok(PeoplePage {
        items: Vec::new(),
        next: at.after_first_comment(),
        available: at.available,
    })
}
