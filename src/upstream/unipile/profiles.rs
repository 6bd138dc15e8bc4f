//! One member's profile, by public identifier or internal id.

use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::PublicIdentifier;
use crate::upstream::error::UpstreamError;
use crate::upstream::http::call::Operation;
use crate::upstream::provider::ProfileLookup;
use crate::upstream::unipile::failure::{Failure, Route};
use crate::upstream::unipile::{Unipile, not_json, person, wire};

const WITH_POSITIONS: (&str, &str) = ("with_sections", "linkedin_experience");
/// Sales Navigator has ids of its own, and shows all sections without being asked.
const IN_SALES_NAVIGATOR: (&str, &str) = ("variant", "linkedin_sales_navigator");
/// How the owner of the account is asked for.
const OWNER: &str = "me";

enum Looked {
    Up(ProfileLookup),
    /// LinkedIn did not take the identifier: nobody has it, or the account's owner does.
    RefusedIdentifier,
}

impl Unipile {
    pub(super) async fn profile_of(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        asked: &PublicIdentifier,
    ) -> Result<ProfileLookup, UpstreamError> {
        let query = if asked.is_sales_navigator_id() {
            IN_SALES_NAVIGATOR
        } else {
            WITH_POSITIONS
        };
        let user = asked.as_str();
        if let Looked::Up(lookup) = self.look(operation, account, user, query, asked).await? {
            return Ok(lookup);
        }
        self.pause().await;
        let owner = self.look(operation, account, OWNER, WITH_POSITIONS, asked);
        Ok(match owner.await? {
            Looked::Up(ProfileLookup::Found(person)) => ProfileLookup::Found(person),
            _ => ProfileLookup::NotFound,
        })
    }

    async fn look(
        &self,
        operation: Operation,
        account: &LinkedinAccountId,
        user: &str,
        query: (&str, &str),
        asked: &PublicIdentifier,
    ) -> Result<Looked, UpstreamError> {
        let request = self.get(&["v2", account.as_str(), "users", user], &[query]);
        operation
            .call(request, |answer| match Failure::of(answer) {
                None => read_profile(operation, &answer.text(), asked).map(Looked::Up),
                Some(failure) if failure.is_refused_identifier() => Ok(Looked::RefusedIdentifier),
                Some(failure) if failure.is_unknown_member() => {
                    Ok(Looked::Up(ProfileLookup::NotFound))
                }
                Some(failure) => Err(failure.into_error(operation, Route::Profile)),
            })
            .await
    }
}

/// # Errors
/// When the answer is no JSON.
pub(super) fn read_profile(
    operation: Operation,
    text: &str,
    asked: &PublicIdentifier,
) -> Result<ProfileLookup, UpstreamError> {
    let profile = wire::parse(text).ok_or_else(|| not_json(operation))?;
    Ok(person::profile(&profile, asked))
}
