//! Credits of an account group.

use crate::domain::id::AccountGroupId;
use crate::domain::plan::Plan;
use crate::error::Error;
use crate::service::app::App;

/// What an account group owns and what its unfinished jobs still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credits {
    pub plan: Plan,
    /// Granted less charged.
    pub balance: i64,
    /// Held by jobs that have not ended.
    pub reserved: i64,
}

impl Credits {
    /// What new jobs may reserve.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.balance - self.reserved
    }
}

/// # Errors
/// [`Error::AccountGroupForbidden`] when there is no such account group; faults of the database.
pub async fn get_credits(_app: &App, _account_group: &AccountGroupId) -> Result<Credits, Error> {
    Err(Error::AccountGroupForbidden)
}
