//! The people who commented on a post.
//!
//! Unipile's own id of a post is not the one in the post's address, so the first page looks it up,
//! and the cursor carries it on. Which forms of LinkedIn's id the look-up takes is not documented:
//! they are tried in turn.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::CACHE_CONTROL;
use serde_json::json;

use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{PostKind, PostUrl};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::provider::{PageCursor, PageRequest, PeoplePage};
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::wire::{Envelope, opaque};
use crate::upstream::unipile::{Unipile, not_json, paging, person};

/// What one form of a post's id led to.
enum PostLookup {
    Found(String),
    NotByThisForm(UpstreamError),
}

impl Unipile {
    pub(super) async fn commenters_page(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        post: &PostUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        let post_id = match page.cursor {
            None => self.find_post(operation, account, post).await?,
            Some(
                PageCursor::CommentsOffset { post_id, .. }
                | PageCursor::CommentsToken { post_id, .. },
            ) => post_id.clone(),
            Some(_) => return Err(paging::foreign_cursor(operation)),
        };
        let query = match page.cursor {
            // A token holds the whole question, limit and order included.
            Some(PageCursor::CommentsToken { token, .. }) => vec![("cursor", token.clone())],
            Some(PageCursor::CommentsOffset { offset, .. }) => {
                let mut query = first_query(page.limit);
                query.push(("offset", offset.to_string()));
                query
            }
            _ => first_query(page.limit),
        };
        let query: Vec<(&str, &str)> = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let segments = ["v2", account.as_str(), "posts", &post_id, "comments"];
        // Unipile keeps answers for an hour unless it is told otherwise.
        let request = self
            .get(&segments, &query)
            .header(CACHE_CONTROL, "no-cache");
        operation
            .call(request, |answer| {
                if let Some(failure) = Failure::of(answer) {
                    let by_offset = matches!(page.cursor, Some(PageCursor::CommentsOffset { .. }));
                    return if by_offset && failure.wants_cursor() {
                        Ok(nothing_more())
                    } else {
                        Err(failure.into_error(operation, Route::Post))
                    };
                }
                let text = answer.text();
                let envelope = Envelope::read(operation, &text)?;
                Ok(PeoplePage {
                    next: paging::after_comments(&envelope, &post_id, page.cursor),
                    available: envelope.total_count,
                    items: envelope.items(person::commenter),
                })
            })
            .await
    }

    /// Unipile's own id of a post. When no form is understood, the first one's error is the most
    /// telling, unless a later one says plainly that there is no such post.
    async fn find_post(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        post: &PostUrl,
    ) -> Result<String, UpstreamError> {
        let mut told: Option<UpstreamError> = None;
        for form in id_forms(post.kind(), post.id()) {
            match self.look_up_post(operation, account, &form).await? {
                PostLookup::Found(post_id) => return Ok(post_id),
                PostLookup::NotByThisForm(error) => {
                    let is_plain = error.fault == UpstreamFault::SourceNotFound;
                    let was_plain = told
                        .as_ref()
                        .is_some_and(|told| told.fault == UpstreamFault::SourceNotFound);
                    if told.is_none() || (is_plain && !was_plain) {
                        told = Some(error);
                    }
                }
            }
        }
        Err(told.unwrap_or_else(|| operation.error(UpstreamFault::SourceNotFound, "no post id")))
    }

    async fn look_up_post(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        form: &str,
    ) -> Result<PostLookup, UpstreamError> {
        let request = self.get(&["v2", account.as_str(), "posts", form], &[]);
        operation
            .call(request, |answer| {
                if let Some(failure) = Failure::of(answer) {
                    let is_unknown_post = failure.is_unknown_post();
                    let error = failure.into_error(operation, Route::Post);
                    return if is_unknown_post {
                        Ok(PostLookup::NotByThisForm(error))
                    } else {
                        Err(error)
                    };
                }
                let post = answer.json().ok_or_else(|| not_json(operation))?;
                post.get("id")
                    .and_then(|id| opaque(id.as_str()?))
                    .map(PostLookup::Found)
                    .ok_or_else(|| {
                        operation.error(UpstreamFault::InvalidAnswer, "a post without id")
                    })
            })
            .await
    }
}

fn first_query(limit: u32) -> Vec<(&'static str, String)> {
    vec![
        ("limit", limit.max(1).to_string()),
        ("sort_by", "MOST_RECENT".to_owned()),
    ]
}

fn nothing_more() -> PeoplePage {
    PeoplePage {
        items: Vec::new(),
        next: None,
        available: None,
    }
}

/// The forms of a post's id that Unipile may understand, the likeliest first.
fn id_forms(kind: PostKind, digits: &str) -> Vec<String> {
    let kind_name = match kind {
        PostKind::Activity => "activity",
        PostKind::UgcPost => "ugcPost",
        PostKind::Share => "share",
    };
    let short = format!("{kind_name}:{digits}");
    let mut forms = Vec::with_capacity(4);
    if kind == PostKind::Activity {
        forms.push(digits.to_owned());
    }
    forms.push(format!("urn:li:{short}"));
    // Unipile's own ids are lists of short urns in base64.
    let composite = STANDARD.encode(json!([short]).to_string());
    forms.extend([short, composite]);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_activity_is_asked_for_by_its_digits_alone() {
        assert_eq!(
            id_forms(PostKind::Activity, "73"),
            [
                "73",
                "urn:li:activity:73",
                "activity:73",
                "WyJhY3Rpdml0eTo3MyJd"
            ]
        );
        assert_eq!(
            id_forms(PostKind::UgcPost, "73"),
            ["urn:li:ugcPost:73", "ugcPost:73", "WyJ1Z2NQb3N0OjczIl0="]
        );
        assert_eq!(id_forms(PostKind::Share, "73")[0], "urn:li:share:73");
    }
}
