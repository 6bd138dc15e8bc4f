//! What both halves of a LinkedIn call have in common: key, account, query and body on the way in,
//! errors and headers on the way out.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const MOST_ROWS: u32 = 100;

/// An error body as the LinkedIn provider writes it.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    retry_after: Option<u32>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "api/invalid_parameters", detail)
    }

    fn no_key() -> Self {
        let detail = "The X-API-KEY header is missing or not accepted.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "api/missing_authorization",
            detail,
        )
    }

    pub(super) fn disconnected() -> Self {
        let detail = "The account is disconnected; its owner must authenticate again.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "provider/invalid_authorization",
            detail,
        )
    }

    pub(super) fn no_seat() -> Self {
        let detail = "This account has no access to Sales Navigator.";
        Self::new(
            StatusCode::FORBIDDEN,
            "provider/insufficient_permissions",
            detail,
        )
    }

    pub(super) fn no_route() -> Self {
        let detail = "The requested resource was not found.";
        Self::new(StatusCode::NOT_FOUND, "api/resource_not_found", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "provider/resource_not_found", detail)
    }

    pub(super) fn refused() -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let detail = "LinkedIn refused the request.";
        Self::new(status, "provider/unprocessable_entity", detail)
    }

    pub(super) fn too_many_requests(seconds: u32) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let detail = format!("Too many requests, retry in {seconds} seconds.");
        let mut failure = Self::new(status, "api/too_many_requests", detail);
        failure.retry_after = Some(seconds);
        failure
    }

    /// LinkedIn's own limit. It does not say when it ends.
    pub(super) fn throttled() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let detail = "LinkedIn limits this account for now.";
        Self::new(status, "provider/too_many_requests", detail)
    }

    pub(super) fn not_implemented(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "api/not_implemented", detail)
    }

    pub(super) fn unavailable() -> Self {
        let detail = "LinkedIn could not be reached.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "provider/server_error",
            detail,
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({
            "object": "Error",
            "type": self.kind,
            "status": self.status.as_u16(),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "detail": self.detail,
            "req_id": format!("req_{}", Uuid::new_v4().simple()),
        });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert(REMAINING, HeaderValue::from(0));
            headers.insert(RESET, HeaderValue::from(seconds));
        }
        response
    }
}

/// Whether this key opens nothing: none, an empty one, or one that begins with `refused`.
pub(super) fn is_refused_key(key: Option<&[u8]>) -> bool {
    let key = key.unwrap_or_default().trim_ascii();
    key.is_empty() || key.starts_with(b"refused")
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Adds the rate limit that every answer of a LinkedIn method shows; the sandbox counts none.
pub(super) async fn with_rate_limit(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(100_000));
    headers
        .entry(REMAINING)
        .or_insert(HeaderValue::from(99_999));
    headers.entry(RESET).or_insert(HeaderValue::from(60));
    response
}

/// A call with a key: the path's parameters in order, and the query.
pub(super) struct KeyedCall {
    pub(super) ids: Vec<String>,
    query: Vec<(String, String)>,
}

/// A call on behalf of an account that works. `ids` are what follows it in the path.
pub(super) struct AccountCall {
    pub(super) account: String,
    pub(super) ids: Vec<String>,
    call: KeyedCall,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) offset: u32,
    pub(super) limit: u32,
}

impl<S: Send + Sync> FromRequestParts<S> for KeyedCall {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let key = parts.headers.get("x-api-key");
        if is_refused_key(key.map(HeaderValue::as_bytes)) {
            return Err(Failure::no_key());
        }
        let path = Option::<Path<Vec<String>>>::from_request_parts(parts, state).await;
        let path = path.map_err(|_| Failure::invalid("params must be UTF-8"))?;
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            ids: path.map(|Path(ids)| ids).unwrap_or_default(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AccountCall {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let mut call = KeyedCall::from_request_parts(parts, state).await?;
        let mut ids = std::mem::take(&mut call.ids).into_iter();
        let account = ids.next().unwrap_or_default();
        if !account.starts_with("acc_") {
            return Err(Failure::invalid(
                "params/account_id must match pattern \"^acc_(.*)$\"",
            ));
        }
        match account.as_str() {
            "acc_disconnected" => Err(Failure::disconnected()),
            "acc_unreachable" => Err(Failure::unavailable()),
            _ => Ok(Self {
                account,
                ids: ids.collect(),
                call,
            }),
        }
    }
}

impl KeyedCall {
    /// Every value given for `name`.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let given = self.query.iter().filter(move |(given, _)| given == name);
        given.map(|(_, value)| value.as_str())
    }

    pub(super) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    fn number(&self, name: &str) -> Result<Option<u32>, Failure> {
        let parsed = self.value(name).map(str::parse).transpose();
        parsed.map_err(|_| Failure::invalid(format!("query/{name} must be a number >= 0")))
    }

    /// `offset` and `limit`; a limit over 100 is cut silently.
    pub(super) fn window(&self, default_limit: u32) -> Result<Window, Failure> {
        let limit = self.number("limit")?.unwrap_or(default_limit);
        if limit == 0 {
            return Err(Failure::invalid("query/limit must be >= 1"));
        }
        Ok(Window {
            offset: self.number("offset")?.unwrap_or(0),
            limit: limit.min(MOST_ROWS),
        })
    }
}

impl AccountCall {
    pub(super) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.call.value(name)
    }

    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.call.values(name)
    }

    pub(super) fn window(&self, default_limit: u32) -> Result<Window, Failure> {
        self.call.window(default_limit)
    }

    /// The window of a list that is paged by offset only.
    pub(super) fn offset_window(&self, default_limit: u32) -> Result<Window, Failure> {
        if self.value("cursor").is_some() {
            return Err(Failure::invalid(
                "This feature uses offset pagination, not a cursor.",
            ));
        }
        self.window(default_limit)
    }

    /// The parameter after the account, or after that and so on.
    pub(super) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    pub(super) fn require_sales_navigator(&self) -> Result<(), Failure> {
        if self.account == "acc_no_sales_navigator" {
            return Err(Failure::no_seat());
        }
        Ok(())
    }
}

/// A request body that is a JSON object.
pub(super) struct ObjectBody(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for ObjectBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Failure::invalid(
                "The content type must be application/json.",
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                let detail = "The body could not be read.";
                Failure::new(rejection.status(), "api/invalid_parameters", detail)
            })?;
        let body = serde_json::from_slice(&bytes);
        body.map(Self)
            .map_err(|_| Failure::invalid("body must be a JSON object"))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// The envelope of a list. `next_cursor` is absent where there is none.
pub(super) fn list(data: &[Value], total: u32, next_cursor: Option<String>) -> Value {
    let mut envelope = json!({"data": data, "total_count": total});
    if let Some(cursor) = next_cursor {
        envelope["next_cursor"] = Value::String(cursor);
    }
    envelope
}

/// The part of a short list that the window shows.
pub(super) fn shown<T>(items: &[T], window: Window) -> &[T] {
    let begin = usize::try_from(window.offset)
        .unwrap_or(usize::MAX)
        .min(items.len());
    let end = begin.saturating_add(usize::try_from(window.limit).unwrap_or(0));
    &items[begin..end.min(items.len())]
}
