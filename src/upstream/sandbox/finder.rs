//! The e-mail finder, as Prospeo speaks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::upstream::sandbox::person::{FinderMark, SandboxPerson};
use crate::upstream::sandbox::population::{self, Mailbox};

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

/// What is known of somebody.
enum Knowledge {
    Person(Box<SandboxPerson>),
    Named {
        name: String,
        company: String,
    },
    Nobody,
    /// Too little was asked.
    Unusable,
}

/// An error as the finder writes it.
pub(super) struct Refusal {
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
pub(super) async fn enrich_person(
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let asked: Single = read(&headers, body)?;
    fail_if_marked(std::slice::from_ref(&asked.data))?;
    let knowledge = asked.data.look_up();
    if matches!(knowledge, Knowledge::Unusable) {
        return Err(Refusal::DATAPOINTS);
    }
    let (person, company) = knowledge
        .matched(asked.only_verified_email)
        .ok_or(Refusal::NO_MATCH)?;
    Ok(Json(json!({
        "error": false,
        "free_enrichment": false,
        "person": person,
        "company": company,
    })))
}

/// `POST /bulk-enrich-person`
pub(super) async fn bulk_enrich_person(
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let asked: Bulk = read(&headers, body)?;
    if asked.data.is_empty() || asked.data.len() > MOST_PEOPLE {
        return Err(Refusal::VALIDATION);
    }
    fail_if_marked(&asked.data)?;
    let (mut matched, mut not_matched, mut invalid) = (vec![], vec![], vec![]);
    for wanted in &asked.data {
        let identifier = wanted.identifier.as_deref().ok_or(Refusal::VALIDATION)?;
        let knowledge = wanted.look_up();
        if matches!(knowledge, Knowledge::Unusable) {
            invalid.push(identifier);
        } else if let Some((person, company)) = knowledge.matched(asked.only_verified_email) {
            matched.push(json!({"identifier": identifier, "person": person, "company": company}));
        } else {
            not_matched.push(identifier);
        }
    }
    Ok(Json(json!({
        "error": false,
        "total_cost": matched.len(),
        "matched": matched,
        "not_matched": not_matched,
        "invalid_datapoints": invalid,
    })))
}

fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refusal> {
    let key = headers.get("x-key");
    if key.is_none_or(|key| key.as_bytes().trim_ascii().is_empty()) {
        return Err(Refusal::KEY);
    }
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
        if let Some(slug) = self.slug() {
            return population::profile(&slug).map_or(Knowledge::Nobody, |person| {
                Knowledge::Person(Box::new(person))
            });
        }
        let filled = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|t| !t.is_empty())
        };
        let name = filled(&self.full_name).or_else(|| {
            let (first, last) = (filled(&self.first_name)?, filled(&self.last_name)?);
            Some(format!("{first} {last}"))
        });
        match (name, filled(&self.company_name)) {
            (Some(name), Some(company)) => Knowledge::Named { name, company },
            _ => Knowledge::Unusable,
        }
    }
}

impl Knowledge {
    /// The person and the company of a match.
    fn matched(self, only_verified: bool) -> Option<(Value, Value)> {
        let (mailbox, name, company, url, title) = match self {
            Self::Person(person) => (
                population::mailbox_of(&person),
                person.name(),
                person.company.name.clone(),
                person.url(),
                Some(person.title),
            ),
            Self::Named { name, company } => (
                population::mailbox_of_name(&name, &company),
                name,
                company,
                None,
                None,
            ),
            Self::Nobody | Self::Unusable => return None,
        };
        let email = match mailbox {
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
            "full_name": name,
            "linkedin_url": url,
            "current_job_title": title,
            "email": email,
        });
        Some((person, json!({"name": company})))
    }
}
