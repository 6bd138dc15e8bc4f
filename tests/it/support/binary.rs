//! The program itself, as a process of its own on the database of a test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

fn database_url(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!(
            "postgres://{}@localhost:{}/{}?host={}",
            options.get_username(),
            options.get_port(),
            options.get_database().unwrap(),
            socket.display()
        ),
        None => options.to_url_lossy().to_string(),
    }
}

/// A command whose environment holds the database and nothing else of ours.
fn command(
    database: &PgConnectOptions,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prospector"));
    command
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database_url(database))
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) async fn run(database: &PgConnectOptions, arguments: &[&str]) -> Output {
    let mut command = command(database, arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// Runs a command whose stdout nobody reads any more, as after `| head`.
pub(crate) async fn run_unread(database: &PgConnectOptions, arguments: &[&str]) -> Output {
    let mut command = command(database, arguments);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || command.spawn().unwrap().wait_with_output().unwrap())
        .await
        .unwrap()
}

/// Runs a command with `--output json` that must succeed, and reads what it prints.
pub(crate) async fn run_json(database: &PgConnectOptions, arguments: &[&str]) -> Value {
    let output = run(database, &[arguments, &["--output", "json"]].concat()).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a command that must be refused with exit code 1, and returns what it says.
pub(crate) async fn run_refused(database: &PgConnectOptions, arguments: &[&str]) -> String {
    let output = run(database, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// `prospector serve`, killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Serving {
    pub(crate) async fn start(database: &PgConnectOptions) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--output", "json"];
        let mut command = command(database, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            let started: Value = serde_json::from_str(&line).unwrap();
            let address = started["address"].as_str().unwrap().parse().unwrap();
            Self { child, address }
        })
        .await
        .unwrap()
    }

    /// The most memory that the process had so far.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
