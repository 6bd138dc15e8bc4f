//! Reading Unipile's JSON without trusting it.
//!
//! Everything read here is safe to store: no NUL characters, bounded lengths.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::provider::PageItem;

/// The longest text kept, in characters.
const LONGEST_TEXT: usize = 500;
/// The longest id, in bytes. A longer one is no id: cut short it might become another's.
const LONGEST_ID: usize = 200;
/// The longest token of the provider's own making, in bytes.
const LONGEST_TOKEN: usize = 4_096;

/// One page of any list. Its items stay raw, since one may hold what JSON parsers refuse (half a
/// surrogate pair, where a headline was cut inside an emoji) and must not take the page with it.
pub(super) struct Envelope<'a> {
    data: Vec<&'a RawValue>,
    pub(super) total_count: Option<u32>,
    pub(super) next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct RawEnvelope<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    total_count: Option<&'a RawValue>,
    #[serde(borrow, default)]
    next_cursor: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// # Errors
    /// When it is no JSON, has no list of data, or goes on in a way that cannot be followed, which
    /// must not pass for the end.
    pub(super) fn read(operation: Operation, text: &'a str) -> Result<Self, UpstreamError> {
        let invalid = |what| operation.error(UpstreamFault::InvalidAnswer, what);
        let raw: RawEnvelope<'a> =
            serde_json::from_str(text).map_err(|_| invalid("status 200, not a page"))?;
        let next_cursor = match raw.next_cursor.map(parsed).unwrap_or_default() {
            Value::Null => None,
            Value::String(token) if token.is_empty() => None,
            Value::String(token) => Some(
                opaque(&token).ok_or_else(|| invalid("status 200, a page with a bad cursor"))?,
            ),
            Value::Number(token) => Some(token.to_string()),
            _ => return Err(invalid("status 200, a page with a bad cursor")),
        };
        Ok(Self {
            data: raw.data,
            total_count: raw
                .total_count
                .map(parsed)
                .and_then(|count| self::count(&count)),
            next_cursor,
        })
    }

    /// How many items the page holds, readable or not.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.data.len()).unwrap_or(u32::MAX)
    }

    /// What `read` makes of the items that can be read.
    pub(super) fn readable<T>(&self, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        let items = self.data.iter();
        items
            .filter_map(|raw| read(&serde_json::from_str(raw.get()).ok()?))
            .collect()
    }

    pub(super) fn items(&self, read: impl Fn(&Value) -> PageItem) -> Vec<PageItem> {
        self.data
            .iter()
            .map(|raw| match serde_json::from_str(raw.get()) {
                Ok(item) => read(&item),
                Err(_) => PageItem::Invalid {
                    reason: "undecodable",
                },
            })
            .collect()
    }
}

/// What cannot be parsed counts as a boolean would: as present and of no use.
fn parsed(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Bool(false))
}

/// Counts come as JSON numbers, `431` or `431.0`, sometimes as text.
pub(super) fn count(value: &Value) -> Option<u32> {
    let count = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !count.is_finite() || count < 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and larger counts become the largest"
    )]
    let count = count as u32;
    Some(count)
}

/// A token that is sent back byte for byte; `None` when it cannot be stored.
pub(super) fn opaque(token: &str) -> Option<String> {
    (!token.is_empty() && token.len() <= LONGEST_TOKEN && !token.chars().any(char::is_control))
        .then(|| token.to_owned())
}

/// An id that stands in a path as one segment; `None` when it cannot. Dots would lead elsewhere.
pub(super) fn segment(id: &str) -> Option<String> {
    opaque(id).filter(|id| id != "." && id != "..")
}

/// The text of a field, on one line, trimmed and bounded; `None` when it is absent, empty or of
/// another type.
pub(super) fn text(item: &Value, key: &str) -> Option<String> {
    let text = scalar(item.get(key)?)?.replace(char::is_control, " ");
    let kept: String = text.trim().chars().take(LONGEST_TEXT).collect();
    let kept = kept.trim_end();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The id in a field; `None` when it is absent, empty, or nothing an id can be.
pub(super) fn id(item: &Value, key: &str) -> Option<String> {
    let value = item.get(key)?;
    if is_rounded(value) {
        return None;
    }
    let id = scalar(value)?;
    let id = id.trim();
    let is_id = !id.is_empty()
        && id.len() <= LONGEST_ID
        && !id
            .chars()
            .any(|char| char.is_control() || char.is_whitespace());
    is_id.then(|| id.to_owned())
}

/// Whether it is a number too large to be exact, which may be another one's id.
fn is_rounded(value: &Value) -> bool {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    let is_large = |number: f64| number.abs() > LARGEST_EXACT;
    value.is_f64() && value.as_f64().is_some_and(is_large)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 => format!("{whole:.0}"),
            _ => number.to_string(),
        }),
        _ => None,
    }
}
