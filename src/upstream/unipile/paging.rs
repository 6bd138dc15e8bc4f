//! Where the next page begins.
//!
//! A short page is no end: LinkedIn hides rows, and a limit may be cut without saying so. So an
//! offset advances by what came, never by what was asked for, and rows that are then seen twice
//! are the caller's to recognise.

use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::provider::{ListPlace, PageCursor};
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

/// The next page of comments or replies, which page by token or by offset as the provider likes.
///
/// `current` is the place of this page, `None` for the first one.
pub(super) fn after_either(page: &Envelope<'_>, current: Option<&ListPlace>) -> Option<ListPlace> {
    match (&page.next_cursor, current) {
        // The same token again would bring the same page for ever.
        (Some(token), Some(ListPlace::Token(current))) if token == current => None,
        (Some(token), _) => Some(ListPlace::Token(token.clone())),
        (None, Some(ListPlace::Token(_))) => None,
        (None, Some(ListPlace::Offset(offset))) => {
            next_offset(page, *offset).map(ListPlace::Offset)
        }
        (None, None) => next_offset(page, 0).map(ListPlace::Offset),
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
