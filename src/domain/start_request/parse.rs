//! Reads the fields of a start and collects what is wrong with them.
//!
//! Reading never stops at the first fault: a field that is absent or faulty reads as `None`, and
//! only a request without any fault becomes a [`StartRequest`].

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;

use crate::domain::linkedin_url::{
    InvalidLinkedinUrl, LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::start_request::json::{Json, Object};
use crate::domain::start_request::{Duplicates, Source, SourceKind, StartRequest, UploadedUrl};
use crate::domain::violation::Violations;

const MAX_URLS: usize = 1_000;
const DEFAULT_MAX_RESULTS: u64 = 100;
/// 2^53 - 1: beyond, JSON numbers are not exact everywhere.
const MAX_MAX_RESULTS: u64 = 9_007_199_254_740_991;
const MAX_METADATA_ENTRIES: usize = 16;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_VALUE_CHARS: usize = 500;
/// More than an honest body can have; a body of nothing but faults is not worth listing.
const MAX_VIOLATIONS: usize = 1_100;
/// How much of a name that the client chose comes back in an answer.
const MAX_ECHO_CHARS: usize = 40;

/// Every field, and the source that it belongs to if not to all.
pub(super) const FIELDS: [(&str, Option<SourceKind>); 10] = [
    ("source", None),
    ("searchUrl", Some(SourceKind::LinkedinSearch)),
    ("savedSearchId", Some(SourceKind::SalesNavigator)),
    ("leadListId", Some(SourceKind::SalesNavigator)),
    ("postUrl", Some(SourceKind::PostCommenters)),
    ("urls", Some(SourceKind::UrlUpload)),
    ("maxResults", None),
    ("searchEmails", None),
    ("duplicates", None),
    ("metadata", None),
];

pub(super) fn parse(
    body: &[u8],
    email_finder_configured: bool,
) -> Result<StartRequest, Violations> {
    let object = match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => object,
        Ok(_) => {
            let message = "body must be a JSON object.";
            return Err(Violations::of("body", "wrong_type", message));
        }
        Err(error) => {
            let message = format!("body must be valid JSON: {error}.");
            return Err(Violations::of("body", "malformed_json", message));
        }
    };
    let mut reader = Reader::new(object);
    let kind = reader.source_kind();
    reader.check_belonging(kind);
    let source = reader.source(kind);
    let max_results = reader.max_results(kind);
    let search_emails = reader.search_emails(email_finder_configured);
    let duplicates = reader.choice("duplicates", &Duplicates::ALL, Duplicates::as_str);
    let metadata = reader.metadata();
    match source {
        Some(source) if reader.violations.is_empty() => Ok(StartRequest {
            source,
            max_results,
            search_emails,
            duplicates: duplicates.unwrap_or(Duplicates::Count),
            metadata,
        }),
        _ => Err(reader.violations),
    }
}

/// The fields not read yet, without those that are `null`, and the faults found so far.
struct Reader {
    fields: BTreeMap<String, Json>,
    violations: Violations,
    count: usize,
}

impl Reader {
    fn new(object: Object) -> Self {
        let mut reader = Self {
            fields: object.entries,
            violations: Violations::none(),
            count: 0,
        };
        for name in &object.repeated {
            reader.refuse(&echo(name), "repeated_key", "must appear only once");
        }
        let names: Vec<String> = reader.fields.keys().cloned().collect();
        for name in names {
            if !FIELDS.iter().any(|(known, _)| *known == name) {
                reader.refuse(
                    &echo(&name),
                    "unknown_field",
                    "is not a field of this request",
                );
            }
        }
        reader
            .fields
            .retain(|_, value| !matches!(value, Json::Null));
        reader
    }

    fn refuse(&mut self, field: &str, code: &'static str, reason: impl Display) {
        if self.count < MAX_VIOLATIONS {
            self.count += 1;
            self.violations
                .push(field, code, format!("{field} {reason}."));
        }
    }

    fn source_kind(&mut self) -> Option<SourceKind> {
        if !self.fields.contains_key("source") {
            let reason = format!(
                "is required: {}",
                one_of(&SourceKind::ALL, SourceKind::as_str)
            );
            self.refuse("source", "required", reason);
        }
        self.choice("source", &SourceKind::ALL, SourceKind::as_str)
    }

