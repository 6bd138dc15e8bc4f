//! `openapi.yaml` as a judge of answers.
//!
//! The test client hands every answer to [`OpenApi::check_response`]. An answer passes when the
//! document lists its status for the operation, the headers and the content type are as declared,
//! and the body is valid against the schema. Whatever is not in the document may only answer 404
//! (unknown path) or 405 (known path, other method). What cannot be said in a schema but holds for
//! every answer is checked as well: the header `X-Trace-Id` repeats the body's `traceId`, JSON names
//! its charset, an answer to `HEAD` has no body.
//!
//! Two extensions stand where the schema alone would be worse for the clients that are generated
//! from the document. `x-allowed-values` narrows a schema that several answers share: by JSON pointer,
//! the values that the body may have there. `x-line-schema` is that of each line of NDJSON.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::http::HeaderMap;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The methods that a path item may hold.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const JSON_AS_SENT: &str = "application/json; charset=utf-8";

/// The document, read once, with the validators that were needed so far.
pub(crate) struct OpenApi {
    document: Value,
    /// By JSON pointer of the schema in the document.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    /// In upper case.
    pub(crate) method: String,
    /// As in the document: `/v1/accounts/{accountGroupId}/credits`.
    pub(crate) template: String,
}

/// A place in the document, with every reference on the way followed.
#[derive(Clone)]
struct Place<'a> {
    pointer: String,
    value: &'a Value,
}

