//! `openapi.yaml` is sound, and the checker that holds answers against it refuses what it must.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use prospector::domain::credits::EntryKind;
use prospector::domain::job::{
    EnrichmentErrorCode, JobErrorCode, JobStatus, RowEmailStatus, RowOutcome, StageStatus,
    StopReason, WaitingReason,
};
use prospector::domain::permission::Permission;
use prospector::domain::plan::Plan;
use prospector::domain::quota::ListType;
use prospector::domain::start_request::{Duplicates, SourceKind};
use serde_json::{Value, json};

use crate::support::openapi::{OpenApi, Operation, escape};

const CREDITS: &str = "/v1/accounts/65f0c1d2e3a4b5c6d7e8f901/credits";
const JOB: &str = "/v1/accounts/65f0c1d2e3a4b5c6d7e8f901/prospecting/507f1f77bcf86cd799439011";
const START: &str = "/v1/accounts/65f0c1d2e3a4b5c6d7e8f901/prospecting";
const START_SCHEMA: &str = "/components/schemas/ProspectingJobStartRequest";
const TRACE_ID: &str = "65a1b2c3d4e5f60718293a4b";

/// Calls `visit` with the JSON pointer of every value of the document, examples' values excepted.
fn walk(at: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(at, value);
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                if !(key == "value" && at.contains("/examples/")) {
                    walk(&format!("{at}/{}", escape(key)), inner, visit);
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                walk(&format!("{at}/{index}"), inner, visit);
            }
        }
        _ => {}
    }
}

fn references(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk("", document, &mut |_, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            found.insert(target.to_owned());
        }
    });
    found
}

#[test]
fn the_document_is_openapi_3_1_and_its_version_is_the_programs() {
    let document = OpenApi::get().document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = OpenApi::get().document();
    let references = references(document);
    assert!(!references.is_empty());
    for reference in &references {
        let target = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(target).is_some(), "{reference}");
    }
    for (kind, components) in document["components"].as_object().unwrap() {
        if kind == "securitySchemes" {
            continue;
        }
        for name in components.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(references.contains(&reference), "{reference} is not used");
        }
    }
}

/// What programs that make clients trip over: they drop what stands beside a reference, and name
/// an object without a name by its place.
#[test]
fn nothing_stands_beside_a_reference_and_every_object_has_a_name() {
    walk("", OpenApi::get().document(), &mut |at, value| {
        let Some(schema) = value.as_object() else {
            return;
        };
        assert!(!schema.contains_key("$ref") || schema.len() == 1, "{at}");
        let is_component = at
            .rsplit_once('/')
            .is_some_and(|(of, _)| of == "/components/schemas");
        if schema.contains_key("properties") && schema.contains_key("required") && !is_component {
            assert!(schema.contains_key("title"), "{at} has no title");
        }
    });
}

#[test]
fn every_operation_is_described_and_its_ids_are_unique() {
    let api = OpenApi::get();
    let document = api.document();
    let tags: Vec<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = BTreeSet::new();
    for Operation { method, template } in api.operations() {
        let operation = &document["paths"][&template][method.to_lowercase()];
        for key in ["operationId", "summary", "description"] {
            let text = operation[key].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {template} has no {key}");
        }
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(&tag), "{method} {template}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        let has_key = operation.get("security").is_none();
        assert_eq!(has_key, template.starts_with("/v1/"), "{method} {template}");
        // Where no account group is asked for, any valid key will do.
        let has_permission = operation["x-permission"].is_string();
        let has_group = template.contains("{accountGroupId}");
        assert_eq!(has_group, has_permission, "{method} {template}");
    }
}

