//! A fresh, migrated database for each test.
//!
//! One throwaway PostgreSQL serves the whole test binary, or the one that `TEST_DATABASE_URL` names.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prospector::db::embedded::{Options, Server, ThrowawayDir, throwaway_dir};
use prospector::db::migrator::SetupLock;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::support::log_watch;

/// The server that tests use, and the name of its migrated template database.
struct Cluster {
    options: PgConnectOptions,
    template: String,
    /// Stopped, and its folder removed, when the test process ends.
    _embedded: Option<(Server, ThrowawayDir)>,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Makes a database that no other test sees.
pub(crate) async fn fresh_database() -> PgConnectOptions {
    make_database(|cluster| format!("template {}", cluster.template)).await
}

/// Makes one without any table.
pub(crate) async fn unmigrated_database() -> PgConnectOptions {
    make_database(|_| "template template1".to_owned()).await
}

async fn make_database(like: impl FnOnce(&Cluster) -> String) -> PgConnectOptions {
    log_watch::watch_this_process();
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start_cluster))
        .await
        .unwrap();
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}_{number}", cluster.template);
    let mut connection = cluster.options.connect().await.unwrap();
    let create = format!("create database {name} {}", like(cluster));
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    cluster.options.clone().database(&name)
}

pub(crate) async fn connect(options: &PgConnectOptions) -> PgConnection {
    options
        .clone()
        .disable_statement_logging()
        .connect()
        .await
        .unwrap()
}

fn start_cluster() -> Cluster {
    // On a runtime of its own: those of the tests come and go.
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(make_cluster())
    })
    .join()
    .unwrap()
}

async fn make_cluster() -> Cluster {
    #[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
    let configured = std::env::var("TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty());
    let (options, embedded) = match configured {
        Some(url) => (url.parse().unwrap(), None),
        None => {
            let folder = throwaway_dir("prospector-test").unwrap();
            let server = Server::start(&Options {
                data_dir: folder.path().to_owned(),
                bin_dir: None,
                lock_wait: Duration::ZERO,
                throwaway: true,
            })
            .unwrap();
            let options = PgConnectOptions::new_without_pgpass()
                .socket(server.socket_dir())
                .port(server.port())
                .username("postgres")
                .database("postgres");
            (options, Some((server, folder)))
        }
    };
    let template = format!("prospector_test_{:08x}", rand::random::<u32>());
    let mut connection = options.connect().await.unwrap();
    let create = format!("create database {template}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let mut lock = SetupLock::acquire(&options.clone().database(&template))
        .await
        .unwrap();
    lock.migrate().await.unwrap();
    lock.release().await.unwrap();
    Cluster {
        options,
        template,
        _embedded: embedded,
    }
}
