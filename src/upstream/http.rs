//! What the clients of outside services share: the HTTP client, an upstream's address and key.
//!
//! Every call has a total time-out, reads a bounded body, follows no redirect (the key would go
//! along) and leaves one log line that holds neither the key nor anything about a person.

pub(crate) mod call;
#[cfg(test)]
pub(crate) mod scripted;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderValue;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// All but the characters that RFC 3986 calls unreserved.
const ENCODED_IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The HTTP client could not be set up: no usable certificates on this machine, most likely.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for upstream calls cannot be set up")]
pub struct ClientError(#[source] reqwest::Error);

/// Makes the client for one upstream. Its connections are kept for later calls.
///
/// Proxy settings of the environment are not looked at: an upstream is reached directly.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(timeout: Duration) -> Result<reqwest::Client, ClientError> {
    // The only error is that the process has a provider already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .user_agent(concat!("prospector/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(ClientError)
}

/// The text is no address that calls can start from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidBaseUrl {
    pub reason: &'static str,
}

/// The address that all calls to an upstream start from, such as `https://api.unipile.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The address of `segments` below this one; each is percent-encoded as a whole, so that a
    /// slash in it does not divide it.
    #[must_use]
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut path = self.0.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, ENCODED_IN_SEGMENT));
        }
        let mut url = self.0.clone();
        url.set_path(&path);
        url
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let refused = |reason| Err(InvalidBaseUrl { reason });
        let Ok(url) = Url::parse(text.trim()) else {
            return refused("must be an address such as https://api.example.com");
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refused("must begin with http:// or https:// and a host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("must not hold a user name or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("must not hold a query or fragment");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// The text cannot be a key. It is not repeated here, since it may be one with a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 or more visible ASCII characters")]
pub struct InvalidApiKey;

/// The key that an upstream knows us by. It shows nowhere but in the header it is sent in.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// The value to send; HTTP code that prints headers leaves it out.
    pub(crate) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidApiKey);
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| InvalidApiKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_encoded_whole() {
        let base: BaseUrl = "https://api.example.com/".parse().unwrap();
        assert_eq!(
            base.join(&["v2", "a/b?c#d", "WyJ=+é", "urn:li:1"]).as_str(),
            "https://api.example.com/v2/a%2Fb%3Fc%23d/WyJ%3D%2B%C3%A9/urn%3Ali%3A1"
        );
    }

    #[test]
    fn a_base_url_may_have_a_path_and_a_trailing_slash() {
        for text in [
            "http://127.0.0.1:8090/unipile",
            "http://127.0.0.1:8090/unipile/",
        ] {
            let base: BaseUrl = text.parse().unwrap();
            assert_eq!(base.to_string(), "http://127.0.0.1:8090/unipile");
            assert_eq!(
                base.join(&["v2"]).as_str(),
                "http://127.0.0.1:8090/unipile/v2"
            );
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for wrong in [
            "",
            "api.unipile.com",
            "ftp://api.unipile.com",
            "mailto:a@example.com",
            "https://user@api.unipile.com",
            "https://:secret@api.unipile.com",
            "https://api.unipile.com?x=1",
            "https://api.unipile.com#x",
        ] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_never_shows() {
        let key: ApiKey = " s3cret\n".parse().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
        assert_eq!(key.header_value().to_str().unwrap(), "s3cret");
        assert!(key.header_value().is_sensitive());
        assert!(!format!("{:?}", key.header_value()).contains("s3cret"));
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_refused() {
        for wrong in ["", "  ", "a b", "a\nb", "clé"] {
            assert!(wrong.parse::<ApiKey>().is_err(), "{wrong:?}");
        }
    }
}
