//! Request bodies: JSON, within a size, and nothing else.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;

use crate::domain::violation::Violations;
use crate::error::Error;

/// The largest body that is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

const TOO_LARGE: Error = Error::PayloadTooLarge {
    limit: BODY_BYTES_MAX,
};

/// Refuses a body that is announced as too large before anything else is looked at.
///
/// # Errors
/// [`Error::PayloadTooLarge`].
pub async fn refuse_announced_size(request: Request, next: Next) -> Result<Response, Error> {
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX) > BODY_BYTES_MAX)
    {
        return Err(TOO_LARGE);
    }
    Ok(next.run(request).await)
}

/// Reads the body of a request that must be JSON. Whether it is, the caller's parser finds out.
///
/// # Errors
/// [`Error::UnsupportedMediaType`], [`Error::PayloadTooLarge`], or [`Error::Invalid`] for a body
/// that ended before its announced length or whose chunks are malformed.
pub async fn read_json(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Error> {
    if !is_json(headers) {
        return Err(Error::UnsupportedMediaType);
    }
    let mut body = body;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| incomplete())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn incomplete() -> Error {
    let sentence = "The body could not be read to its end.";
    Error::Invalid(Violations::of("body", "incomplete", sentence))
}

/// Exactly one `application/json`, in UTF-8 if it says so, not compressed.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let is_plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    only.to_str().is_ok_and(is_json_in_utf8) && is_plain
}

fn is_json_in_utf8(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn json() -> HeaderMap {
        headers(&[("content-type", "application/json")])
    }

    #[test]
    fn json_in_utf_8_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; profile=\"x\"",
            "application/json;",
        ] {
            assert!(is_json(&headers(&[("content-type", good)])), "{good}");
        }
        let identity = [
            ("content-type", "application/json"),
            ("content-encoding", "identity"),
        ];
        assert!(is_json(&headers(&identity)));
    }

    #[test]
    fn anything_else_is_not() {
        for wrong in [
            "",
            "text/plain",
            "application/json+x",
            "application/merge-patch+json",
            "application/jsonx",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json, text/plain",
        ] {
            assert!(!is_json(&headers(&[("content-type", wrong)])), "{wrong}");
        }
        assert!(!is_json(&HeaderMap::new()));
        let twice = [
            ("content-type", "application/json"),
            ("content-type", "application/json"),
        ];
        assert!(!is_json(&headers(&twice)));
        let packed = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
        ];
        assert!(!is_json(&headers(&packed)));
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
        let whole = vec![b' '; BODY_BYTES_MAX];
        let read = read_json(&json(), Body::from(whole.clone())).await.unwrap();
        assert_eq!(read.len(), BODY_BYTES_MAX);
        let chunks = [Ok::<_, std::io::Error>(whole), Ok(vec![b' '])];
        let streamed = Body::from_stream(futures_util::stream::iter(chunks));
        let refused = read_json(&json(), streamed).await.unwrap_err();
        assert!(matches!(
            refused,
            Error::PayloadTooLarge {
                limit: BODY_BYTES_MAX
            }
        ));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_named() {
        let chunks = [
            Ok(vec![b'{']),
            Err(std::io::Error::other("connection lost")),
        ];
        let broken = Body::from_stream(futures_util::stream::iter(chunks));
        let refused = read_json(&json(), broken).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    }
}
