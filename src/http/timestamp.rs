//! Times as the API writes them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// ISO 8601 in UTC with milliseconds: `2026-04-28T15:30:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_ends_in_z() {
        let time: DateTime<Utc> = "2026-04-28T17:30:00+02:00".parse().unwrap();
        let text = serde_json::to_string(&Timestamp(time)).unwrap();
        assert_eq!(text, r#""2026-04-28T15:30:00.000Z""#);
    }
}
