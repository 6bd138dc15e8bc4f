//! Comparing what is with what must be.

use std::fmt::Display;

use serde_json::Value;

/// How much of one value a difference shows.
const SHOWN_CHARS: usize = 300;
/// How many differing rows of one job are shown.
const SHOWN_ROWS: usize = 3;

/// The comparisons made so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) made: usize,
    /// One line for each that did not hold.
    pub(super) differences: Vec<String>,
}

impl Checks {
    pub(super) fn equal(&mut self, what: impl Display, expected: &Value, got: &Value) {
        self.made += 1;
        if expected != got {
            let (expected, got) = (shown(expected), shown(got));
            self.differences
                .push(format!("{what}: expected {expected}, got {got}"));
        }
    }

    pub(super) fn holds(&mut self, what: impl Display, holds: bool) {
        self.equal(what, &Value::Bool(true), &Value::Bool(holds));
    }

    /// Compares lists of rows, of which those that were got may tell more than is compared.
    pub(super) fn equal_rows(&mut self, what: &str, expected: &[Value], got: &[Value]) {
        let (wanted, came) = (expected.len(), got.len());
        self.equal(
            format!("{what}: number"),
            &Value::from(wanted),
            &Value::from(came),
        );
        self.made += 1;
        let differing: Vec<_> = expected
            .iter()
            .zip(got)
            .map(|(expected, got)| (expected, reduced(expected, got)))
            .filter(|(expected, got)| *expected != got)
            .collect();
        if differing.is_empty() {
            return;
        }
        let mut text = format!("{what}: {} of {wanted} differ", differing.len());
        for (expected, got) in differing.iter().take(SHOWN_ROWS) {
            let (expected, got) = (shown(expected), shown(got));
            text.push_str(&format!(
                "\n      expected {expected}\n           got {got}"
            ));
        }
        self.differences.push(text);
    }
}

/// The fields of `got` that `expected` has.
fn reduced(expected: &Value, got: &Value) -> Value {
    let Some(fields) = expected.as_object() else {
        return got.clone();
    };
    let kept = fields
        .keys()
        .map(|name| (name.clone(), got.get(name).cloned().unwrap_or_default()));
    Value::Object(kept.collect())
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_what_was_expected_and_what_came() {
        let mut checks = Checks::default();
        checks.equal("charged", &json!(500), &json!(500));
        checks.equal("released", &json!(0), &json!(1));
        checks.holds("progress never falls", true);
        assert_eq!(checks.made, 3);
        assert_eq!(checks.differences, ["released: expected 0, got 1"]);
    }

    #[test]
    fn rows_are_compared_by_the_fields_that_are_expected() {
        let mut checks = Checks::default();
        let expected = [json!({"row": 1, "name": "Zoë"})];
        checks.equal_rows(
            "rows",
            &expected,
            &[json!({"row": 1, "name": "Zoë", "id": 7})],
        );
        assert_eq!((checks.made, checks.differences.len()), (2, 0));
        checks.equal_rows("rows", &expected, &[json!({"row": 1})]);
        checks.equal_rows("rows", &expected, &[]);
        assert_eq!((checks.made, checks.differences.len()), (6, 2));
        assert!(checks.differences[0].starts_with("rows: 1 of 1 differ"));
    }
}
