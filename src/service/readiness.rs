//! Whether this process can serve.

use crate::db;
use crate::error::Error;
use crate::service::app::App;

/// # Errors
/// [`Error::Unavailable`] while the database cannot be reached or a migration is missing.
pub async fn check_readiness(app: &App) -> Result<(), Error> {
    let mut connection = app.database.acquire().await?;
    if db::migrator::is_migrated(&mut connection).await? {
        Ok(())
    } else {
        Err(Error::Unavailable {
            reason: "the database lacks a migration: run `prospector migrate`",
            retry_after: std::time::Duration::from_secs(5),
            source: None,
        })
    }
}
