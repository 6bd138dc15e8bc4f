//! Where the next page begins.
//!
//! A short page is no end: LinkedIn hides rows, and a limit may be cut without saying so. So an
//! offset advances by what came, never by what was asked for, and rows that are then seen twice
//! are the caller's to recognise.

use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::provider::PageCursor;
use crate::upstream::unipile::wire::Envelope;

/// # Errors
/// When the cursor belongs to another kind of source.
pub(super) fn offset(
    operation: Operation,
    cursor: Option<&PageCursor>,
) -> Result<u32, UpstreamError> {
    match cursor {
        None => Ok(0),
        Some(PageCursor::Offset(offset)) => Ok(*offset),
        Some(_) => Err(foreign_cursor(operation)),
    }
}

pub(super) fn foreign_cursor(operation: Operation) -> UpstreamError {
    operation.error(
        UpstreamFault::Refused,
        "not asked: the cursor is of another kind of source",
    )
}

/// The next page of a route that pages by offset.
pub(super) fn after_offset(page: &Envelope<'_>, offset: u32) -> Option<PageCursor> {
    next_offset(page, offset).map(PageCursor::Offset)
}

/// The next page of comments, which page by token or by offset as the provider likes.
///
/// `current` is the place of this page, `None` for the first one.
pub(super) fn after_comments(
    page: &Envelope<'_>,
    post_id: &str,
    current: Option<&PageCursor>,
) -> Option<PageCursor> {
    let post_id = post_id.to_owned();
    let current_token = match current {
        Some(PageCursor::CommentsToken { token, .. }) => Some(token),
        _ => None,
    };
    match (&page.next_cursor, current_token) {
        // The same token again would bring the same page for ever.
        (Some(token), Some(current)) if token == current => None,
        (Some(token), _) => Some(PageCursor::CommentsToken {
            post_id,
            token: token.clone(),
        }),
        (None, Some(_)) => None,
        (None, None) => {
            let offset = match current {
                Some(PageCursor::CommentsOffset { offset, .. }) => *offset,
                _ => 0,
            };
            next_offset(page, offset).map(|offset| PageCursor::CommentsOffset { post_id, offset })
        }
    }
}

/// `None` at the end: nothing came, or all that there is. A count that is below what came already
/// is wrong, so it ends nothing.
fn next_offset(page: &Envelope<'_>, offset: u32) -> Option<u32> {
    if page.len() == 0 {
        return None;
    }
    let next = offset.checked_add(page.len())?;
    (page.total_count != Some(next)).then_some(next)
}
