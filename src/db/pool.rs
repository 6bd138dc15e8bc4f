//! Connections: several pools, so that neither requests nor workers nor heartbeats starve the others.

use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Postgres};

use crate::error::Error;

/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Tells whether what we set for a session is still set when a statement runs.
const SESSION_MARK: &str = "prospector.session";

/// A connection that was not used for so long is asked for a sign of life before it is.
const RESTED: Duration = Duration::from_secs(1);

/// The bounds of one pool's statements.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    pub connections: u32,
    pub statement_timeout: Duration,
    /// How long a transaction may stand still before the server ends it and frees its locks.
    pub idle_in_transaction_timeout: Duration,
}

/// Whose time-outs bound our statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionBounds {
    Ours,
    /// A pooler dropped ours, and the role or the server has some.
    Others,
    /// A pooler dropped ours, and a statement may run or wait for ever.
    None,
}

/// The database, as one part of the program sees it.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    /// By which its metrics are told from those of other pools.
    name: &'static str,
}

impl Database {
    /// Makes the pool. Connects when first used: a database that is away does not stop a start.
    #[must_use]
    pub fn new(options: &PgConnectOptions, limits: PoolLimits) -> Self {
        let options = options
            .clone()
            .application_name("prospector")
            .options([
                ("statement_timeout", milliseconds(limits.statement_timeout)),
                ("lock_timeout", milliseconds(Duration::from_secs(5))),
                (
                    "idle_in_transaction_session_timeout",
                    milliseconds(limits.idle_in_transaction_timeout),
                ),
                ("tcp_keepalives_idle", "10".to_owned()),
                ("tcp_keepalives_interval", "5".to_owned()),
                ("tcp_keepalives_count", "3".to_owned()),
                ("timezone", "UTC".to_owned()),
                (SESSION_MARK, "kept".to_owned()),
            ])
            .log_statements(tracing::log::LevelFilter::Off)
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
        let pool = PgPoolOptions::new()
            .max_connections(limits.connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A ping before each use would be a round trip. Only a connection that has rested is asked,
            // since the database may have gone and come back meanwhile.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Self {
            pool,
            name: "other",
        }
    }

    /// Names the pool in metrics. The name is one of a few that stand in the sources.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Takes a connection from the pool.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none is free or the database is away.
    pub async fn acquire(&self) -> Result<sqlx::pool::PoolConnection<Postgres>, Error> {
        let began = Instant::now();
        let acquired = self.pool.acquire().await;
        histogram!("prospector_database_acquire_seconds", "pool" => self.name)
            .record(began.elapsed().as_secs_f64());
        self.count_timeout(acquired)
    }

    /// Begins an ordinary transaction; dropped without a commit it is rolled back.
    ///
    /// # Errors
    /// As for [`Database::acquire`].
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, Postgres>, Error> {
        let begun = self.pool.begin().await;
        self.count_timeout(begun)
    }

    fn count_timeout<T>(&self, acquired: Result<T, sqlx::Error>) -> Result<T, Error> {
        if matches!(acquired, Err(sqlx::Error::PoolTimedOut)) {
            counter!("prospector_database_acquire_timeouts_total", "pool" => self.name)
                .increment(1);
        }
        Ok(acquired?)
    }

    /// Measures how many connections there are.
    pub fn measure(&self) {
        let open = self.pool.size();
        let idle = u32::try_from(self.pool.num_idle())
            .unwrap_or(open)
            .min(open);
        let connections = |state| gauge!("prospector_database_connections", "pool" => self.name, "state" => state);
        connections("idle").set(f64::from(idle));
        connections("in_use").set(f64::from(open - idle));
        let most = self.pool.options().get_max_connections();
        gauge!("prospector_database_connections_max", "pool" => self.name).set(f64::from(most));
    }

    /// Asks the server what holds for our statements.
    ///
    /// # Errors
    /// As for [`Database::acquire`].
    pub async fn session_bounds(&self) -> Result<SessionBounds, Error> {
        let mut connection = self.acquire().await?;
        // The name is `SESSION_MARK`; the macro wants it spelled out.
        let found = sqlx::query!(
            r#"
            select coalesce(current_setting('prospector.session', true), '') = 'kept' as "kept!",
                current_setting('statement_timeout') <> '0'
                    and current_setting('lock_timeout') <> '0'
                    and current_setting('idle_in_transaction_session_timeout') <> '0' as "bounded!"
            "#
        );
        let found = found.fetch_one(&mut *connection).await?;
        Ok(match (found.kept, found.bounded) {
            (true, _) => SessionBounds::Ours,
            (false, true) => SessionBounds::Others,
            (false, false) => SessionBounds::None,
        })
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The pool itself, for what needs one: a listener.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
