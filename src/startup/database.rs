//! Finding the database: the one that is configured, or a private one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::config::{DatabaseSettings, InvalidSettings};
use crate::db::embedded::{self, Access, EmbeddedError, Options, Server};
use crate::db::migrator::{EMBEDDED_DATABASE, SetupLock, create_database_if_missing, is_migrated};
use crate::db::pool::{Database, PoolLimits, SessionBounds};
use crate::error::Error;

/// How long another process may still hold the data folder.
const LOCK_WAIT: Duration = Duration::from_secs(15);
/// How long a configured database may take to answer at the start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The cause is left out where it could repeat the URL with its password.
    #[error("DATABASE_URL cannot be read: it must be postgres://user:password@host:port/database")]
    Url,
    #[error(
        "the database at {host} does not answer: {why}; check DATABASE_URL and that PostgreSQL runs there"
    )]
    NoAnswer { host: String, why: String },
    #[error(
        "DATABASE_URL leads through a pooler that shares connections between clients, where wake-ups \
         and migrations cannot work: set DATABASE_DIRECT_URL to the database itself as well"
    )]
    Pooled,
    #[error(
        "the pooler at DATABASE_URL drops our time-outs, so that a statement may wait for ever: set \
         them for the role, as in `alter role prospector set statement_timeout = '15s'`, the same \
         with lock_timeout and idle_in_transaction_session_timeout at '5s', and reconnect the pooler"
    )]
    Unbounded,
    #[error("the database lacks migrations: run `prospector migrate` first")]
    NotMigrated,
    #[error("the database could not be set up")]
    Setup(#[from] Error),
    #[error("the start of PostgreSQL was interrupted")]
    Interrupted,
}

/// What a process wants of a private PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It is ours alone: a second `serve` on the same folder is refused.
    Exclusive,
    /// Whoever runs it, as a command that needs it for a moment.
    Shared,
    /// Ours alone, fast instead of durable.
    Throwaway,
}

/// A database that answers.
#[derive(Debug, Clone)]
pub struct OpenDatabase {
    pub options: PgConnectOptions,
    /// Past a pooler, where there is one.
    direct: Option<PgConnectOptions>,
    /// The private PostgreSQL, where this process runs it.
    pub server: Option<Arc<Server>>,
    /// It is a private PostgreSQL, whoever runs it.
    pub is_embedded: bool,
    /// The folder of a private PostgreSQL.
    pub data_dir: Option<PathBuf>,
}

impl OpenDatabase {
    /// Connects to the configured database, or joins or starts the private one.
    ///
    /// # Errors
    /// [`DatabaseError`], which names the next step.
    pub async fn open(
        settings: &DatabaseSettings,
        ownership: Ownership,
    ) -> Result<Self, DatabaseError> {
        let direct = settings.direct_url()?.map(parse_url).transpose()?;
        let opened = match settings.url() {
            Some(url) => Self {
                options: parse_url(url)?,
                direct,
                server: None,
                is_embedded: false,
                data_dir: None,
            },
            None => open_embedded(settings, ownership).await?,
        };
        check_answers(&opened.options).await?;
        if let Some(direct) = &opened.direct {
            check_answers(direct).await?;
        }
        if !opened.is_embedded {
            opened.check_session_bounds().await?;
        }
        Ok(opened)
    }

    /// How to reach the database where a connection must stay ours from one statement to the next.
    #[must_use]
    pub fn session_options(&self) -> &PgConnectOptions {
        self.direct.as_ref().unwrap_or(&self.options)
    }

    async fn check_session_bounds(&self) -> Result<(), DatabaseError> {
        let database = self.for_command();
        let bounds = database.session_bounds().await;
        database.close().await;
        match bounds? {
            SessionBounds::Ours => Ok(()),
            SessionBounds::Others | SessionBounds::None if self.direct.is_none() => {
                Err(DatabaseError::Pooled)
            }
            SessionBounds::Others => Ok(()),
            SessionBounds::None => Err(DatabaseError::Unbounded),
        }
    }

    /// Applies the migrations that are missing, and returns holding the lock under which the
    /// database is set up.
    ///
    /// # Errors
    /// A migration that fails.
    pub async fn migrate(&self) -> Result<SetupLock, DatabaseError> {
        let mut lock = SetupLock::acquire(self.session_options()).await?;
        lock.migrate().await?;
        Ok(lock)
    }

    /// # Errors
    /// [`DatabaseError::NotMigrated`], or faults of the database.
    pub async fn check_migrated(&self) -> Result<(), DatabaseError> {
        let mut connection = self.options.connect().await.map_err(Error::from)?;
        let migrated = is_migrated(&mut connection).await?;
        connection.close().await.map_err(Error::from)?;
        if migrated {
            Ok(())
        } else {
            Err(DatabaseError::NotMigrated)
        }
    }

    /// A pool for a command, which does one thing at a time.
    #[must_use]
    pub fn for_command(&self) -> Database {
        Database::new(
            &self.options,
            PoolLimits {
                connections: 1,
                statement_timeout: Duration::from_secs(600),
                idle_in_transaction_timeout: Duration::from_secs(5),
            },
        )
    }

    /// Stops the private PostgreSQL, if this process runs it and nobody else here needs it any more.
    ///
    /// # Errors
    /// It does not stop within its time.
    pub async fn close(self) -> Result<(), DatabaseError> {
        let Some(server) = self.server.and_then(|server| Arc::try_unwrap(server).ok()) else {
            return Ok(());
        };
        let stopped = tokio::task::spawn_blocking(move || server.stop()).await;
        stopped
            .map_err(|_| DatabaseError::Interrupted)?
            .map_err(DatabaseError::from)
    }
}

fn parse_url(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    // The parser takes any scheme for PostgreSQL's.
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(DatabaseError::Url);
    }
    url.parse().map_err(|_| DatabaseError::Url)
}

async fn open_embedded(
    settings: &DatabaseSettings,
    ownership: Ownership,
) -> Result<OpenDatabase, DatabaseError> {
    let data_dir = settings.data_dir()?;
    let options = Options {
        data_dir: data_dir.clone(),
        bin_dir: settings.postgres_bin_dir.clone(),
        lock_wait: LOCK_WAIT,
        throwaway: ownership == Ownership::Throwaway,
    };
    let access = tokio::task::spawn_blocking(move || match ownership {
        Ownership::Shared => embedded::join_or_start(&options),
        Ownership::Exclusive | Ownership::Throwaway => {
            Server::start(&options).map(|server| Access::Started(Box::new(server)))
        }
    });
    let access = access.await.map_err(|_| DatabaseError::Interrupted)??;
    let (socket_dir, port, server) = match access {
        Access::Joined { socket_dir, port } => (socket_dir, port, None),
        Access::Started(server) => (
            server.socket_dir().to_owned(),
            server.port(),
            Some(Arc::new(*server)),
        ),
    };
    let options = PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(port)
        .username("postgres");
    create_database_if_missing(&options.clone().database("postgres")).await?;
    Ok(OpenDatabase {
        options: options.database(EMBEDDED_DATABASE),
        direct: None,
        server,
        is_embedded: true,
        data_dir: Some(data_dir),
    })
}

async fn check_answers(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let host = format!("{}:{}", options.get_host(), options.get_port());
    let connecting = async {
        let connection = options
            .clone()
            .disable_statement_logging()
            .connect()
            .await?;
        connection.close().await
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(DatabaseError::NoAnswer {
            host,
            why: error.to_string(),
        }),
        Err(_) => Err(DatabaseError::NoAnswer {
            host,
            why: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        }),
    }
}
