//! The trace that a caller's request belongs to.

use axum::http::HeaderMap;

use crate::domain::trace::TraceParent;

/// `None` when the header is absent, repeated or not well formed: it is then not continued.
#[must_use]
pub fn trace_parent_of_headers(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all("traceparent").iter();
    match (values.next(), values.next()) {
        (Some(value), None) => TraceParent::parse(value.to_str().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_repeated_header_is_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(trace_parent_of_headers(&headers), None);
        headers.append("traceparent", GOOD.parse().unwrap());
        assert_eq!(trace_parent_of_headers(&headers), TraceParent::parse(GOOD));
        headers.append("traceparent", GOOD.parse().unwrap());
        assert_eq!(trace_parent_of_headers(&headers), None);
    }
}
