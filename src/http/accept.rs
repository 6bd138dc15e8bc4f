//! Content negotiation: which of the forms that a route can answer in its client likes best.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// A media type and what stands for it here.
pub type Offer<T> = (&'static str, T);

/// The offer that the client's `Accept` likes best; `None` when it allows none of them.
///
/// Of two that it likes as much, the one that it names wins over the one that only a wildcard
/// covers, and then the one that is offered first. What cannot be read in the header is passed
/// over; without the header everything is allowed.
#[must_use]
pub fn negotiate<T: Copy>(headers: &HeaderMap, offers: &[Offer<T>]) -> Option<T> {
    if !headers.contains_key(ACCEPT) {
        return offers.first().map(|(_, form)| *form);
    }
    let values = headers.get_all(ACCEPT).iter();
    let ranges: Vec<Range<'_>> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::read)
        .collect();
    let liking = |media_type: &str| {
        let matching = ranges.iter().filter(|range| range.covers(media_type));
        // The closest range decides, whatever a wider one says.
        matching.copied().max_by(|a, b| {
            let by_closeness = a.closeness().cmp(&b.closeness());
            by_closeness.then(a.quality.total_cmp(&b.quality))
        })
    };
    let liked = offers.iter().rev().filter_map(|(media_type, form)| {
        let range = liking(media_type)?;
        (range.quality > 0.0).then_some((range, *form))
    });
    // Of equals the last is taken, which is the first that is offered.
    let best = liked.max_by(|(a, _), (b, _)| {
        let by_quality = a.quality.total_cmp(&b.quality);
        by_quality.then(a.closeness().cmp(&b.closeness()))
    });
    best.map(|(_, form)| form)
}

/// One range of an `Accept`, such as `text/*;q=0.5`.
#[derive(Debug, Clone, Copy)]
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// 0 to 1; 0 means: not this.
    quality: f32,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut quality = 1.0;
        for parameter in parts {
            // Other parameters, such as a charset, leave no choice: there is one form of each type.
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("q")
            {
                let value: f32 = value.trim().parse().ok()?;
                quality = Some(value).filter(|value| (0.0..=1.0).contains(value))?;
            }
        }
        (!kind.is_empty() && !subtype.is_empty()).then_some(Self {
            kind,
            subtype,
            quality,
        })
    }

    fn covers(&self, media_type: &str) -> bool {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        match (self.kind, self.subtype) {
            ("*", "*") => true,
            (own, "*") => own.eq_ignore_ascii_case(kind),
            (own, own_subtype) => {
                own.eq_ignore_ascii_case(kind) && own_subtype.eq_ignore_ascii_case(subtype)
            }
        }
    }

    fn closeness(&self) -> u8 {
        match (self.kind, self.subtype) {
            ("*", _) => 0,
            (_, "*") => 1,
            _ => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [Offer<&str>; 3] = [
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("application/x-ndjson", "ndjson"),
    ];

    fn chosen(values: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        negotiate(&headers, &OFFERS)
    }

    #[test]
    fn the_first_offer_is_the_default() {
        for values in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["application/json, text/plain, */*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["text/csv, application/json"],
            &["text/csv;q=0.5, application/json;q=0.5"],
        ] {
            assert_eq!(chosen(values), Some("json"), "{values:?}");
        }
    }

    #[test]
    fn the_highest_quality_wins_and_of_equals_the_one_that_is_named() {
        for (values, form) in [
            (&["text/csv"][..], "csv"),
            (&["TEXT/CSV; charset=utf-8"], "csv"),
            (&["text/*"], "csv"),
            (&["text/csv, */*"], "csv"),
            (&["text/csv, */*;q=0.1"], "csv"),
            (&["application/x-ndjson"], "ndjson"),
            (&["text/csv;q=0.8, application/x-ndjson;q=0.9"], "ndjson"),
            (&["text/csv;q=0.8", "application/json ; q=0.7"], "csv"),
            (&["application/json;q=0, application/*"], "ndjson"),
            (&["*/*, application/json;q=0.2, text/csv;q=0.3"], "ndjson"),
            (&["text/csv;q=0, */*;q=0.001"], "json"),
            (&["garbage, text/csv;q=x, /, text/csv;q=0.4"], "csv"),
        ] {
            assert_eq!(chosen(values), Some(form), "{values:?}");
        }
    }

    #[test]
    fn nothing_is_chosen_where_nothing_is_allowed() {
        for values in ["", "image/png", "*/*;q=0", "text/csv;q=2", "text/csv;q=NaN"] {
            assert_eq!(chosen(&[values]), None, "{values:?}");
        }
    }
}
