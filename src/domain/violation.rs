//! What is wrong with a request, all of it at once.

use std::fmt;

use serde::Serialize;

/// One fault of a request, tied to the field it was found in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field as the client wrote it: `searchUrl`, `urls[17]`, `limit`, `Idempotency-Key`.
    pub field: String,
    /// Stable, for programs: `required`, `unknown_field`, `invalid_url`, `out_of_range`...
    pub code: &'static str,
    /// One sentence for a person, which names the field.
    pub message: String,
}

/// One or more faults of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(Vec<Violation>);

/// How many faults `error.details` spells out; the rest is counted.
const SPELLED_OUT: usize = 20;
/// How many faults `error.fields` carries.
const LISTED: usize = 50;

impl Violations {
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The one fault of a request that has no other.
    #[must_use]
    pub fn of(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        let mut violations = Self::none();
        violations.push(field, code, message);
        violations
    }

    pub fn push(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(Violation {
            field: field.into(),
            code,
            message: message.into(),
        });
    }

    /// Takes over the faults of one part of a request; what was read of it otherwise.
    pub fn collect<T>(&mut self, part: Result<T, Self>) -> Option<T> {
        match part {
            Ok(read) => Some(read),
            Err(found) => {
                self.0.extend(found.0);
                None
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults that an answer lists, 50 at the most.
    #[must_use]
    pub fn listed(&self) -> &[Violation] {
        &self.0[..self.0.len().min(LISTED)]
    }
}

/// Each fault a sentence, 20 at the most, then "and N more".
impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().take(SPELLED_OUT).enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(&violation.message)?;
        }
        match self.0.len().saturating_sub(SPELLED_OUT) {
            0 => Ok(()),
            more => write!(formatter, " And {more} more."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_of_every_part_count_also_where_they_are_not_listed() {
        let mut part = Violations::none();
        for index in 0..120 {
            part.push(format!("urls[{index}]"), "invalid_url", "A URL is wrong.");
        }
        let mut all = Violations::of("limit", "out_of_range", "limit is wrong.");
        assert_eq!(all.collect(Ok(7)), Some(7));
        assert_eq!(all.collect::<()>(Err(part)), None);
        assert_eq!(all.listed().len(), 50);
        assert!(all.to_string().ends_with(" And 101 more."), "{all}");
    }

    #[test]
    fn details_spell_out_twenty_and_count_the_rest() {
        let mut violations = Violations::none();
        for index in 0..73 {
            violations.push(
                format!("urls[{index}]"),
                "invalid_url",
                format!("urls[{index}] is wrong."),
            );
        }
        assert!(
            violations
                .to_string()
                .ends_with("urls[19] is wrong. And 53 more.")
        );
        assert_eq!(violations.listed().len(), 50);
    }
}
