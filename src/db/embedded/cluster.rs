//! The server's own folder: making it, and clearing it of an older server.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Duration,
};

use super::{
    CLUSTER,
    account::ServerUser,
    error::EmbeddedError,
    folders::{self, random, remove_tree},
    launch::{FAST_WAIT, IMMEDIATE_WAIT},
    log,
    pid_file::{self, PidFile, Shutdown, is_postmaster},
    poll,
    programs::Programs,
};

/// How long an older server may take to go by itself: its own watchdog is at it.
const OLD_SERVER_GRACE: Duration = Duration::from_secs(2);

/// Makes the cluster where there is none.
///
/// It is made beside its place and renamed when it is whole, so that an interrupted start leaves
/// nothing half-made; what such a start left is removed here.
pub(super) fn create_if_missing(
    data_dir: &Path,
    programs: &Programs,
    user: &ServerUser,
    throwaway: bool,
) -> Result<(), EmbeddedError> {
    let fail = |error| EmbeddedError::io("making a database in", data_dir, data_dir, error);
    let beginning = format!("{CLUSTER}.new-");
    for entry in fs::read_dir(data_dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_name().to_string_lossy().starts_with(&beginning) {
            remove_tree(&entry.path()).map_err(fail)?;
        }
    }
    let cluster = data_dir.join(CLUSTER);
    if cluster.join("PG_VERSION").exists() {
        return Ok(());
    }
    // A new name each time: an initdb whose starter died may still write into the old one.
    let unfinished = data_dir.join(format!("{beginning}{:016x}", random()));
    DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .map_err(fail)?;
    let result = user
        .give(&unfinished)
        .and_then(|()| initdb(data_dir, &unfinished, programs, user, throwaway))
        .and_then(|()| fs::rename(&unfinished, &cluster).map_err(fail));
    if result.is_err() {
        remove_tree(&unfinished).ok();
    }
    result?;
    fs::File::open(data_dir)
        .and_then(|folder| folder.sync_all())
        .map_err(fail)
}

fn initdb(
    data_dir: &Path,
    unfinished: &Path,
    programs: &Programs,
    user: &ServerUser,
    throwaway: bool,
) -> Result<(), EmbeddedError> {
    let initdb = programs.initdb();
    let mut command = user.command(&initdb);
    command
        .args(["-U", "postgres", "-E", "UTF8", "--no-locale"])
        .args(["--auth=trust", "--no-instructions", "-D"])
        .arg(unfinished);
    if throwaway {
        command.arg("--no-sync");
    }
    let output = command
        .output()
        .map_err(|error| EmbeddedError::run(&initdb, error))?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = output.stdout;
    said.extend(output.stderr);
    // The whole output: on a full disk much may follow the line that says so.
    let fault = disk_fault(&String::from_utf8_lossy(&said), data_dir);
    Err(fault.unwrap_or_else(|| EmbeddedError::Initdb {
        data_dir: data_dir.to_path_buf(),
        output: log::last_lines(&said),
    }))
}

/// Sees an older server of the cluster off, and clears what a dead one left behind.
///
/// A server is never taken over: who started it may have had other settings, and its watchdog
/// would stop it under us.
pub(super) fn clear_old_server(cluster: &Path, user: &ServerUser) -> Result<(), EmbeddedError> {
    let Some(old) = PidFile::read(cluster) else {
        return Ok(());
    };
    let is_gone = || {
        let is_named = PidFile::read(cluster).is_some_and(|now| now.pid == old.pid);
        (!is_named || !old.is_served(cluster)).then_some(())
    };
    let mut gone = is_gone().or_else(|| poll(OLD_SERVER_GRACE, is_gone));
    for (shutdown, wait) in [
        (Shutdown::Fast, FAST_WAIT),
        (Shutdown::Immediate, IMMEDIATE_WAIT),
    ] {
        if gone.is_none() && is_postmaster(old.pid, cluster) {
            pid_file::signal(old.pid, shutdown)?;
            gone = poll(wait, is_gone);
        }
    }
    if gone.is_none() {
        return Err(EmbeddedError::OldServerStays {
            cluster: cluster.to_path_buf(),
            pid: old.pid,
        });
    }
    folders::clear_old_socket(&old, user);
    disown_pid_file(cluster, user)
}

/// Puts our process into a dead server's `postmaster.pid`.
///
/// PostgreSQL takes the file for that of a living server when any process has the dead one's
/// number by now; it knows that its own parent is none. The other lines must stay: by them it
/// finds processes of the dead server that still use the data, so the file is not just removed.
fn disown_pid_file(cluster: &Path, user: &ServerUser) -> Result<(), EmbeddedError> {
    let path = PidFile::path(cluster);
    let Ok(content) = fs::read(&path) else {
        return Ok(());
    };
    let mut disowned = std::process::id().to_string().into_bytes();
    disowned.extend(content.iter().skip_while(|byte| **byte != b'\n'));
    user.write(&path, &disowned)
}

/// A full or read-only disk told in words, or found by writing to the data folder.
pub(super) fn disk_fault(text: &str, data_dir: &Path) -> Option<EmbeddedError> {
    let folder = || data_dir.to_path_buf();
    let full = [
        "No space left on device",
        "Disk quota exceeded",
        // The hint after a write that was cut short.
        "Check free disk space",
    ];
    if full.iter().any(|sign| text.contains(sign)) {
        return Some(EmbeddedError::Full { folder: folder() });
    }
    if text.contains("Read-only file system") {
        return Some(EmbeddedError::ReadOnly { folder: folder() });
    }
    let probe = data_dir.join(format!(".probe-{:016x}", random()));
    let written = fs::write(&probe, [0; 16 * 1024]);
    fs::remove_file(&probe).ok();
    match EmbeddedError::io("writing", &probe, data_dir, written.err()?) {
        fault @ (EmbeddedError::Full { .. } | EmbeddedError::ReadOnly { .. }) => Some(fault),
        _ => None,
    }
}
