//! What several processes share: a database, a sandbox that outlives them, account groups, a client.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use prospector::db::embedded::{ThrowawayDir, throwaway_dir};
use prospector::db::pool::{Database, PoolLimits};
use prospector::domain::api_key::ApiKeySecret;
use prospector::domain::id::{AccountGroupId, JobId};
use prospector::domain::plan::Plan;
use prospector::upstream::http;
use prospector::upstream::sandbox::Sandbox;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinSet;

use crate::support::answer::Answer;
use crate::support::app::{Setup, make_group, wait_for};
use crate::support::database::{connect, fresh_database};
use crate::support::openapi::OpenApi;
use crate::support::process::Program;
use crate::support::replica::Replica;

/// The longest that a client waits for an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) database: PgConnectOptions,
    /// For clients that keep their connections.
    pub(crate) client: reqwest::Client,
    sandbox: SocketAddr,
    folder: ThrowawayDir,
    _sandbox: JoinSet<()>,
}

/// An account group and a key that may do everything with it.
pub(crate) struct Group {
    pub(crate) id: AccountGroupId,
    pub(crate) key: ApiKeySecret,
}

impl World {
    /// With a migrated database of its own.
    pub(crate) async fn start() -> Self {
        Self::on(fresh_database().await).await
    }

    pub(crate) async fn on(database: PgConnectOptions) -> Self {
        let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = sandbox.local_addr();
        let mut serving = JoinSet::new();
        serving.spawn(async { sandbox.run(std::future::pending()).await.unwrap() });
        Self {
            database,
            client: http::client(CALL_TIMEOUT).unwrap(),
            sandbox: address,
            folder: throwaway_dir("prospector-test-processes").unwrap(),
            _sandbox: serving,
        }
    }

    /// Gone when the world is dropped.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the sandbox is.
    pub(crate) fn sandbox_url(&self) -> String {
        format!("http://{}", self.sandbox)
    }

    /// Starts a `serve` and waits for nothing. Processes of one name share a log.
    pub(crate) fn spawn(
        &self,
        name: &str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Replica {
        self.spawn_program(&Program::on(&self.database), name, arguments, settings)
    }

    /// As [`Self::spawn`], with another program than the one under test.
    pub(crate) fn spawn_program(
        &self,
        program: &Program,
        name: &str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Replica {
        let mut serve = program.command(&[&["serve", "--output", "json"], arguments].concat());
        serve
            .env("SANDBOX_URL", self.sandbox_url())
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .env("RATE_LIMIT_BURST", "1000000")
            .env("RATE_LIMIT_PER_MINUTE", "1000000")
            .envs(settings.iter().copied());
        Replica::spawn(self.folder.path(), name, serve)
    }

    /// Starts a `serve` and waits until it listens.
    pub(crate) async fn serve(
        &self,
        name: &str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> (Replica, SocketAddr) {
        let mut serve = self.spawn(name, arguments, settings);
        let address = serve.listening().await;
        (serve, address)
    }

    /// A group with plenty of credits.
    pub(crate) async fn group(&self) -> Group {
        let database = Database::new(
            &self.database,
            PoolLimits {
                connections: 1,
                statement_timeout: Duration::from_secs(15),
                idle_in_transaction_timeout: Duration::from_secs(5),
            },
        );
        let setup = Setup {
            plan: Plan::Scale,
            credits: 1_000_000,
            ..Setup::default()
        };
        let (id, key) = make_group(&database, &setup).await;
        database.close().await;
        Group { id, key }
    }

    pub(crate) async fn groups(&self, how_many: usize) -> Vec<Group> {
        let mut groups = Vec::new();
        for _ in 0..how_many {
            groups.push(self.group().await);
        }
        groups
    }

    /// A connection past the program, to look at what is stored.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.database).await
    }

    /// Sends a request below the group's path and checks the answer against `openapi.yaml`.
    pub(crate) async fn call(
        &self,
        client: &reqwest::Client,
        at: SocketAddr,
        group: &Group,
        request: Call<'_>,
    ) -> Result<Answer, reqwest::Error> {
        let path = format!("/v1/accounts/{}/{}", group.id, request.path);
        let mut builder = client
            .request(request.method.clone(), format!("http://{at}{path}"))
            .bearer_auth(group.key.reveal());
        if let Some(body) = request.body {
            builder = builder.json(body);
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        let response = builder.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let method = request.method.as_str();
        if let Err(fault) = OpenApi::get().check_response(method, &path, status, &headers, &bytes) {
            panic!("{method} {path} was answered otherwise than openapi.yaml says: {fault}");
        }
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        })
    }

    /// Starts a job that must be accepted.
    pub(crate) async fn start_job(&self, at: SocketAddr, group: &Group, body: &Value) -> JobId {
        let call = Call::start(body, None);
        let answer = self.call(&self.client, at, group, call).await.unwrap();
        answer.expect_status(202).job_id()
    }

    pub(crate) async fn job(&self, at: SocketAddr, group: &Group, job: &JobId) -> Value {
        let path = format!("prospecting/{job}");
        let call = Call::get(&path);
        let answer = self.call(&self.client, at, group, call).await.unwrap();
        answer.expect_status(200).data().clone()
    }

    /// Jobs that have not ended.
    pub(crate) async fn open_jobs(&self, connection: &mut PgConnection) -> i64 {
        let open = sqlx::query_scalar!(
            r#"select count(*) as "count!" from prospecting_jobs where ended_at is null"#
        );
        open.fetch_one(connection).await.unwrap()
    }

    /// Waits until every job has ended; for as long as it takes, if only one ends now and then.
    pub(crate) async fn all_jobs_ended(&self) {
        let mut connection = self.connect().await;
        let mut open = i64::MAX;
        while open > 0 {
            let before = open;
            wait_for(async || {
                open = self.open_jobs(&mut connection).await;
                open < before
            })
            .await;
        }
    }

    /// `prospector credits verify` finds that ledger, balances and reservations agree, and no lane
    /// counts a job that does not run.
    pub(crate) async fn assert_books_balance(&self) {
        let program = Program::on(&self.database);
        let verified = program.json_beside(&["credits", "verify"]).await;
        assert_eq!(verified["ok"], true, "{verified:#}");

        let mut connection = self.connect().await;
        let wrong = sqlx::query_scalar!(
            r#"
            select count(*) as "count!" from lanes l
            where l.running <> (
                select count(*) from prospecting_jobs j
                where j.account_group_id = l.account_group_id and j.status = 'running'
            )
            "#
        );
        assert_eq!(wrong.fetch_one(&mut connection).await.unwrap(), 0);
    }
}

/// One request of a client.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    method: reqwest::Method,
    path: &'a str,
    body: Option<&'a Value>,
    idempotency_key: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: reqwest::Method::GET,
            path,
            body: None,
            idempotency_key: None,
        }
    }

    pub(crate) fn start(body: &'a Value, idempotency_key: Option<&'a str>) -> Self {
        Self {
            method: reqwest::Method::POST,
            path: "prospecting",
            body: Some(body),
            idempotency_key,
        }
    }
}
