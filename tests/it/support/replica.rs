//! `prospector serve` as processes of their own, which tests kill, suspend and stop.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;

use crate::support::app::PATIENCE;
use crate::support::{log_watch, process};

/// How much of its log a process leaves behind when its test fails.
const LOG_LINES_SHOWN: usize = 60;

/// A `prospector serve` of its own process, killed when dropped.
pub(crate) struct Replica {
    name: String,
    child: Child,
    /// Written to by every process of this name, one after the other.
    log: PathBuf,
    /// Where this process says its address.
    answer: PathBuf,
}

impl Replica {
    /// Starts the process and waits for nothing.
    pub(crate) fn spawn(folder: &Path, name: &str, mut serve: Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let answer = folder.join(format!("{name}.out"));
        let errors = OpenOptions::new().create(true).append(true).open(&log);
        if serve.get_envs().all(|(name, _)| name != "RUST_LOG") {
            serve.env("RUST_LOG", log_watch::FILTER);
        }
        serve.stdout(File::create(&answer).unwrap());
        serve.stderr(errors.unwrap());
        Self {
            name: name.to_owned(),
            child: serve.spawn().unwrap(),
            log,
            answer,
        }
    }

    /// Where it listens; `None` while it does not say so.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let said: Value = serde_json::from_slice(&fs::read(&self.answer).ok()?).ok()?;
        said["address"].as_str()?.parse().ok()
    }

    /// Waits until it listens.
    pub(crate) async fn listening(&mut self) -> SocketAddr {
        let waiting = async {
            loop {
                if let Some(address) = self.address() {
                    return address;
                }
                assert!(self.is_running(), "{} ended at its start", self.name);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the process does not come up")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = process::signal(signal, self.child.id());
        assert!(sent, "{} is gone", self.name);
    }

    /// SIGKILL: no code of the process runs after this.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end that was asked for.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(within, waiting)
            .await
            .unwrap_or_else(|_| panic!("{} does not end within {within:?}", self.name))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    #[expect(clippy::print_stdout, reason = "shown with a test that failed")]
    fn show_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        println!("--- log of {}:\n{}", self.name, shown.join("\n"));
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        log_watch::check(&self.log());
        if std::thread::panicking() {
            self.show_log();
        }
    }
}
