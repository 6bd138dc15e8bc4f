//! The e-mail finder, as Prospeo speaks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::upstream::sandbox::answer::is_refused_key;
use crate::upstream::sandbox::finder::{Knowledge, filled, full_name};
use crate::upstream::sandbox::person::FinderMark;
use crate::upstream::sandbox::population::Mailbox;

const MOST_PEOPLE: usize = 50;

#[derive(Deserialize)]
struct Single {
    #[serde(default)]
    only_verified_email: bool,
    data: Wanted,
}

#[derive(Deserialize)]
struct Bulk {
    #[serde(default)]
    only_verified_email: bool,
    data: Vec<Wanted>,
}

/// Who is looked for: a page, or a name and a company.
#[derive(Deserialize)]
struct Wanted {
    identifier: Option<String>,
    linkedin_url: Option<String>,
    full_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company_name: Option<String>,
}

/// An error as the finder writes it.
pub(in crate::upstream::sandbox) struct Refusal {
    status: StatusCode,
    code: &'static str,
}

impl Refusal {
    const KEY: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        code: "INVALID_API_KEY",
    };
    const NO_MATCH: Self = Self::bad("NO_MATCH");
    const DATAPOINTS: Self = Self::bad("INVALID_DATAPOINTS");
    const VALIDATION: Self = Self::bad("VALIDATION_ERROR");

    const fn bad(code: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": true, "error_code": self.code});
        (self.status, Json(body)).into_response()
    }
}

/// `POST /enrich-person`
pub(in crate::upstream::sandbox) async fn enrich_person(
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let asked: Single = read(&headers, body)?;
    fail_if_marked(std::slice::from_ref(&asked.data))?;
    let knowledge = asked.data.look_up();
    if matches!(knowledge, Knowledge::Unusable) {
        return Err(Refusal::DATAPOINTS);
    }
    let (person, company) =
        matched(knowledge, asked.only_verified_email).ok_or(Refusal::NO_MATCH)?;
    Ok(Json(json!({
        "error": false,
        "free_enrichment": false,
        "person": person,
        "company": company,
    })))
}

/// `POST /bulk-enrich-person`
pub(in crate::upstream::sandbox) async fn bulk_enrich_person(
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let asked: Bulk = read(&headers, body)?;
    if asked.data.is_empty() || asked.data.len() > MOST_PEOPLE {
        return Err(Refusal::VALIDATION);
    }
    fail_if_marked(&asked.data)?;
    let (mut all_matched, mut not_matched, mut invalid) = (vec![], vec![], vec![]);
    for wanted in &asked.data {
        let identifier = wanted.identifier.as_deref().ok_or(Refusal::VALIDATION)?;
        let knowledge = wanted.look_up();
        if matches!(knowledge, Knowledge::Unusable) {
            invalid.push(identifier);
        } else if let Some((person, company)) = matched(knowledge, asked.only_verified_email) {
            let one = json!({"identifier": identifier, "person": person, "company": company});
            all_matched.push(one);
        } else {
            not_matched.push(identifier);
        }
    }
    Ok(Json(json!({
        "error": false,
        "total_cost": all_matched.len(),
        "matched": all_matched,
        "not_matched": not_matched,
        "invalid_datapoints": invalid,
    })))
}

/// `GET /account-information`
pub(in crate::upstream::sandbox) async fn account_information(
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    require_key(&headers)?;
    Ok(Json(json!({"error": false, "response": {
        "current_plan": "SANDBOX",
        "current_team_members": 1,
        "remaining_credits": 100_000,
        "used_credits": 0,
        "next_quota_renewal_days": 30,
        "next_quota_renewal_date": "2030-01-01 00:00:00+00:00",
    }})))
}

fn require_key(headers: &HeaderMap) -> Result<(), Refusal> {
    let key = headers.get("x-key");
    if is_refused_key(key.map(HeaderValue::as_bytes)) {
        return Err(Refusal::KEY);
    }
    Ok(())
}

fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refusal> {
    require_key(headers)?;
    let body = body.map_err(|rejection| Refusal {
        status: rejection.status(),
        code: "VALIDATION_ERROR",
    })?;
    serde_json::from_slice(&body).map_err(|_| Refusal::VALIDATION)
}

/// One person of a `finder-down` or `finder-quota` search is enough to fail the whole call.
fn fail_if_marked(people: &[Wanted]) -> Result<(), Refusal> {
    let marks = people
        .iter()
        .filter_map(|wanted| FinderMark::of_slug(&wanted.slug()?));
    match marks.into_iter().next() {
        None => Ok(()),
        Some(FinderMark::Quota) => Err(Refusal::bad("INSUFFICIENT_CREDITS")),
        Some(FinderMark::Down) => Err(Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "INTERNAL_ERROR",
        }),
    }
}

impl Wanted {
    /// The part after `/in/`, with the case that it came in.
    fn slug(&self) -> Option<String> {
        let (_, rest) = self
            .linkedin_url
            .as_deref()?
            .split_once("linkedin.com/in/")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let slug = percent_decode_str(&rest[..end]).decode_utf8().ok()?;
        (!slug.is_empty()).then(|| slug.into_owned())
    }

    fn look_up(&self) -> Knowledge {
        match self.slug() {
            Some(slug) => Knowledge::of_slug(&slug),
            None => Knowledge::of_name(
                full_name(
                    self.full_name.as_deref(),
                    self.first_name.as_deref(),
                    self.last_name.as_deref(),
                ),
                filled(self.company_name.as_deref()),
            ),
        }
    }
}

/// The person and the company of a match.
fn matched(knowledge: Knowledge, only_verified: bool) -> Option<(Value, Value)> {
    let found = knowledge.found()?;
    let email = match found.mailbox {
        Mailbox::Open(email) if email.verified => {
            json!({"status": "VERIFIED", "revealed": true, "email": email.address})
        }
        Mailbox::Open(email) if !only_verified => {
            json!({"status": "UNVERIFIED", "revealed": true, "email": email.address})
        }
        Mailbox::Masked(text) => {
            json!({"status": "VERIFIED", "revealed": false, "email": text})
        }
        Mailbox::Open(_) | Mailbox::None => return None,
    };
    let person = json!({
        "full_name": found.name,
        "linkedin_url": found.url,
        "current_job_title": found.title,
        "email": email,
    });
    Some((person, json!({"name": found.company})))
}
