//! Everything stored, and all SQL.
//!
//! Functions take a connection and never commit: whoever calls them owns the transaction. The hot
//! and the fenced writes are single statements, plpgsql functions in `migrations/`, which need none.
//! Prefixes tell the outcome: `find_` gives an option, `list_` is bounded.

pub mod account_groups;
pub mod api_keys;
pub mod credit_entries;
pub mod credits;
pub mod embedded;
pub mod error;
pub mod job_list;
pub mod job_overview;
pub mod job_totals;
pub mod jobs;
pub mod key_access;
pub mod linkedin_accounts;
pub mod migrator;
pub mod people;
pub mod pool;
pub mod prospects;
pub mod queue;
pub mod queue_sample;
pub mod suppressions;
pub mod upkeep;

use crate::error::Error;

/// Reads a column whose CHECK keeps it at or above zero.
fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// Writes a count into a column; what a column cannot hold no job ever reaches.
fn column(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Reads a column that a CHECK or our own writing keeps well-formed.
fn known<T, E>(value: Result<T, E>) -> Result<T, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    value.map_err(Error::internal)
}

/// A stored text that this version of the program does not know.
#[derive(Debug, thiserror::Error)]
#[error("the database holds the unknown {what} {text:?}")]
struct UnknownText {
    what: &'static str,
    text: String,
}

/// Reads a column that holds one of the texts of an enum.
fn known_text<T>(what: &'static str, text: &str, parsed: Option<T>) -> Result<T, Error> {
    known(parsed.ok_or_else(|| UnknownText {
        what,
        text: text.to_owned(),
    }))
}