    /// Refuses and drops the fields of other sources, and misses those of this one. While the
    /// source is not known, no field is out of place.
    fn check_belonging(&mut self, kind: Option<SourceKind>) {
        let Some(kind) = kind else { return };
        for (name, owner) in FIELDS {
            let Some(owner) = owner.filter(|owner| *owner != kind) else {
                continue;
            };
            if self.fields.remove(name).is_some() {
                let reason = format!(
                    "belongs to the source {} and must be absent for {}",
                    owner.as_str(),
                    kind.as_str()
                );
                self.refuse(name, "not_allowed_for_source", reason);
            }
        }
        match kind {
            SourceKind::LinkedinSearch => self.require("searchUrl", kind),
            SourceKind::PostCommenters => self.require("postUrl", kind),
            SourceKind::UrlUpload => self.require("urls", kind),
            SourceKind::SalesNavigator => self.require_one_list(),
        }
    }

    fn require(&mut self, name: &str, kind: SourceKind) {
        if !self.fields.contains_key(name) {
            let reason = format!("is required for the source {}", kind.as_str());
            self.refuse(name, "required", reason);
        }
    }

    fn require_one_list(&mut self) {
        let saved_search = self.fields.contains_key("savedSearchId");
        let lead_list = self.fields.contains_key("leadListId");
        if !saved_search && !lead_list {
            let reason = "or leadListId is required for the source sales_navigator";
            self.refuse("savedSearchId", "required", reason);
        }
        if saved_search && lead_list {
            let reason =
                "must be absent when savedSearchId is given: exactly one of them is needed";
            self.refuse("leadListId", "exactly_one_of", reason);
        }
    }

    fn source(&mut self, kind: Option<SourceKind>) -> Option<Source> {
        let search_url = self.linkedin("searchUrl", "invalid_url", PeopleSearchUrl::parse);
        let saved_search = self.linkedin("savedSearchId", "invalid_id", SavedSearchId::parse);
        let lead_list = self.linkedin("leadListId", "invalid_id", LeadListId::parse);
        let post = self.linkedin("postUrl", "invalid_url", PostUrl::parse);
        let urls = self.urls();
        match kind? {
            SourceKind::LinkedinSearch => {
                search_url.map(|search_url| Source::LinkedinSearch { search_url })
            }
            SourceKind::SalesNavigator => saved_search
                .map(|id| Source::SavedSearch { id })
                .or(lead_list.map(|id| Source::LeadList { id })),
            SourceKind::PostCommenters => post.map(|post| Source::PostCommenters { post }),
            SourceKind::UrlUpload => urls.map(|urls| Source::UrlUpload { urls }),
        }
    }

    fn linkedin<T>(
        &mut self,
        name: &str,
        code: &'static str,
        parse: fn(&str) -> Result<T, InvalidLinkedinUrl>,
    ) -> Option<T> {
        let text = self.string(name)?;
        parse(&text)
            .map_err(|error| self.refuse(name, code, error))
            .ok()
    }

    fn string(&mut self, name: &str) -> Option<String> {
        match self.fields.remove(name)? {
            Json::String(text) => Some(text),
            _ => {
                self.refuse(name, "wrong_type", "must be a string");
                None
            }
        }
    }

    fn choice<T: Copy>(
        &mut self,
        name: &str,
        all: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.string(name)?;
        let found = all.iter().copied().find(|value| as_str(*value) == text);
        if found.is_none() {
            let reason = format!("must be {}", one_of(all, as_str));
            self.refuse(name, "unknown_value", reason);
        }
        found
    }

    fn urls(&mut self) -> Option<Vec<UploadedUrl>> {
        let Json::Array(items) = self.fields.remove("urls")? else {
            self.refuse("urls", "wrong_type", "must be an array of strings");
            return None;
        };
        if !(1..=MAX_URLS).contains(&items.len()) {
            let reason = format!("must have 1 to 1,000 entries, not {}", items.len());
            self.refuse("urls", "out_of_range", reason);
        }
        let mut seen = HashSet::new();
        let mut urls = Vec::new();
        // What is beyond the limit is refused already, and there may be much of it.
        for (index, item) in items.iter().take(MAX_URLS).enumerate() {
            let field = format!("urls[{index}]");
            let Json::String(text) = item else {
                self.refuse(&field, "wrong_type", "must be a string");
                continue;
            };
            match ProfileUrl::parse(text) {
                Ok(profile) => {
                    if seen.insert(profile.clone()) {
                        let input = text.trim().to_owned();
                        urls.push(UploadedUrl { input, profile });
                    }
                }
                Err(error) => self.refuse(&field, "invalid_url", error),
            }
        }
        Some(urls)
    }

