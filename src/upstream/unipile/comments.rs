//! The people who commented on a post, and those who replied to them.
//!
//! A page is one call: a page of comments, or a page of the replies to one of them. After each page
//! of comments come the replies to those of its comments that have any, one comment after the other,
//! then the comments go on. The cursor carries what is left of that, so that a job can go on from it
//! anywhere. It is bounded: by the comments of one page, and by the pages read of one comment's
//! replies.

use reqwest::RequestBuilder;
use reqwest::header::CACHE_CONTROL;
use serde_json::Value;

use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::PostUrl;
use crate::upstream::error::UpstreamError;
use crate::upstream::http::call::Operation;
use crate::upstream::provider::{ListPlace, PageCursor, PageRequest, PeoplePage, RepliesCursor};
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::wire::{Envelope, count, id, segment};
use crate::upstream::unipile::{Unipile, paging, person};

/// The most comments of one page whose replies are read: four times as many as are asked for.
const COMMENTS_WITH_REPLIES_MAX: usize = 100;
/// The most pages of replies to one comment, should a provider send them in circles.
const REPLY_PAGES_MAX: u32 = 100;

impl Unipile {
    pub(super) async fn commenters_page(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        post: &PostUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let found;
        let (post_id, at) = match page.cursor {
            None => {
                found = self.find_post(operation, account, post).await?;
                self.pause().await;
                (&found, None)
            }
            Some(PageCursor::CommentsOffset { post_id, offset }) => {
                (post_id, Some(ListPlace::Offset(*offset)))
            }
            Some(PageCursor::CommentsToken { post_id, token }) => {
                (post_id, Some(ListPlace::Token(token.clone())))
            }
            Some(PageCursor::Replies(at)) => {
                return self.replies_page(operation, account, at, page.limit).await;
            }
            Some(PageCursor::Offset(_) | PageCursor::Token(_)) => {
                return Err(paging::foreign_cursor(operation));
            }
        };
        let segments = ["v2", account.as_str(), "posts", post_id, "comments"];
        let request = self.said(&segments, Some("MOST_RECENT"), at.as_ref(), page.limit);
        operation
            .call(request, |answer| {
                if let Some(failure) = Failure::of(answer) {
                    return if failure.ends(at.as_ref()) {
                        Ok(without_items(None, None))
                    } else {
                        Err(failure.into_error(operation, Route::Post))
                    };
                }
                read_comments(operation, &answer.text(), post_id, at.as_ref())
            })
            .await
    }

    async fn replies_page(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        at: &RepliesCursor,
        limit: u32,
    ) -> Result<PeoplePage, UpstreamError> {
        let Some(comment_id) = at.comments.first() else {
            return Ok(without_items(at.after_first_comment(), at.available));
        };
        let segments = [
            "v2",
            account.as_str(),
            "posts",
            &at.post_id,
            "comments",
            comment_id,
            "replies",
        ];
        let request = self.said(&segments, None, at.at.as_ref(), limit);
        operation
            .call(request, |answer| {
                let Some(failure) = Failure::of(answer) else {
                    return read_replies(operation, &answer.text(), at);
                };
                if failure.ends(at.at.as_ref()) {
                    return Ok(without_items(at.after_first_comment(), at.available));
                }
                let concerns_one_comment = failure.concerns_one_comment();
                let error = failure.into_error(operation, Route::Post);
                if !concerns_one_comment {
                    return Err(error);
                }
                tracing::warn!(%error, "the replies to one comment are left out");
                Ok(without_items(at.after_first_comment(), at.available))
            })
            .await
    }

    /// The question for a page of comments or replies, past Unipile's cache: it keeps answers for an
    /// hour unless it is told otherwise.
    fn said(
        &self,
        segments: &[&str],
        order: Option<&str>,
        at: Option<&ListPlace>,
        limit: u32,
    ) -> RequestBuilder {
        let limit = limit.max(1).to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(order.map(|order| ("sort_by", order)));
        let request = match at {
            None => self.get(segments, &query),
            Some(ListPlace::Offset(offset)) => {
                let offset = offset.to_string();
                query.push(("offset", offset.as_str()));
                self.get(segments, &query)
            }
            // A token holds the whole question, limit and order included.
            Some(ListPlace::Token(token)) => self.get(segments, &[("cursor", token.as_str())]),
        };
        request.header(CACHE_CONTROL, "no-cache")
    }
}

/// # Errors
/// When the answer is no page of a list.
pub(super) fn read_comments(
    operation: Operation,
    text: &str,
    post_id: &str,
    at: Option<&ListPlace>,
) -> Result<PeoplePage, UpstreamError> {
    let envelope = Envelope::read(operation, text)?;
    let mut comments = envelope.readable(comment_with_replies);
    if comments.len() > COMMENTS_WITH_REPLIES_MAX {
        let left_out = comments.len() - COMMENTS_WITH_REPLIES_MAX;
        tracing::warn!(left_out, "a page with too many comments that have replies");
        comments.truncate(COMMENTS_WITH_REPLIES_MAX);
    }
    let then = if at.is_none() && is_all_there_is(&envelope) {
        None
    } else {
        paging::after_either(&envelope, at)
    };
    let post_id = post_id.to_owned();
    let next = if comments.is_empty() {
        PageCursor::comments(post_id, then)
    } else {
        Some(PageCursor::Replies(RepliesCursor {
            post_id,
            comments,
            at: None,
            pages: 0,
            then,
            available: envelope.total_count,
        }))
    };
    Ok(PeoplePage {
        next,
        available: envelope.total_count,
        items: envelope.items(person::commenter),
    })
}

/// # Errors
/// When the answer is no page of a list.
pub(super) fn read_replies(
    operation: Operation,
    text: &str,
    at: &RepliesCursor,
) -> Result<PeoplePage, UpstreamError> {
    let envelope = Envelope::read(operation, text)?;
    let place = paging::after_either(&envelope, at.at.as_ref());
    let pages = at.pages.saturating_add(1);
    let next = match place {
        Some(place) if pages < REPLY_PAGES_MAX => Some(PageCursor::Replies(RepliesCursor {
            at: Some(place),
            pages,
            ..at.clone()
        })),
        _ => at.after_first_comment(),
    };
    Ok(PeoplePage {
        next,
        available: at.available,
        items: envelope.items(person::commenter),
    })
}

/// Whether a first page holds every comment, by a total that counts the replies as well. Whether it
/// does is not documented; a total that counts comments alone is [`paging`]'s to read.
fn is_all_there_is(first: &Envelope<'_>) -> bool {
    let replies = first.readable(|comment| comment.get("reply_counter").and_then(count));
    let replies = replies.into_iter().fold(0, u32::saturating_add);
    first.next_cursor.is_none()
        && replies > 0
        && first.total_count == Some(first.len().saturating_add(replies))
}

/// The id of a comment whose replies are to be read. Whoever wrote it may be left out: people reply
/// to companies as well. A reply among the comments has none of its own.
fn comment_with_replies(comment: &Value) -> Option<String> {
    let is_reply = id(comment, "thread_id").is_some();
    let has_replies = comment.get("reply_counter").and_then(count)? > 0;
    let comment_id = id(comment, "id").and_then(|id| segment(&id))?;
    (has_replies && !is_reply).then_some(comment_id)
}

fn without_items(next: Option<PageCursor>, available: Option<u32>) -> PeoplePage {
    PeoplePage {
        items: Vec::new(),
        next,
        available,
    }
}
