//! Which request something belongs to: our own trace id, and the place in the trace of a tracing
//! system as W3C Trace Context writes it.

use std::fmt;

use crate::domain::id::TraceId;

/// A `traceparent`: whose child a span is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// 32 lower-case hex characters, not all zero.
    pub trace_id: String,
    /// The span, as 16 lower-case hex characters, not all zero.
    pub parent_id: String,
    /// The lowest bit says that the trace is recorded.
    pub flags: u8,
}

impl TraceParent {
    /// `None` for anything that is not well formed: it is then not continued.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = parts.next()?;
        let (trace_id, parent_id, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let known_form = is_hex(version, 2) && version != "ff";
        // Only versions to come may carry more.
        let nothing_more = parts.next().is_none() || version != "00";
        let ids = is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2);
        if !(known_form && nothing_more && ids) {
            return None;
        }
        Some(Self {
            trace_id: trace_id.to_owned(),
            parent_id: parent_id.to_owned(),
            flags: u8::from_str_radix(flags, 16).ok()?,
        })
    }
}

/// In the version that everybody reads.
impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            parent_id,
            flags,
        } = self;
        write!(formatter, "00-{trace_id}-{parent_id}-{flags:02x}")
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

/// The request that started a job. Empty for a job of a version that did not store it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct JobTrace {
    pub trace_id: Option<TraceId>,
    pub parent: Option<TraceParent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_well_formed_text_gives_both_ids_and_is_written_as_it_was_read() {
        let parsed = TraceParent::parse(GOOD).unwrap();
        assert_eq!(parsed.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parsed.parent_id, "00f067aa0ba902b7");
        assert_eq!(parsed.to_string(), GOOD);
        let later = TraceParent::parse(&format!("cc{}-more", &GOOD[2..]));
        assert_eq!(later, Some(parsed));
    }

    #[test]
    fn anything_else_is_ignored() {
        for wrong in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &format!("ff{}", &GOOD[2..]),
            &format!("{GOOD}-more"),
            &format!(" {GOOD}"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong:?}");
        }
    }
}
