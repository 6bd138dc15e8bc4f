//! Ids in paths.
//!
//! Read from the path itself, as the matched pattern names its parts: the router's own reading
//! gives up on all of them when one is not UTF-8, and then none could be named.

use std::str::FromStr;

use axum::extract::MatchedPath;
use axum::http::Extensions;
use axum::http::Uri;
use percent_encoding::percent_decode_str;

use crate::domain::id::{InvalidId, InvalidProviderId, JobId, ProviderId};
use crate::domain::violation::Violations;

/// The variable parts of a request's path.
#[derive(Debug)]
pub struct PathParams {
    parts: Vec<(String, Option<String>)>,
}

impl PathParams {
    /// None for a request that matched no route.
    #[must_use]
    pub fn of(uri: &Uri, extensions: &Extensions) -> Self {
        let pattern = extensions
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        Self::read(pattern, uri.path())
    }

    fn read(pattern: &str, path: &str) -> Self {
        let names = pattern.split('/').zip(path.split('/'));
        let parts = names.filter_map(|(name, value)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            let value = percent_decode_str(value).decode_utf8().ok();
            Some((name.to_owned(), value.map(std::borrow::Cow::into_owned)))
        });
        Self {
            parts: parts.collect(),
        }
    }

    /// The id of this name, if the path has it and it is well formed.
    #[must_use]
    pub fn find<T: FromStr>(&self, name: &str) -> Option<T> {
        let (_, value) = self.parts.iter().find(|(known, _)| known == name)?;
        value.as_deref()?.parse().ok()
    }

    /// The id of this name; a violation when it is not well formed.
    pub fn require<T: FromStr>(&self, name: &str, violations: &mut Violations) -> Option<T> {
        let id = self.find(name);
        if id.is_none() {
            violations.push(name, "invalid_id", format!("{name} {InvalidId}."));
        }
        id
    }
}

/// What a path names besides its account group.
pub trait PathTarget: Sized {
    /// `None` exactly when a violation was added.
    fn read(params: &PathParams, violations: &mut Violations) -> Option<Self>;
}

/// The account group alone.
impl PathTarget for () {
    fn read(_params: &PathParams, _violations: &mut Violations) -> Option<Self> {
        Some(())
    }
}

impl PathTarget for JobId {
    fn read(params: &PathParams, violations: &mut Violations) -> Option<Self> {
        params.require("jobId", violations)
    }
}

impl PathTarget for ProviderId {
    fn read(params: &PathParams, violations: &mut Violations) -> Option<Self> {
        let id = params.find("providerId");
        if id.is_none() {
            let sentence = format!("providerId {InvalidProviderId}.");
            violations.push("providerId", "invalid_id", sentence);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::AccountGroupId;

    const PATTERN: &str = "/v1/accounts/{accountGroupId}/prospecting/{jobId}";
    const ID: &str = "507f1f77bcf86cd799439011";

    #[test]
    fn every_malformed_id_is_named() {
        for wrong in [
            "%FF",
            "%00",
            "%F0%9F%98%80",
            "x",
            "507F1F77BCF86CD799439011",
        ] {
            let path = format!("/v1/accounts/{wrong}/prospecting/{wrong}");
            let params = PathParams::read(PATTERN, &path);
            let mut violations = Violations::none();
            let group: Option<AccountGroupId> = params.require("accountGroupId", &mut violations);
            assert_eq!((group, JobId::read(&params, &mut violations)), (None, None));
            let fields: Vec<_> = violations.listed().iter().map(|one| &one.field).collect();
            assert_eq!(fields, ["accountGroupId", "jobId"], "{wrong}");
        }
    }

    #[test]
    fn a_bad_id_does_not_hide_a_good_one() {
        let path = format!("/v1/accounts/{ID}/prospecting/%FF");
        let params = PathParams::read(PATTERN, &path);
        assert_eq!(
            params
                .find::<AccountGroupId>("accountGroupId")
                .unwrap()
                .as_str(),
            ID
        );
        assert_eq!(params.find::<JobId>("jobId"), None);
    }

    #[test]
    fn percent_encoding_does_not_change_an_id() {
        let path = format!("/v1/accounts/%35{}/prospecting/x", &ID[1..]);
        let group: Option<AccountGroupId> = PathParams::read(PATTERN, &path).find("accountGroupId");
        assert_eq!(group.unwrap().as_str(), ID);
    }
}
