//! A post, by its address.
//!
//! Unipile's own id of a post is not the one in the post's address, so it is looked up. Which forms
//! of LinkedIn's id the look-up takes is not documented: they are tried in turn.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{PostKind, PostUrl};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::{Unipile, not_json, wire};

/// What one form of a post's id led to.
enum PostLookup {
    Found(String),
    NotByThisForm(UpstreamError),
}

impl Unipile {
    /// Unipile's own id of a post. When no form is understood, the first one's error is the most
    /// telling, unless a later one says plainly that there is no such post.
    pub(super) async fn find_post(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        post: &PostUrl,
    ) -> Result<String, UpstreamError> {
        let mut told: Option<UpstreamError> = None;
        for form in id_forms(post.kind(), post.id()) {
            if told.is_some() {
                self.pause().await;
            }
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
                read_post_id(operation, &answer.text()).map(PostLookup::Found)
            })
            .await
    }
}

/// # Errors
/// When the answer is no post with an id.
pub(super) fn read_post_id(operation: Operation, text: &str) -> Result<String, UpstreamError> {
    let post = wire::parse(text).ok_or_else(|| not_json(operation))?;
    post.get("id")
        .and_then(|id| wire::segment(id.as_str()?))
        .ok_or_else(|| operation.error(UpstreamFault::InvalidAnswer, "a post without id"))
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
