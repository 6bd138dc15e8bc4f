//! The program as a process of its own, with nothing of this process's environment but `PATH`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prospector::db::embedded::{ThrowawayDir, throwaway_dir};
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::support::app::PATIENCE;
use crate::support::log_watch;

const UNDER_TEST: &str = env!("CARGO_BIN_EXE_prospector");

/// Runs the program on one database.
pub(crate) struct Program {
    file: PathBuf,
    /// What tells it which.
    setting: (&'static str, OsString),
    folder: Option<ThrowawayDir>,
}

impl Program {
    /// With a data folder that does not exist yet.
    pub(crate) fn new() -> Self {
        let folder = throwaway_dir("prospector-command").unwrap();
        Self {
            file: UNDER_TEST.into(),
            setting: ("DATA_DIR", data_dir(&folder).into()),
            folder: Some(folder),
        }
    }

    /// With a database that runs already.
    pub(crate) fn on(database: &PgConnectOptions) -> Self {
        let url = database.to_url_lossy().to_string();
        Self {
            file: UNDER_TEST.into(),
            setting: ("DATABASE_URL", url.into()),
            folder: None,
        }
    }

    /// The same with another program.
    pub(crate) fn by(self, file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            ..self
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command_of(&self.file, arguments);
        let (name, value) = &self.setting;
        command.env(name, value);
        command
    }

    /// Its data folder, where it has one of its own.
    pub(crate) fn data_dir(&self) -> PathBuf {
        data_dir(self.folder.as_ref().expect("a data folder"))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--output", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// As [`Self::json`], while other tasks of the test go on.
    pub(crate) async fn json_beside(self, arguments: &[&str]) -> Value {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let running = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            self.json(&arguments)
        });
        running.await.unwrap()
    }

    /// Starts `serve` on a free port and waits until it listens.
    pub(crate) fn serve(&self) -> Serving {
        self.serve_until(&["--output", "json"], |_| true)
    }

    /// As [`Self::serve`], with the text for people up to its command.
    pub(crate) fn serve_to_people(&self) -> Serving {
        self.serve_until(&[], |line| line.contains("linkedin_search"))
    }

    fn serve_until(&self, more: &[&str], is_last: impl Fn(&str) -> bool) -> Serving {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = self
            .command(&arguments)
            .env("RUST_LOG", log_watch::FILTER)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            log_watch::check(&text);
            text
        });
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let (mut text, mut line) = (String::new(), String::new());
        while printed.read_line(&mut line).unwrap() > 0 {
            text.push_str(&line);
            if is_last(&line) {
                break;
            }
            line.clear();
        }
        Serving {
            started: serde_json::from_str(&text).unwrap_or_default(),
            text,
            server: postmaster(&self.data_dir()),
            child,
            printed,
            log: Some(log),
        }
    }
}

/// The program without a data folder, for what must not need one.
pub(crate) fn command(arguments: &[&str]) -> Command {
    command_of(Path::new(UNDER_TEST), arguments)
}

fn command_of(file: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(file);
    command.args(arguments).env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A running `serve`, killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// What it printed when it listened.
    pub(crate) text: String,
    /// The same as JSON, if it is.
    pub(crate) started: Value,
    /// Its PostgreSQL.
    pub(crate) server: u32,
    printed: BufReader<ChildStdout>,
    log: Option<JoinHandle<String>>,
}

/// What is left of a `serve`.
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
    /// After that.
    pub(crate) printed: String,
}

impl Serving {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.started["address"].as_str().unwrap().parse().unwrap()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end_by(mut self, signal: &str) -> Ended {
        assert!(self::signal(signal, self.pid()));
        let status = self.child.wait().unwrap();
        let mut printed = String::new();
        self.printed.read_to_string(&mut printed).unwrap();
        Ended {
            code: status.code(),
            log: self.log.take().unwrap().join().unwrap(),
            printed,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asserts the exit code, and that stderr alone says why.
#[track_caller]
pub(crate) fn assert_fails(output: &Output, code: i32, because: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", told(output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "",
        "faults go to stderr"
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    for text in because {
        assert!(stderr.contains(text), "{text:?} is not in: {stderr}");
    }
}

/// All that a command said.
pub(crate) fn told(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn data_dir(folder: &ThrowawayDir) -> PathBuf {
    folder.path().join("data")
}

fn postmaster(data_dir: &Path) -> u32 {
    let file = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap_or_default();
    let pid = file.lines().next().and_then(|line| line.parse().ok());
    pid.expect("PostgreSQL runs while the program serves")
}

/// Waits until a process is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for a state, with a deadline"
)]
pub(crate) fn wait_until_gone(pid: u32) {
    let began = Instant::now();
    while is_alive(pid) {
        assert!(began.elapsed() < PATIENCE, "process {pid} is still there");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A zombie that nobody has asked for yet counts as dead.
fn is_alive(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        return fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty());
    }
    signal("0", pid)
}

/// Sends a signal by its name, and returns whether there was such a process.
pub(crate) fn signal(name: &str, pid: u32) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}
