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

/// One page of any list. Its items stay raw, since one may hold what JSON parsers refuse (a number
/// beyond all bounds, nesting without end) and must not take the page with it.
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
        items.filter_map(|raw| read(&parse(raw.get())?)).collect()
    }

    pub(super) fn items(&self, read: impl Fn(&Value) -> PageItem) -> Vec<PageItem> {
        self.data
            .iter()
            .map(|raw| match parse(raw.get()) {
                Some(item) => read(&item),
                None => PageItem::Invalid {
                    reason: "undecodable",
                },
            })
            .collect()
    }
}

/// Reads JSON, also where a text in it was cut inside an emoji; `None` when it is none.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_lone_surrogates(text)))
        .ok()
}

/// Leaves out each half of a surrogate pair whose other half is missing: parsers refuse such text as
/// a whole. Backslashes stand in JSON within strings only.
fn without_lone_surrogates(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        kept.push_str(before);
        let (length, is_kept) = match (utf16_escape(escape), escape.get(6..).and_then(utf16_escape))
        {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, true),
            (Some(0xd800..0xe000), _) => (6, false),
            _ => (1 + escape.chars().nth(1).map_or(0, char::len_utf8), true),
        };
        let (escape, after) = escape.split_at(length);
        if is_kept {
            kept.push_str(escape);
        }
        rest = after;
    }
    kept + rest
}

/// The code unit that a text begins with as `\uXXXX`.
fn utf16_escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u16::from_str_radix(digits, 16).ok())?
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn half_an_emoji_costs_itself_only() {
        for (text, expected) in [
            (r#"["a \ud83d"]"#, json!(["a "])),
            (r#"["a \ude00 b"]"#, json!(["a  b"])),
            (r#"["\ud83d\ud83d\ude00"]"#, json!(["😀"])),
            (r#"["\ud83d\n\\ud83d"]"#, json!(["\n\\ud83d"])),
            (r#"["\ud83d", "\u00e9\uD83D\uDE00"]"#, json!(["", "é😀"])),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", r#"["\ud83d"#, r#"["\u12"]"#, r#"["\x"]"#, "\\", "1e999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_text_stays_as_it_is(text in ".{0,40}") {
            let json = json!([text]).to_string();
            prop_assert_eq!(without_lone_surrogates(&json), json);
        }

        #[test]
        fn any_escapes_are_read_without_a_panic(text in r#"(\\|u|d83d|de00|é|"|.){0,20}"#) {
            drop(parse(&text));
        }
    }
}
