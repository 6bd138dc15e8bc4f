//! The server's process: starting it, waiting until it is ready, ending it.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    time::Duration,
};

use super::{
    account::ServerUser,
    cluster::disk_fault,
    error::EmbeddedError,
    folders::SocketFolder,
    log::Log,
    pid_file::{self, PORT, PidFile, Shutdown},
    poll,
    programs::Programs,
    watchdog::Watchdog,
};

/// How long a server may take to write everything down.
pub(super) const FAST_WAIT: Duration = Duration::from_secs(15);
/// PostgreSQL itself kills what is left after five seconds.
pub(super) const IMMEDIATE_WAIT: Duration = Duration::from_secs(8);
/// Repairing the data after a crash takes as long as it takes; a bound all the same.
const READY_WAIT: Duration = Duration::from_secs(600);
/// How long the processes of a killed server may hold on to its memory.
const MEMORY_WAIT: Duration = Duration::from_secs(10);

/// The two processes of a running server.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) postgres: Child,
    pub(super) watchdog: Watchdog,
}

/// All that a start needs.
pub(super) struct Launch<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) cluster: &'a Path,
    pub(super) programs: &'a Programs,
    pub(super) user: &'a ServerUser,
    pub(super) socket: &'a SocketFolder,
    pub(super) log: &'a Log,
    pub(super) throwaway: bool,
}

impl Launch<'_> {
    /// Starts the server and waits until it is ready.
    ///
    /// Where a postmaster was killed, the processes below it may take a moment to notice; until
    /// then PostgreSQL rightly refuses to start.
    pub(super) fn run(&self) -> Result<(Running, PidFile), EmbeddedError> {
        let mut refusal = None;
        let outcome = poll(MEMORY_WAIT, || match self.attempt() {
            Err(EmbeddedError::StartFailed { status, log, tail })
                if tail.contains("is still in use") =>
            {
                refusal = Some(EmbeddedError::StartFailed { status, log, tail });
                None
            }
            result => Some(result),
        });
        match (outcome, refusal) {
            (Some(result), _) => result,
            (None, Some(refusal)) => Err(refusal),
            (None, None) => self.attempt(),
        }
    }

    fn attempt(&self) -> Result<(Running, PidFile), EmbeddedError> {
        let throwaway = self.throwaway.then_some(self.data_dir);
        let mut watchdog = Watchdog::start(self.cluster, self.socket, throwaway)?;
        let started = self.spawn().and_then(|mut postgres| {
            let ready = watchdog
                .watch(postgres.id())
                .and_then(|()| self.wait_ready(&mut postgres));
            if ready.is_err() {
                stop(&mut postgres).ok();
            }
            Ok((postgres, ready?))
        });
        match started {
            Ok((postgres, pid_file)) => Ok((Running { postgres, watchdog }, pid_file)),
            Err(error) => {
                watchdog.stand_down();
                Err(error)
            }
        }
    }

    fn spawn(&self) -> Result<Child, EmbeddedError> {
        let postgres = self.programs.postgres();
        let mut command = self.user.command(&postgres);
        command.arg("-D").arg(self.cluster);
        for setting in settings(self.throwaway) {
            command.args(["-c", &setting]);
        }
        command.arg("-c").arg(socket_setting(&self.socket.path));
        command
            .stdout(Stdio::null())
            .stderr(self.log.for_child()?)
            .spawn()
            .map_err(|error| EmbeddedError::run(&postgres, error))
    }

    fn wait_ready(&self, child: &mut Child) -> Result<PidFile, EmbeddedError> {
        let pid = child.id();
        let ready = poll(READY_WAIT, || match child.try_wait() {
            Ok(Some(status)) => Some(Err(status.to_string())),
            Err(error) => Some(Err(error.to_string())),
            Ok(None) => PidFile::read(self.cluster)
                .filter(|file| file.pid == pid && file.is_ready)
                .map(Ok),
        });
        let status = match ready {
            Some(Ok(file)) => return Ok(file),
            Some(Err(status)) => status,
            None => format!("not ready after {} s", READY_WAIT.as_secs()),
        };
        let tail = self.log.tail();
        Err(
            disk_fault(&tail, self.data_dir).unwrap_or_else(|| EmbeddedError::StartFailed {
                status,
                log: self.log.path().to_path_buf(),
                tail,
            }),
        )
    }
}

/// Ends the server within a bounded time. A server that ended before is fine.
pub(super) fn stop(child: &mut Child) -> Result<(), EmbeddedError> {
    let pid = child.id();
    let mut ended = || -> Option<ExitStatus> { child.try_wait().ok().flatten() };
    if ended().is_some() {
        return Ok(());
    }
    for (shutdown, wait) in [
        (Shutdown::Fast, FAST_WAIT),
        (Shutdown::Immediate, IMMEDIATE_WAIT),
    ] {
        // Not reaped yet, so the number is still this server's.
        let signalled = pid_file::signal(pid, shutdown);
        if signalled.is_ok() && poll(wait, &mut ended).is_some() {
            return Ok(());
        }
    }
    child.kill().ok();
    poll(IMMEDIATE_WAIT, || child.try_wait().ok().flatten());
    Err(EmbeddedError::DidNotStop { pid })
}

/// Given on the command line, where nothing in the data folder can override them.
fn settings(throwaway: bool) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        "unix_socket_permissions=0700".to_owned(),
        "shared_preload_libraries=".to_owned(),
        "ssl=off".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
        // Statements and the details of an error may hold people's data.
        "log_error_verbosity=terse".to_owned(),
        "log_min_error_statement=panic".to_owned(),
        // Compiling pays off for long statements only; there are none.
        "jit=off".to_owned(),
    ];
    if throwaway {
        settings.extend(
            [
                "max_connections=200",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "wal_level=minimal",
                "max_wal_senders=0",
            ]
            .map(str::to_owned),
        );
    } else {
        settings.push("max_connections=100".to_owned());
    }
    settings
}

/// The setting is a list: quoted, so that a comma in the path does not make two of one.
fn socket_setting(folder: &Path) -> OsString {
    let mut setting = b"unix_socket_directories=\"".to_vec();
    for byte in folder.as_os_str().as_bytes() {
        if *byte == b'"' {
            setting.push(b'"');
        }
        setting.push(*byte);
    }
    setting.push(b'"');
    OsString::from_vec(setting)
}
