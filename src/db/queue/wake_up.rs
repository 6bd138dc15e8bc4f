//! How processes tell each other that a job was queued.

use sqlx::PgConnection;

use crate::error::Error;

/// One literal serves both: sqlx's macro takes literals joined by `+`, but no constant.
macro_rules! wake_up_on {
    ($channel:literal) => {
        /// The channel on which processes tell each other that a job was queued.
        pub const CHANNEL: &str = $channel;

        /// Tells the other processes that a job was queued.
        pub async fn notify_workers(connection: &mut PgConnection) -> Result<(), Error> {
            sqlx::query!("select pg_notify('" + $channel + "', '')")
                .execute(connection)
                .await?;
            Ok(())
        }
    };
}

wake_up_on!("prospector_jobs");
