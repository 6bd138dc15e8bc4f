//! What a PostgreSQL server writes about itself into `postmaster.pid`, and signals to it.

use std::{
    ffi::OsString,
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{account::SHELL, error::EmbeddedError, folders::socket_path};

/// The port that names the socket; the folder is the server's own, so it need not vary.
pub(super) const PORT: u16 = 5432;

/// The lines of `postmaster.pid`; a server that starts has written only the first ones.
#[derive(Debug, Clone)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) port: Option<u16>,
    pub(super) socket_dir: Option<PathBuf>,
    pub(super) is_ready: bool,
}

/// How a server is asked to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shutdown {
    /// Ends all sessions and writes everything down.
    Fast,
    /// Ends at once; the next start repairs the data.
    Immediate,
}

impl PidFile {
    pub(super) fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    pub(super) fn read(cluster: &Path) -> Option<PidFile> {
        PidFile::parse(&fs::read(PidFile::path(cluster)).ok()?)
    }

    fn parse(content: &[u8]) -> Option<PidFile> {
        let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
        let text = |line: usize| Some(str::from_utf8(lines.get(line)?).ok()?.trim());
        Some(PidFile {
            pid: text(0)?.parse().ok()?,
            port: text(3).and_then(|port| port.parse().ok()),
            socket_dir: lines
                .get(4)
                .filter(|line| !line.is_empty())
                .map(|line| OsString::from_vec(line.to_vec()).into()),
            is_ready: text(7) == Some("ready"),
        })
    }

    /// Whether the server of this file lives: its process is a postmaster of `cluster`, or
    /// somebody answers on its socket (it may run in another container that shares the folder).
    pub(super) fn is_served(&self, cluster: &Path) -> bool {
        is_postmaster(self.pid, cluster) || self.answers()
    }

    fn answers(&self) -> bool {
        self.socket_dir
            .as_deref()
            .is_some_and(|folder| UnixStream::connect(socket_path(folder)).is_ok())
    }
}

/// Whether the process is a postmaster of `cluster`, and not another one that got its number.
pub(super) fn is_postmaster(pid: u32, cluster: &Path) -> bool {
    let cluster = cluster.as_os_str().as_bytes();
    if cfg!(target_os = "linux") {
        // The processes below a postmaster overwrite their command line, so only it matches; a
        // zombie has none.
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return command
            .split(|byte| *byte == 0)
            .any(|argument| argument == cluster);
    }
    let Ok(output) = Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .output()
    else {
        return false;
    };
    let mut command = output.stdout.windows(cluster.len().max(1));
    command.any(|part| part == cluster)
}

/// Sends the signal by the shell's built-in `kill`, since std has none.
pub(super) fn signal(pid: u32, shutdown: Shutdown) -> Result<(), EmbeddedError> {
    let name = match shutdown {
        Shutdown::Fast => "INT",
        Shutdown::Immediate => "QUIT",
    };
    // A process that is gone already is no failure: callers wait for its end anyway.
    Command::new(SHELL)
        .args(["-c", r#"kill -s "$1" "$2""#, "sh", name, &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
        .map_err(|error| EmbeddedError::run(Path::new(SHELL), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] =
        b"4711\n/data/postgres\n1700000000\n5432\n/data/run\n\n  123 4\nready   \n";

    #[test]
    fn reads_a_ready_server() {
        let file = PidFile::parse(READY).unwrap();
        assert_eq!((file.pid, file.port), (4711, Some(5432)));
        assert_eq!(file.socket_dir.as_deref(), Some(Path::new("/data/run")));
        assert!(file.is_ready);
    }

    #[test]
    fn a_server_that_starts_is_not_ready() {
        let file = PidFile::parse(b"4711\n/data/postgres\n1700000000\n5432\n").unwrap();
        assert!(!file.is_ready);
        assert_eq!(file.socket_dir, None);
        assert!(PidFile::parse(b"").is_none());
    }

    #[test]
    fn this_process_is_no_postmaster() {
        assert!(!is_postmaster(
            std::process::id(),
            Path::new("/data/postgres")
        ));
    }
}
