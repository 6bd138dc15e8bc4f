//! The e-mail finder, as Hunter speaks.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::upstream::sandbox::answer::is_refused_key;
use crate::upstream::sandbox::finder::{Knowledge, filled, full_name};
use crate::upstream::sandbox::person::FinderMark;
use crate::upstream::sandbox::population::Mailbox;

/// An error as Hunter writes it.
pub(in crate::upstream::sandbox) struct Refusal {
    status: StatusCode,
    id: &'static str,
    details: &'static str,
}

impl Refusal {
    const KEY: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        id: "authentication_failed",
        details: "No user found for the API key supplied.",
    };
    const TOO_LITTLE: Self = Self {
        status: StatusCode::BAD_REQUEST,
        id: "wrong_params",
        details: "linkedin_handle, or company with full_name or first_name and last_name.",
    };
    const NOBODY: Self = Self {
        status: StatusCode::NOT_FOUND,
        id: "not_found",
        details: "There is no such person.",
    };
    const USED_UP: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        id: "usage_limit",
        details: "The plan is used up.",
    };
    const DOWN: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        id: "unavailable",
        details: "Down on purpose.",
    };
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({"id": self.id, "code": self.status.as_u16(), "details": self.details});
        (self.status, Json(json!({ "errors": [error] }))).into_response()
    }
}

/// A call with a key, in the header or as `api_key`.
pub(in crate::upstream::sandbox) struct Call {
    query: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let call = Self {
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        };
        let header = parts.headers.get("x-api-key");
        let key = header.map(HeaderValue::as_bytes);
        if is_refused_key(key.or_else(|| call.value("api_key").map(str::as_bytes))) {
            return Err(Refusal::KEY);
        }
        Ok(call)
    }
}

impl Call {
    fn value(&self, name: &str) -> Option<&str> {
        let given = self.query.iter().find(|(given, _)| given == name);
        given.map(|(_, value)| value.as_str())
    }

    fn knowledge(&self) -> Knowledge {
        match filled(self.value("linkedin_handle")) {
            Some(handle) => Knowledge::of_slug(&handle),
            None => Knowledge::of_name(
                full_name(
                    self.value("full_name"),
                    self.value("first_name"),
                    self.value("last_name"),
                ),
                filled(self.value("company")),
            ),
        }
    }
}

/// `GET /v2/email-finder`
pub(in crate::upstream::sandbox) async fn email_finder(call: Call) -> Result<Json<Value>, Refusal> {
    match call.value("linkedin_handle").and_then(FinderMark::of_slug) {
        Some(FinderMark::Quota) => return Err(Refusal::USED_UP),
        Some(FinderMark::Down) => return Err(Refusal::DOWN),
        None => {}
    }
    let knowledge = call.knowledge();
    if matches!(knowledge, Knowledge::Unusable) {
        return Err(Refusal::TOO_LITTLE);
    }
    let found = knowledge.found().ok_or(Refusal::NOBODY)?;
    let (email, score, status) = match found.mailbox {
        Mailbox::Open(email) if email.verified => (Some(email.address), Some(97), Some("valid")),
        Mailbox::Open(email) => (Some(email.address), Some(61), Some("accept_all")),
        Mailbox::Masked(text) => (Some(text), Some(97), Some("valid")),
        Mailbox::None => (None, None, None),
    };
    let domain = email.as_deref().and_then(|email| email.split_once('@'));
    let asked: Map<String, Value> = call
        .query
        .iter()
        .filter(|(name, _)| name != "api_key")
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let (first_name, last_name) = found.name.split_once(' ').unwrap_or((&found.name, ""));
    Ok(Json(json!({
        "data": {
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "score": score,
            "domain": domain.map(|(_, domain)| domain),
            "accept_all": status == Some("accept_all"),
            "position": found.title,
            "company": found.company,
            "twitter": null,
            "linkedin_url": found.url,
            "phone_number": null,
            "sources": [],
            "verification": {"date": status.map(|_| "2026-01-01"), "status": status},
        },
        "meta": {"params": asked},
    })))
}

/// `GET /v2/account`
pub(in crate::upstream::sandbox) async fn account(_: Call) -> Json<Value> {
    let counter = json!({"used": 0, "available": 100_000});
    Json(json!({"data": {
        "first_name": "Sandbox",
        "last_name": "Owner",
        "email": "owner@sandbox.example",
        "plan_name": "Sandbox",
        "plan_level": 0,
        "reset_date": "2030-01-01",
        "team_id": 1,
        "calls": counter,
        "requests": {"searches": counter, "verifications": counter},
    }}))
}
