//! Conditional reads: a client that has the version at hand gets a 304 without a body.

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::http::envelope::{Answer, Payload};

/// The weak tag of a version: the bodies of two answers differ in their trace id at least.
#[must_use]
pub fn weak_tag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// Whether the client has the representation with this tag, by weak comparison.
#[must_use]
pub fn client_has(headers: &HeaderMap, tag: &str) -> bool {
    let wanted = opaque_part(tag);
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let Ok(text) = value.to_str() else {
            return false;
        };
        text.trim() == "*" || tags(text).any(|tag| opaque_part(tag) == wanted)
    })
}

/// The answer to a client that has it all: these headers and nothing else.
///
/// # Errors
/// [`Error::Internal`] when a value holds bytes that no header may.
pub fn not_modified(headers: &[(HeaderName, String)]) -> Result<Response, Error> {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    for (name, value) in headers {
        let value = value.parse().map_err(Error::internal)?;
        response.headers_mut().insert(name, value);
    }
    Ok(Payload::Verbatim.attach(response))
}

/// The full answer, with the same headers.
///
/// # Errors
/// [`Error::Internal`] when a value holds bytes that no header may.
pub fn with_headers(answer: Answer, headers: &[(HeaderName, String)]) -> Result<Answer, Error> {
    headers.iter().try_fold(answer, |answer, (name, value)| {
        answer.with_header(name.clone(), value)
    })
}

fn opaque_part(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a list, each with its quotes; a comma within quotes parts nothing.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    list.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_NONE_MATCH, value.parse().unwrap());
        }
        client_has(&headers, &weak_tag(7))
    }

    #[test]
    fn a_client_that_names_the_version_in_any_form_has_it() {
        for value in [
            "W/\"7\"",
            "\"7\"",
            "*",
            "\"a,b\", W/\"7\"",
            "W/\"6\",W/\"7\"",
        ] {
            assert!(has(&[value]), "{value}");
        }
        assert!(has(&["\"6\"", "W/\"7\""]));
    }

    #[test]
    fn any_other_version_is_sent_anew() {
        for value in ["W/\"6\"", "7", "\"77\"", "\"7,\"", "\"6,7\"", "w/\"7\"", ""] {
            assert!(!has(&[value]), "{value}");
        }
        assert!(!has(&[]));
    }
}