#[test]
fn every_path_parameter_is_declared() {
    let document = OpenApi::get().document();
    for (template, item) in document["paths"].as_object().unwrap() {
        let in_template: Vec<&str> = template
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let declared: Vec<&str> = item["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| parameter["$ref"].as_str().unwrap().trim_start_matches('#'))
            .map(|target| document.pointer(target).unwrap()["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_template, declared, "{template}");
    }
}

#[test]
fn every_schema_is_a_schema_of_draft_2020_12() {
    let document = OpenApi::get().document();
    let mut count = 0;
    walk("", document, &mut |at, value| {
        let is_component = at
            .strip_prefix("/components/schemas/")
            .is_some_and(|name| !name.contains('/'));
        if is_component || (at.ends_with("/schema") && value.is_object()) {
            count += 1;
            if let Err(error) = jsonschema::draft202012::meta::validate(value) {
                panic!("{at}: {error}");
            }
            OpenApi::get().validator(at);
        }
    });
    assert!(count > 50, "{count}");
}

#[test]
fn every_example_is_valid_and_every_json_body_has_one() {
    let api = OpenApi::get();
    let mut bodies = 0;
    walk("", api.document(), &mut |at, value| {
        // Of a body or header; `schema` is a sibling of `example` and `examples`.
        if at.ends_with("/application~1json") {
            bodies += 1;
            let examples = value["examples"].as_object().unwrap();
            assert!(!examples.is_empty(), "{at}");
            for (name, example) in examples {
                let violations = api.violations_of_body(at, &example["value"]);
                assert_eq!(violations, Vec::<String>::new(), "{at}, example {name}");
            }
        } else if let (Some(example), Some(_)) = (value.get("example"), value.get("schema")) {
            let violations = api.violations(&format!("{at}/schema"), example);
            assert_eq!(violations, Vec::<String>::new(), "{at}");
        } else if let Some(examples) = value.get("examples").and_then(Value::as_array) {
            for example in examples {
                let violations = api.violations(at, example);
                assert_eq!(violations, Vec::<String>::new(), "{at}");
            }
        }
    });
    assert!(bodies > 15, "{bodies}");
}

/// The texts of an enum in the document, null left out.
fn listed(pointer: &str) -> Vec<&'static str> {
    let values = OpenApi::get().document().pointer(pointer).unwrap();
    let values = values.as_array().unwrap().iter();
    values.filter_map(Value::as_str).collect()
}

#[test]
fn the_documents_enums_are_the_programs() {
    macro_rules! assert_lists {
        ($pointer:literal, $values:expr) => {
            let texts: Vec<&str> = $values.iter().map(|value| value.as_str()).collect();
            assert_eq!(
                listed(concat!("/components/schemas/", $pointer, "/enum")),
                texts
            );
        };
    }
    assert_lists!("Source", SourceKind::ALL);
    assert_lists!("Duplicates", Duplicates::ALL);
    assert_lists!("Plan", Plan::ALL);
    assert_lists!("Permission", Permission::ALL);
    assert_lists!("ListType", ListType::ALL);
    assert_lists!("CreditEntryKind", EntryKind::ALL);
    assert_lists!("JobStatus", JobStatus::ALL);
    assert_lists!("JobErrorCode", JobErrorCode::ALL);
    assert_lists!("EnrichmentErrorCode", EnrichmentErrorCode::ALL);
    assert_lists!("EnrichmentStage/properties/status", StageStatus::ALL);
    assert_lists!("StopReason", StopReason::ALL);
    assert_lists!("JobWaiting/properties/reason", WaitingReason::ALL);
    assert_lists!("JobProspect/properties/outcome", RowOutcome::ALL);
    assert_lists!("EmailStatus", RowEmailStatus::ALL);
}

#[test]
fn a_start_request_may_have_the_fields_of_its_source_only() {
    let search = "https://www.linkedin.com/search/results/people/?keywords=cto";
    let profile = "https://www.linkedin.com/in/bea-test";
    let accepted = [
        json!({"source": "linkedin_search", "searchUrl": search, "maxResults": 5.0}),
        json!({"source": "linkedin_search", "searchUrl": search, "urls": null, "metadata": {}}),
        json!({"source": "sales_navigator", "savedSearchId": "1", "leadListId": null}),
        json!({"source": "url_upload", "urls": vec![profile; 1000], "maxResults": 9_007_199_254_740_991_u64}),
    ];
    for request in accepted {
        let violations = OpenApi::get().violations(START_SCHEMA, &request);
        assert_eq!(violations, Vec::<String>::new(), "{request}");
    }
    let refused = [
        json!({}),
        json!({"source": null, "searchUrl": search}),
        json!({"source": "csv", "searchUrl": search}),
        json!({"source": "linkedin_search"}),
        json!({"source": "linkedin_search", "searchUrl": null}),
        json!({"source": "linkedin_search", "searchUrl": "https://www.linkedin.com/sales/search/people?savedSearchId=1"}),
        json!({"source": "linkedin_search", "searchUrl": search, "leadListId": "1"}),
        json!({"source": "linkedin_search", "searchUrl": search, "limt": 1}),
        json!({"source": "linkedin_search", "searchUrl": search, "maxResults": 0}),
        json!({"source": "linkedin_search", "searchUrl": search, "maxResults": "5"}),
        json!({"source": "linkedin_search", "searchUrl": search, "duplicates": "merge"}),
        json!({"source": "linkedin_search", "searchUrl": search, "metadata": {"a": 1}}),
        json!({"source": "linkedin_search", "searchUrl": search, "metadata": {"a": "\u{0}"}}),
        json!({"source": "linkedin_search", "searchUrl": search, "metadata": {"a".repeat(41): ""}}),
        json!({"source": "sales_navigator"}),
        json!({"source": "sales_navigator", "savedSearchId": null}),
        json!({"source": "sales_navigator", "savedSearchId": "1", "leadListId": "2"}),
        json!({"source": "sales_navigator", "savedSearchId": "x"}),
        json!({"source": "post_commenters", "postUrl": profile}),
        json!({"source": "url_upload", "urls": []}),
        json!({"source": "url_upload", "urls": vec![profile; 1001]}),
        json!({"source": "url_upload", "urls": ["https://www.linkedin.com.evil.example/in/bea"]}),
    ];
    for request in refused {
        let violations = OpenApi::get().violations(START_SCHEMA, &request);
        assert!(!violations.is_empty(), "{request}");
    }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}

const PLAIN: [(&str, &str); 2] = [
    ("content-type", "application/json; charset=utf-8"),
    ("x-trace-id", TRACE_ID),
];

fn authenticated() -> HeaderMap {
    let mut all = headers(&PLAIN);
    all.extend(headers(&[
        ("ratelimit-policy", "\"default\";q=600;w=60"),
        ("ratelimit", "\"default\";r=119;t=1"),
        ("x-ratelimit-limit", "600"),
        ("x-ratelimit-remaining", "119"),
        ("x-ratelimit-reset", "1777390201"),
    ]));
    all
}

fn without(mut headers: HeaderMap, name: &str) -> HeaderMap {
    headers.remove(name);
    headers
}

fn credits() -> Value {
    json!({
        "success": true,
        "data": {"plan": "starter", "balance": 900, "reserved": 152, "available": 748},
        "error": null,
        "traceId": TRACE_ID,
    })
}

fn failure(code: &str) -> Value {
    json!({
        "success": false,
        "data": null,
        "error": {"code": code, "message": "No.", "details": "Ask again."},
        "traceId": TRACE_ID,
    })
}

fn check(
    method: &str,
    path: &str,
    status: u16,
    headers: &HeaderMap,
    body: &Value,
) -> Result<(), String> {
    let body = body.to_string();
    OpenApi::get().check_response(method, path, status, headers, body.as_bytes())
}

#[track_caller]
fn assert_refused(result: Result<(), String>, because: &str) {
    let message = result.expect_err("the checker took it");
    assert!(message.contains(because), "{message}");
}

#[test]
fn the_checker_takes_an_answer_as_declared() {
    let all = authenticated();
    assert_eq!(check("GET", CREDITS, 200, &all, &credits()), Ok(()));
    let with_query = format!("{CREDITS}?a=b");
    assert_eq!(check("get", &with_query, 200, &all, &credits()), Ok(()));
    let plain = headers(&PLAIN);
    let unauthorized = failure("UNAUTHORIZED");
    assert_eq!(check("GET", CREDITS, 401, &plain, &unauthorized), Ok(()));
    let api = OpenApi::get();
    assert_eq!(api.check_response("HEAD", CREDITS, 200, &all, b""), Ok(()));
    let yaml = headers(&[
        ("content-type", "application/yaml"),
        ("x-trace-id", TRACE_ID),
    ]);
    let read = api.check_response("GET", "/openapi.yaml", 200, &yaml, b"openapi: 3.1.0");
    assert_eq!(read, Ok(()));
}

#[test]
fn the_checker_refuses_an_undeclared_status() {
    let all = authenticated();
    let result = check("GET", CREDITS, 404, &all, &failure("NOT_FOUND"));
    assert_refused(result, "does not list this status");
}

#[test]
fn the_checker_refuses_a_body_of_another_shape() {
    let all = authenticated();
    let mut body = credits();
    body["data"]["note"] = json!("extra");
    assert_refused(check("GET", CREDITS, 200, &all, &body), "/data: ");
    let mut body = credits();
    body["data"]["balance"] = json!("900");
    assert_refused(check("GET", CREDITS, 200, &all, &body), "/data/balance: ");
    let mut body = credits();
    body["data"].as_object_mut().unwrap().remove("reserved");
    assert_refused(check("GET", CREDITS, 200, &all, &body), "reserved");
    let body = failure("FORBIDDEN");
    let result = check("GET", CREDITS, 401, &headers(&PLAIN), &body);
    assert_refused(result, "/error/code: ");
    let result = OpenApi::get().check_response("GET", CREDITS, 200, &all, b"oops");
    assert_refused(result, "no JSON");
}

#[test]
fn the_checker_refuses_missing_repeated_and_malformed_headers() {
    let ask = |headers: &HeaderMap| check("GET", CREDITS, 200, headers, &credits());
    assert_refused(ask(&without(authenticated(), "ratelimit")), "RateLimit is");
    assert_refused(ask(&without(authenticated(), "x-trace-id")), "X-Trace-Id");
    assert_refused(ask(&without(authenticated(), "content-type")), "declared");
    let mut twice = authenticated();
    twice.append("x-ratelimit-limit", HeaderValue::from_static("1"));
    assert_refused(ask(&twice), "came twice");
    let mut word = authenticated();
    word.insert("x-ratelimit-limit", HeaderValue::from_static("many"));
    assert_refused(ask(&word), "X-RateLimit-Limit: ");
    let mut bare = authenticated();
    bare.insert("content-type", HeaderValue::from_static("application/json"));
    assert_refused(ask(&bare), "charset");
    let mut other = authenticated();
    other.insert(
        "x-trace-id",
        HeaderValue::from_static("507f1f77bcf86cd799439011"),
    );
    assert_refused(ask(&other), "repeat");
}

#[test]
fn the_checker_refuses_a_body_where_none_is_declared() {
    let mut all = without(authenticated(), "content-type");
    all.extend(headers(&[
        ("etag", "W/\"7\""),
        ("cache-control", "private, no-cache"),
    ]));
    let api = OpenApi::get();
    assert_eq!(api.check_response("GET", JOB, 304, &all, b""), Ok(()));
    assert_refused(api.check_response("GET", JOB, 304, &all, b"{}"), "no body");
}

#[test]
fn a_replay_with_200_has_ended_and_says_that_it_is_one() {
    let mut all = authenticated();
    all.insert("location", HeaderValue::from_static(JOB));
    let mut body = json!({
        "success": true,
        "data": {"jobId": "507f1f77bcf86cd799439011", "status": "completed", "createdAt": "2026-04-28T15:30:00.000Z"},
        "error": null,
        "traceId": TRACE_ID,
    });
    assert_refused(
        check("POST", START, 200, &all, &body),
        "Idempotent-Replayed",
    );
    all.insert("idempotent-replayed", HeaderValue::from_static("true"));
    assert_eq!(check("POST", START, 200, &all, &body), Ok(()));
    assert_refused(check("POST", START, 202, &all, &body), "/data/status");
    body["data"]["createdAt"] = json!("2026-04-28T15:30:00Z");
    assert_refused(check("POST", START, 200, &all, &body), "/data/createdAt");
}

#[test]
fn what_the_document_does_not_know_may_only_answer_404_or_405() {
    let plain = headers(&PLAIN);
    let not_found = failure("NOT_FOUND");
    assert_eq!(check("GET", "/nothing", 404, &plain, &not_found), Ok(()));
    let slash = format!("{CREDITS}/");
    assert_eq!(check("GET", &slash, 404, &plain, &not_found), Ok(()));
    let result = check("GET", "/nothing", 200, &plain, &credits());
    assert_refused(result, "may only answer 404");
    let result = check("GET", "/nothing", 404, &plain, &failure("FORBIDDEN"));
    assert_refused(result, "must be NOT_FOUND");

    let not_allowed = failure("METHOD_NOT_ALLOWED");
    let result = check("DELETE", CREDITS, 405, &plain, &not_allowed);
    assert_refused(result, "Allow");
    let mut with_allow = plain;
    with_allow.insert("allow", HeaderValue::from_static("GET,HEAD"));
    let result = check("DELETE", CREDITS, 405, &with_allow, &not_allowed);
    assert_eq!(result, Ok(()));
    let result = check("DELETE", CREDITS, 404, &with_allow, &not_found);
    assert_refused(result, "may only answer 405");
}
