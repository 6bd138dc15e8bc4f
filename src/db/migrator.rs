//! Bringing a database to the form that this program needs.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::error::Error;

/// The migrations this program knows. A database may have later ones: an older process keeps serving
/// while a newer one has migrated.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.set_locking(false).set_ignore_missing(true);
    migrator
}

/// Any number that no other program uses for an advisory lock here.
const LOCK: i64 = 0x7072_6f73_7065_6374;
const LOCK_POLL: Duration = Duration::from_millis(200);

/// A connection of its own that holds the lock under which the database is set up.
#[derive(Debug)]
pub struct SetupLock {
    connection: PgConnection,
}

impl SetupLock {
    /// Waits for the lock by asking again and again. The blocking form would keep a snapshot open
    /// while it waits, on which the holder's `create index concurrently` waits in turn.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn acquire(options: &PgConnectOptions) -> Result<Self, Error> {
        let mut connection = options
            .clone()
            .disable_statement_logging()
            .connect()
            .await?;
        loop {
            let locked =
                sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "locked!""#, LOCK)
                    .fetch_one(&mut connection)
                    .await?;
            if locked {
                return Ok(Self { connection });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// A migration that fails, or one that was applied in another form.
    pub async fn migrate(&mut self) -> Result<(), Error> {
        migrator()
            .run(&mut self.connection)
            .await
            .map_err(Error::internal)
    }

    /// The connection, for data that must be there once.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// Faults of the database; the lock is free all the same once the connection is closed.
    pub async fn release(self) -> Result<(), Error> {
        Ok(self.connection.close().await?)
    }
}

/// Whether every migration that this program knows is applied.
///
/// # Errors
/// Faults of the database.
pub async fn is_migrated(connection: &mut PgConnection) -> Result<bool, Error> {
    let migrator = migrator();
    let tracked =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "tracked!""#)
            .fetch_one(&mut *connection)
            .await?;
    if !tracked {
        return Ok(false);
    }
    let applied = connection
        .list_applied_migrations(&migrator.table_name)
        .await
        .map_err(Error::internal)?;
    let applied: HashSet<i64> = applied
        .into_iter()
        .map(|migration| migration.version)
        .collect();
    Ok(migrator
        .iter()
        .all(|migration| applied.contains(&migration.version)))
}

/// The name of our database in a private PostgreSQL.
pub const EMBEDDED_DATABASE: &str = "prospector";

/// Makes our database in a private PostgreSQL, whose own database `options` name.
///
/// # Errors
/// Faults of the database.
pub async fn create_database_if_missing(options: &PgConnectOptions) -> Result<(), Error> {
    let mut connection = options
        .clone()
        .disable_statement_logging()
        .connect()
        .await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        EMBEDDED_DATABASE,
    )
    .fetch_one(&mut connection)
    .await?;
    if !exists {
        // Another command may be doing the same: then the database is there, which is all we want.
        let made = sqlx::raw_sql("create database prospector")
            .execute(&mut connection)
            .await;
        let taken = |error: &sqlx::Error| {
            let code = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code);
            code.is_some_and(|code| code == "42P04" || code == "23505")
        };
        made.map(|_| ())
            .or_else(|error| if taken(&error) { Ok(()) } else { Err(error) })?;
    }
    connection.close().await?;
    Ok(())
}