    fn max_results(&mut self, kind: Option<SourceKind>) -> Option<u64> {
        let is_ignored = kind == Some(SourceKind::UrlUpload);
        let default = (!is_ignored).then_some(DEFAULT_MAX_RESULTS);
        let Some(value) = self.fields.remove("maxResults") else {
            return default;
        };
        let Some(number) = as_integer(&value) else {
            self.refuse(
                "maxResults",
                "wrong_type",
                "must be an integer of at least 1",
            );
            return None;
        };
        if is_ignored {
            return None;
        }
        if !(1..=MAX_MAX_RESULTS).contains(&number) {
            let reason = format!("must be an integer from 1 to {MAX_MAX_RESULTS}");
            self.refuse("maxResults", "out_of_range", reason);
        }
        Some(number)
    }

    fn search_emails(&mut self, email_finder_configured: bool) -> bool {
        match self.fields.remove("searchEmails") {
            None | Some(Json::Bool(false)) => false,
            Some(Json::Bool(true)) => {
                if !email_finder_configured {
                    let reason = "must be false or absent: this server has no e-mail finder";
                    self.refuse("searchEmails", "email_finder_not_configured", reason);
                }
                true
            }
            Some(_) => {
                self.refuse("searchEmails", "wrong_type", "must be true or false");
                false
            }
        }
    }

    fn metadata(&mut self) -> BTreeMap<String, String> {
        let object = match self.fields.remove("metadata") {
            None => return BTreeMap::new(),
            Some(Json::Object(object)) => object,
            Some(_) => {
                let reason = "must be an object with string values";
                self.refuse("metadata", "wrong_type", reason);
                return BTreeMap::new();
            }
        };
        for key in &object.repeated {
            let field = format!("metadata.{}", echo(key));
            self.refuse(&field, "repeated_key", "must appear only once");
        }
        if object.entries.len() > MAX_METADATA_ENTRIES {
            let reason = format!("must have at most 16 entries, not {}", object.entries.len());
            self.refuse("metadata", "out_of_range", reason);
        }
        let mut metadata = BTreeMap::new();
        for (key, value) in object.entries {
            if let Some(value) = self.metadata_entry(&key, value) {
                metadata.insert(key, value);
            }
        }
        metadata
    }

    fn metadata_entry(&mut self, key: &str, value: Json) -> Option<String> {
        if !(1..=MAX_METADATA_KEY_CHARS).contains(&key.chars().count()) {
            let reason = format!(
                "must have keys of 1 to 40 characters, unlike \"{}\"",
                echo(key)
            );
            self.refuse("metadata", "out_of_range", reason);
        }
        let field = format!("metadata.{}", echo(key));
        let Json::String(value) = value else {
            self.refuse(&field, "wrong_type", "must be a string");
            return None;
        };
        if value.chars().count() > MAX_METADATA_VALUE_CHARS {
            self.refuse(&field, "out_of_range", "must have at most 500 characters");
        }
        // PostgreSQL can store every character but this one.
        if key.contains('\0') || value.contains('\0') {
            let reason = "must not contain NUL characters, in key or value";
            self.refuse(&field, "invalid_character", reason);
        }
        Some(value)
    }
}

/// The number when it is whole: `1e3` and `5.0` are. What is below 1 comes as 0, and what is too
/// great for an exact number as the greatest of all, so that both are out of range.
fn as_integer(value: &Json) -> Option<u64> {
    match value {
        Json::Whole(number) => Some(*number),
        Json::OtherNumber(number) if number.fract() == 0.0 => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast saturates, which is what is wanted of both ends"
            )]
            let integer = *number as u64;
            Some(integer)
        }
        _ => None,
    }
}

fn one_of<T: Copy>(all: &[T], as_str: fn(T) -> &'static str) -> String {
    let names: Vec<&str> = all.iter().map(|value| as_str(*value)).collect();
    format!("one of {}", names.join(", "))
}

/// A name that the client chose, fit for an answer and for a log line.
fn echo(name: &str) -> String {
    let mut echoed: String = name
        .chars()
        .take(MAX_ECHO_CHARS)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if name.chars().nth(MAX_ECHO_CHARS).is_some() {
        echoed.push_str("...");
    }
    echoed
}