impl OpenApi {
    /// The repository's document.
    pub(crate) fn get() -> &'static Self {
        static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
        DOCUMENT.get_or_init(|| Self::parse(include_str!("../../../openapi.yaml")))
    }

    /// Panics when the text is no YAML.
    fn parse(text: &str) -> Self {
        Self {
            document: serde_saphyr::from_str(text).expect("openapi.yaml is YAML"),
            validators: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Every operation of the document, in its order of paths.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths
            .iter()
            .flat_map(|(template, item)| {
                METHODS
                    .iter()
                    .filter(|method| item.get(**method).is_some())
                    .map(|method| Operation {
                        method: method.to_uppercase(),
                        template: template.clone(),
                    })
            })
            .collect()
    }

    /// Holds an answer against the document; the error says all that is wrong with it.
    ///
    /// `path` is the concrete path, with or without its query.
    pub(crate) fn check_response(
        &self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let mut faults = Faults::default();
        match self.find_template(path) {
            None => self.check_undocumented(&mut faults, 404, "NOT_FOUND", status, headers, body),
            Some(template) => {
                let is_head = method.eq_ignore_ascii_case("HEAD");
                let known_as = if is_head { "get" } else { method };
                let operation = pointer(&["paths", template, &known_as.to_lowercase()]);
                if self.document.pointer(&operation).is_some() {
                    let body = Body {
                        bytes: body,
                        is_head,
                    };
                    self.check_documented(&mut faults, &operation, status, headers, &body);
                } else {
                    let code = "METHOD_NOT_ALLOWED";
                    if !headers.contains_key("allow") {
                        faults.add("the header Allow is missing");
                    }
                    self.check_undocumented(&mut faults, 405, code, status, headers, body);
                }
            }
        }
        faults.into_result(&format!("{method} {path} answered {status}"), body)
    }

    /// The validator of the schema at a JSON pointer of the document, which may be a reference.
    pub(crate) fn validator(&self, schema_pointer: &str) -> Arc<Validator> {
        let mut validators = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(schema_pointer) {
            return Arc::clone(validator);
        }
        assert!(
            self.document.pointer(schema_pointer).is_some(),
            "openapi.yaml has no {schema_pointer}"
        );
        // References inside a schema begin at the document's root, so the components come along.
        let mut root = self.document.pointer(schema_pointer).cloned().unwrap();
        root.as_object_mut()
            .expect("a schema is an object")
            .insert("components".to_owned(), self.document["components"].clone());
        let validator = jsonschema::draft202012::new(&root)
            .unwrap_or_else(|error| panic!("{schema_pointer} is no schema: {error}"));
        let validator = Arc::new(validator);
        validators.insert(schema_pointer.to_owned(), Arc::clone(&validator));
        validator
    }

    /// What is wrong with a value, one line for each violation; empty when it is valid.
    pub(crate) fn violations(&self, schema_pointer: &str, value: &Value) -> Vec<String> {
        self.validator(schema_pointer)
            .iter_errors(value)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                at => format!("{at}: {error}"),
            })
            .collect()
    }

    /// The path's template; one without parameters wins over one with them.
    fn find_template(&self, path: &str) -> Option<&str> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths
            .keys()
            .filter(|template| matches_template(template, path))
            .min_by_key(|template| template.matches('{').count())
            .map(String::as_str)
    }

    fn check_undocumented(
        &self,
        faults: &mut Faults,
        only_status: u16,
        only_code: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) {
        if status != only_status {
            faults.add(format!(
                "openapi.yaml does not know this operation, so it may only answer {only_status}"
            ));
            return;
        }
        check_media_type(faults, headers, &[JSON]);
        if let Some(body) = parse_json(faults, body) {
            faults.extend(self.violations("/components/schemas/ErrorResponse", &body));
            if body["error"]["code"] != only_code {
                faults.add(format!("/error/code: must be {only_code}"));
            }
            check_trace_id(faults, headers, &body);
        }
    }

    fn check_documented(
        &self,
        faults: &mut Faults,
        operation: &str,
        status: u16,
        headers: &HeaderMap,
        body: &Body<'_>,
    ) {
        let responses = self.follow(&format!("{operation}/responses"));
        let Some(response) = responses.get(&status.to_string(), self) else {
            faults.add("openapi.yaml does not list this status for the operation");
            return;
        };
        self.check_headers(faults, &response, headers);
        let content = response.get("content", self);
        let Some(content) = content.filter(|_| !body.is_head) else {
            if !body.bytes.is_empty() {
                faults.add("must have no body");
            }
            return;
        };
        let declared: Vec<&str> = content.keys();
        let Some(media_type) = check_media_type(faults, headers, &declared) else {
            return;
        };
        let at = format!("{}/{}", content.pointer, escape(media_type));
        match media_type {
            JSON => {
                if let Some(value) = parse_json(faults, body.bytes) {
                    faults.extend(self.violations_of_body(&at, &value));
                    check_trace_id(faults, headers, &value);
                }
            }
            NDJSON => {
                for line in body.bytes.split_inclusive(|byte| *byte == b'\n') {
                    if let Some(value) = parse_json(faults, line) {
                        faults.extend(self.violations(&format!("{at}/x-line-schema"), &value));
                    }
                }
            }
            _ => {}
        }
    }

    /// What is wrong with a JSON body, given the JSON pointer of its media type in the document.
    pub(crate) fn violations_of_body(&self, media_type: &str, body: &Value) -> Vec<String> {
        let mut violations = self.violations(&format!("{media_type}/schema"), body);
        let allowed = self
            .document
            .pointer(&format!("{media_type}/x-allowed-values"));
        for (at, values) in allowed.and_then(Value::as_object).into_iter().flatten() {
            let value = body.pointer(at).unwrap_or(&Value::Null);
            let values = values.as_array().expect("a list of allowed values");
            if !values.contains(value) {
                violations.push(format!("{at}: {value} is not one of {values:?}"));
            }
        }
        violations
    }

    fn check_headers(&self, faults: &mut Faults, response: &Place<'_>, headers: &HeaderMap) {
        let Some(declared) = response.get("headers", self) else {
            return;
        };
        for name in declared.keys() {
            let header = declared.get(name, self).expect("a header of the response");
            let schema = header.get("schema", self).expect("a header has a schema");
            let mut sent = headers.get_all(name).iter();
            match (sent.next(), sent.next()) {
                (None, _) if header.value["required"] == true => {
                    faults.add(format!("the header {name} is missing"));
                }
                (None, _) => {}
                (Some(_), Some(_)) => faults.add(format!("the header {name} came twice")),
                (Some(value), None) => {
                    let text = String::from_utf8_lossy(value.as_bytes());
                    let value = match text.parse::<i64>() {
                        Ok(number) if schema.value["type"] == "integer" => json!(number),
                        _ => json!(text),
                    };
                    for violation in self.violations(&schema.pointer, &value) {
                        faults.add(format!("the header {name}: {violation}"));
                    }
                }
            }
        }
    }

    /// The place at a JSON pointer; when a bare reference stands there, the place it names.
    fn follow(&self, at: &str) -> Place<'_> {
        let mut place = Place {
            pointer: at.to_owned(),
            value: self
                .document
                .pointer(at)
                .unwrap_or_else(|| panic!("openapi.yaml has no {at}")),
        };
        while let Some(target) = bare_reference(place.value) {
            place.value = self
                .document
                .pointer(target)
                .unwrap_or_else(|| panic!("openapi.yaml has no {target}"));
            target.clone_into(&mut place.pointer);
        }
        place
    }
}

