//! What a fault of the database means to the caller.

use crate::error::Error;

/// SQLSTATE classes and codes of faults that pass: connection trouble (08), shutting down or
/// starting up (57P01-57P05), too many connections, a lock or statement over its time limit,
/// and the serialisation faults that were retried in vain.
fn passes(sqlstate: &str) -> bool {
    sqlstate.starts_with("08")
        || sqlstate.starts_with("57P0")
        || matches!(
            sqlstate,
            "53300" | "55P03" | "57014" | "25P03" | "40001" | "40P01"
        )
}

/// Whether the fault passes by itself.
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(fault) => fault.code().is_some_and(|code| passes(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Whether the statement met another one and did nothing, so that it can be sent again at once.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "40001" | "40P01"))
}

/// How often a statement that met another one is sent again.
const CONFLICT_RETRIES: u32 = 3;

/// Counts conflicts: whether a failed statement is to be sent again.
#[derive(Debug, Default)]
pub struct Conflicts(u32);

impl Conflicts {
    /// # Errors
    /// The fault, when it is no conflict or there were too many.
    pub fn send_again(&mut self, error: sqlx::Error) -> Result<(), Error> {
        self.0 += 1;
        if is_conflict(&error) && self.0 <= CONFLICT_RETRIES {
            Ok(())
        } else {
            Err(error.into())
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) {
            Self::database_unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}
