//! What the documents say of errors is what the service says: the examples of `openapi.yaml`, and
//! the tables of the README and `docs/errors.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prospector::domain::job::{EnrichmentErrorCode, JobErrorCode};
use prospector::domain::permission::Permission;
use prospector::domain::quota::ListType;
use prospector::domain::violation::Violations;
use prospector::error::Error;
use prospector::http::error::PublicError;
use serde_json::{Value, json};

use crate::support::openapi::OpenApi;

/// A day's end, as the document's example of a used-up quota has it.
const RESET: &str = "2026-04-29T00:00:00.000Z";

fn faults_of_the_example() -> Violations {
    let mut faults = Violations::of(
        "searchUrl",
        "required",
        "searchUrl is required for the source linkedin_search.",
    );
    faults.push(
        "limt",
        "unknown_field",
        "limt is not a field of this request.",
    );
    faults
}

/// Every error that a request can meet, with the figures of the document's examples.
fn every_error() -> Vec<Error> {
    let resting = Duration::from_secs(1);
    vec![
        Error::Invalid(faults_of_the_example()),
        Error::Invalid(Violations::of(
            "verbose",
            "unknown_parameter",
            "verbose is not a query parameter of this route.",
        )),
        Error::UnsupportedMediaType,
        Error::Unauthenticated,
        Error::InsufficientCredits {
            needed: 500,
            available: 148,
        },
        Error::PermissionMissing(Permission::ProspectingWrite),
        Error::AccountGroupForbidden,
        Error::NotFound { what: "job" },
        Error::NotFound { what: "route" },
        Error::MethodNotAllowed,
        Error::JobHasEnded,
        Error::IdempotencyConflict,
        Error::LinkedinNotConnected,
        Error::SalesNavigatorRequired,
        Error::AccountGroupPaused,
        Error::PayloadTooLarge { limit: 1_048_576 },
        Error::RateLimited {
            retry_after: resting,
        },
        Error::QuotaExhausted {
            list_type: ListType::LinkedinClassic,
            reset_at: RESET.parse().unwrap(),
        },
        Error::Upstream("down".into()),
        Error::UpstreamShutOff {
            retry_after: resting,
        },
        Error::database_unavailable("away"),
        Error::internal("a fault"),
    ]
}

fn public(error: &Error) -> PublicError {
    let now: DateTime<Utc> = "2026-04-28T15:30:00.000Z".parse().unwrap();
    PublicError::of(error, now)
}

/// The `error` of an answer's envelope.
fn told(error: &Error) -> Value {
    let failure = public(error).failure;
    let mut told = json!({
        "code": failure.code,
        "message": failure.message,
        "details": failure.details,
    });
    if let Some(fields) = failure.fields {
        told["fields"] = json!(fields);
    }
    told
}

#[test]
fn the_documents_examples_of_errors_are_the_services_words() {
    let document = OpenApi::get().document();
    let errors: Vec<Value> = every_error().iter().map(told).collect();
    let mut shown: BTreeSet<String> = BTreeSet::new();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let examples = &response["content"]["application/json"]["examples"];
        for (example, of) in examples.as_object().unwrap() {
            let error = &of["value"]["error"];
            assert!(errors.contains(error), "{name}, {example}: {error:#}");
            shown.insert(error.to_string());
        }
    }
    for error in &errors {
        // This one is not of an operation.
        let is_listed = error["code"] != "METHOD_NOT_ALLOWED";
        assert_eq!(shown.contains(&error.to_string()), is_listed, "{error:#}");
    }
}

#[test]
fn a_status_shows_an_example_of_each_of_its_codes() {
    let document = OpenApi::get().document();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let body = &response["content"]["application/json"];
        let examples = body["examples"].as_object().unwrap().values();
        let shown: BTreeSet<&str> = examples
            .map(|example| example["value"]["error"]["code"].as_str().unwrap())
            .collect();
        if shown.contains("VALIDATION_ERROR") {
            continue;
        }
        let allowed = body["x-allowed-values"]["/error/code"].as_array().unwrap();
        let allowed: BTreeSet<&str> = allowed.iter().map(|code| code.as_str().unwrap()).collect();
        assert_eq!(shown, allowed, "{name}");
    }
}

/// By code, in which statuses requests fail with it, or the kind of thing that fails.
type Table = BTreeMap<String, BTreeSet<String>>;

fn add(table: &mut Table, code: &str, place: impl ToString) {
    let places = table.entry(code.to_owned()).or_default();
    places.insert(place.to_string());
}

fn codes_of_the_program() -> Table {
    let mut table = Table::new();
    for error in every_error() {
        let public = public(&error);
        add(&mut table, public.failure.code, public.status.as_u16());
    }
    for code in JobErrorCode::ALL {
        add(&mut table, code.as_str(), "job");
    }
    for code in EnrichmentErrorCode::ALL {
        add(&mut table, code.as_str(), "look-up");
    }
    table
}

/// The cells of a Markdown table's rows in a part of a text.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The texts in code font, of those that are codes.
fn codes(cell: &str) -> impl Iterator<Item = &str> {
    let marked = cell.split('`').skip(1).step_by(2);
    marked.filter(|text| {
        text.bytes()
            .all(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_".contains(&byte))
    })
}

#[test]
fn the_readme_has_the_table_of_all_codes() {
    let mut table = Table::new();
    let readme = include_str!("../../README.md");
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with("Errors\n"));
    for row in rows(section.unwrap()) {
        for code in codes(row[1]) {
            for place in row[0].split(", ") {
                add(&mut table, code, place);
            }
            assert!(row[2].ends_with('.'), "{code} has no next step");
        }
    }
    assert_eq!(table, codes_of_the_program());
}

#[test]
fn the_page_on_errors_has_every_code() {
    let mut table = Table::new();
    let page = include_str!("../../docs/errors.md");
    for part in page.split("\n## ") {
        let heading = part.lines().next().unwrap();
        for row in rows(part) {
            let (place, code) = match heading {
                "Errors of a request" => (row[0], row[1]),
                "Errors of a job" => ("job", row[0]),
                "Errors of the e-mail look-up" => ("look-up", row[0]),
                _ => panic!("{heading} has a table"),
            };
            for code in codes(code) {
                add(&mut table, code, place);
            }
        }
    }
    assert_eq!(table, codes_of_the_program());
}

#[test]
fn the_message_of_every_failed_job_names_the_next_step() {
    let jobs = JobErrorCode::ALL.iter().map(|code| code.message());
    let look_ups = EnrichmentErrorCode::ALL.iter().map(|code| code.message());
    for message in jobs.chain(look_ups) {
        let steps = [
            "start a new job",
            "Tell the operator",
            "The operator must",
            "Check the",
        ];
        assert!(steps.iter().any(|step| message.contains(step)), "{message}");
    }
}