impl<'a> Place<'a> {
    fn get(&self, key: &str, document: &'a OpenApi) -> Option<Self> {
        self.value.get(key)?;
        Some(document.follow(&format!("{}/{}", self.pointer, escape(key))))
    }

    fn keys(&self) -> Vec<&'a str> {
        self.value
            .as_object()
            .map(|object| object.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

struct Body<'a> {
    bytes: &'a [u8],
    /// The answer to a HEAD has the headers of the GET's body and no body.
    is_head: bool,
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, fault: impl Into<String>) {
        self.0.push(fault.into());
    }

    fn extend(&mut self, faults: Vec<String>) {
        self.0.extend(faults);
    }

    fn into_result(self, subject: &str, body: &[u8]) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut message = format!("{subject}, which is not what openapi.yaml says:");
        for fault in &self.0 {
            write!(message, "\n  - {fault}").unwrap();
        }
        let shown = &body[..body.len().min(2_000)];
        write!(message, "\n  body: {}", String::from_utf8_lossy(shown)).unwrap();
        Err(message)
    }
}

/// The media type when it is one of the declared ones.
fn check_media_type<'a>(
    faults: &mut Faults,
    headers: &HeaderMap,
    declared: &[&'a str],
) -> Option<&'a str> {
    let sent = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    let found = declared.iter().find(|name| **name == essence).copied();
    match found {
        None => faults.add(format!(
            "the content type is {sent:?}, declared: {}",
            declared.join(", ")
        )),
        Some(JSON) if sent != JSON_AS_SENT => {
            faults.add(format!(
                "the content type is {sent:?} instead of {JSON_AS_SENT:?}"
            ));
        }
        Some(_) => {}
    }
    found
}

fn parse_json(faults: &mut Faults, body: &[u8]) -> Option<Value> {
    match serde_json::from_slice(body) {
        Ok(value) => Some(value),
        Err(error) => {
            faults.add(format!("the body is no JSON: {error}"));
            None
        }
    }
}

fn check_trace_id(faults: &mut Faults, headers: &HeaderMap, body: &Value) {
    let header = headers.get("x-trace-id").and_then(|id| id.to_str().ok());
    if header.is_none() || header != body["traceId"].as_str() {
        faults.add("the header X-Trace-Id does not repeat the body's traceId");
    }
}

/// A parameter stands for one whole segment that is not empty.
fn matches_template(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all_match = template.split('/').all(|expected| {
        segments.next().is_some_and(|segment| {
            segment == expected || (expected.starts_with('{') && !segment.is_empty())
        })
    });
    all_match && segments.next().is_none()
}

/// The JSON pointer that a reference names when nothing else stands beside it.
fn bare_reference(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("$ref")?.as_str()?.strip_prefix('#')
}

fn pointer(keys: &[&str]) -> String {
    keys.iter().fold(String::new(), |pointer, key| {
        format!("{pointer}/{}", escape(key))
    })
}

/// A key as one part of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
