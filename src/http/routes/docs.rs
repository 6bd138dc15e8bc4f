//! The reference page: `openapi.yaml` for people, in a browser that may be off every network.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::http::conditional::{client_has, not_modified};
use crate::http::envelope::Payload;
use crate::http::path::PathParams;
use crate::http::query::{NoQuery, unexpected_parameters};
use crate::http::swagger_ui;

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");

/// The page may load from this service alone, and talk to it alone. Swagger UI draws its arrows
/// from `data:` images.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// `GET /docs`
///
/// # Errors
/// [`Error::Invalid`] when it came with a query.
pub async fn page(_: NoQuery) -> Result<Response, Error> {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, SECURITY_POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let response = (headers, PAGE).into_response();
    Ok(Payload::Verbatim.attach(response))
}

/// `GET /docs/{file}`: what the page loads.
///
/// # Errors
/// [`Error::NotFound`] for any other file, [`Error::Invalid`] when it came with a query.
pub async fn file(request: Request) -> Result<Response, Error> {
    let params = PathParams::of(request.uri(), request.extensions());
    let name: Option<String> = params.find("file");
    let response = match name.as_deref() {
        Some("swagger-ui-bundle.js") => {
            packed(swagger_ui::script()?, "text/javascript", request.headers())?
        }
        Some("swagger-ui.css") => packed(swagger_ui::style()?, "text/css", request.headers())?,
        Some("start.js") => sent(START, &headers_of("text/javascript")),
        _ => return Err(Error::NotFound { what: "route" }),
    };
    // Only now: another file is an unknown route, whatever its query.
    let violations = unexpected_parameters(request.uri().query());
    match violations.is_empty() {
        true => Ok(response),
        false => Err(Error::Invalid(violations)),
    }
}

fn packed(
    file: &swagger_ui::PackedFile,
    media_type: &str,
    request: &HeaderMap,
) -> Result<Response, Error> {
    // One tag for both forms, so a weak one.
    let tag = format!("W/\"{:08x}\"", file.crc32);
    let mut headers = headers_of(media_type);
    headers.push((ETAG, tag.clone()));
    headers.push((VARY, "accept-encoding".to_owned()));
    if client_has(request, &tag) {
        headers.retain(|(name, _)| *name != CONTENT_TYPE);
        return not_modified(&headers);
    }
    if accepts_gzip(request) {
        headers.push((CONTENT_ENCODING, "gzip".to_owned()));
        return Ok(sent(file.gzip.clone(), &headers));
    }
    Ok(sent(file.plain.clone(), &headers))
}

fn headers_of(media_type: &str) -> Vec<(HeaderName, String)> {
    vec![
        (CONTENT_TYPE, format!("{media_type}; charset=utf-8")),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ]
}

fn sent(bytes: impl Into<Bytes>, headers: &[(HeaderName, String)]) -> Response {
    let mut response = Response::new(Body::from(bytes.into()));
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Payload::Verbatim.attach(response)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, quality) = coding.split_once(";").unwrap_or((coding, "q=1"));
        let quality = quality.trim().trim_start_matches(['q', 'Q', '=', ' ']);
        name.trim().eq_ignore_ascii_case("gzip")
            && quality.parse().is_ok_and(|quality: f32| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_name_it() {
        for (value, accepts) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip ; q=1.0", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000, br", false),
            ("xgzip", false),
            ("*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), accepts, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
