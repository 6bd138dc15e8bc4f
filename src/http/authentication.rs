//! Who is calling, and whether they call too often: 401 and 429.
//!
//! One look-up tells all that the request needs to know of its key, its account group and its
//! idempotency key. What is malformed there counts as absent here and is refused further in, so
//! that nobody learns anything of paths before they have shown a key.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use metrics::counter;
use tracing::{Span, field};

use crate::domain::api_key::ApiKeySecret;
use crate::domain::id::AccountGroupId;
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::client_address::client_address;
use crate::http::path::PathParams;
use crate::http::rate_limit::Taken;
use crate::http::router::HttpState;
use crate::http::trace::Exchange;
use crate::service::authentication::authenticate;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the layer needs to know of its route.
#[derive(Clone)]
pub struct Authentication {
    pub state: HttpState,
    pub reads_idempotency_key: bool,
}

/// Lets a request with a valid key pass and leaves the caller in its extensions.
///
/// # Errors
/// [`Error::Unauthenticated`], [`Error::RateLimited`]; faults of the database.
pub async fn require_key(
    State(authentication): State<Authentication>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let state = &authentication.state;
    let secret = secret_of(request.headers()).ok_or(Error::Unauthenticated)?;
    if secret.kind() != state.app.key_kind {
        return Err(Error::Unauthenticated);
    }
    let account_group: Option<AccountGroupId> =
        PathParams::of(request.uri(), request.extensions()).find("accountGroupId");
    if let Some(id) = &account_group {
        Span::current().record("account_group", id.as_str());
    }
    let idempotency_key = match authentication.reads_idempotency_key {
        true => read_idempotency_key(request.headers()).unwrap_or_default(),
        false => None,
    };
    let look_up = authenticate(
        &state.app,
        &secret,
        account_group.as_ref(),
        idempotency_key.as_ref(),
    );
    let address = client_address(&request, &state.settings.trusted_proxies);
    let looked_up = state
        .unknown_keys
        .look_up(address, secret.digest(), look_up)
        .await;
    if matches!(looked_up, Err(Error::RateLimited { .. })) {
        counter!("prospector_http_rate_limited_total", "by" => "address").increment(1);
    }
    let caller = looked_up?;
    Span::current().record("api_key", field::display(caller.api_key_id));
    let taken = state.rate_limiter.take(caller.api_key_id, Instant::now());
    let exchange = request.extensions().get::<Exchange>();
    let (Taken::Yes(bucket) | Taken::No { state: bucket, .. }) = taken;
    if let Some(exchange) = exchange {
        exchange.set_rate_limit(bucket);
    }
    if let Taken::No { retry_after, .. } = taken {
        counter!("prospector_http_rate_limited_total", "by" => "key").increment(1);
        return Err(Error::RateLimited { retry_after });
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The `Idempotency-Key` of a request, if it has one.
///
/// # Errors
/// The violation, when the header is repeated, empty or holds other bytes than it may.
pub fn read_idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Violations> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let refused = |code, what: &str| {
        let sentence = format!("Idempotency-Key {what}.");
        Violations::of("Idempotency-Key", code, sentence)
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(refused("repeated", "may be given only once")),
        (Some(value), None) => IdempotencyKey::parse(value.as_bytes())
            .map(Some)
            .map_err(|invalid| refused("invalid", &invalid.to_string())),
    }
}

/// The key of a request; `None` when there is none, it is malformed, or there are two.
fn secret_of(headers: &HeaderMap) -> Option<ApiKeySecret> {
    let bearer = only_value(headers, &AUTHORIZATION)?.map(|text| bearer_token(text));
    let plain = only_value(headers, &X_API_KEY)?;
    let text = match (bearer, plain) {
        (Some(bearer), Some(plain)) => bearer.filter(|bearer| *bearer == plain)?,
        (Some(bearer), None) => bearer?,
        (None, plain) => plain?,
    };
    ApiKeySecret::parse(text).ok()
}

/// The header's one value, or none; outer `None` when it is repeated or no text.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => Some(Some(value.to_str().ok()?.trim())),
        (Some(_), Some(_)) => None,
    }
}

fn bearer_token(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api_key::KeyKind;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_key_comes_as_bearer_token_or_in_its_own_header() {
        let key = ApiKeySecret::new(KeyKind::Live);
        let bearer = format!("bEARER  {}", key.reveal());
        for pairs in [
            vec![("authorization", bearer.as_str())],
            vec![("x-api-key", key.reveal())],
            vec![
                ("x-api-key", key.reveal()),
                ("authorization", bearer.as_str()),
            ],
        ] {
            assert_eq!(
                secret_of(&headers(&pairs)).as_ref(),
                Some(&key),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn an_ambiguous_or_malformed_key_is_none() {
        let key = ApiKeySecret::new(KeyKind::Live);
        let bearer = format!("Bearer {}", key.reveal());
        let basic = format!("Basic {}", key.reveal());
        let other = ApiKeySecret::new(KeyKind::Live);
        for pairs in [
            vec![],
            vec![("authorization", "Bearer")],
            vec![("authorization", "Bearer ")],
            vec![("authorization", key.reveal())],
            vec![("authorization", basic.as_str())],
            vec![("authorization", "Bearer sk_live_x")],
            vec![
                ("authorization", bearer.as_str()),
                ("authorization", bearer.as_str()),
            ],
            vec![("x-api-key", key.reveal()), ("x-api-key", key.reveal())],
            vec![
                ("x-api-key", other.reveal()),
                ("authorization", bearer.as_str()),
            ],
            vec![
                ("x-api-key", key.reveal()),
                ("authorization", basic.as_str()),
            ],
        ] {
            assert_eq!(secret_of(&headers(&pairs)), None, "{pairs:?}");
        }
    }

    #[test]
    fn an_idempotency_key_is_one_header_of_visible_ascii() {
        let read = |pairs: &[_]| read_idempotency_key(&headers(pairs));
        assert_eq!(read(&[]).unwrap(), None);
        let key = read(&[("idempotency-key", "order-17")]).unwrap();
        assert_eq!(key.unwrap().as_str(), "order-17");
        for pairs in [
            vec![("idempotency-key", "")],
            vec![("idempotency-key", "a b")],
            vec![("idempotency-key", "a"), ("idempotency-key", "a")],
        ] {
            let violations = read(&pairs).unwrap_err();
            assert_eq!(violations.listed()[0].field, "Idempotency-Key");
        }
    }
}
