//! Stops the server when this process dies, however it dies.
//!
//! A small shell process reads from a pipe whose other end only this process holds open (std
//! opens it close-on-exec, so that no other child inherits it). The end of the pipe is our end.
//! Its output goes nowhere, or whoever reads ours would wait for it.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::Path,
    process::{Child, Stdio},
};

use super::{
    account::{SHELL, detached},
    error::EmbeddedError,
    folders::{SocketFolder, THROWAWAY_MARK, socket_path},
    pid_file::PidFile,
};

/// Gets the server's process id as the first line of its input; a second line sends it home.
///
/// It signals that process only, and only while `postmaster.pid` names it, so that a process
/// which got the number later is safe. A server that has not written the file yet is waited for.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pid_file=$1 socket=$2 socket_folder=$3 throwaway=$4 mark=$5
IFS= read -r pid || pid=
if [ -n "$pid" ] && IFS= read -r _; then exit 0; fi

nap() { sleep 0.1 2>/dev/null || sleep 1; }
lives() { [ -n "$pid" ] && kill -0 "$pid"; }
is_named() { [ -f "$pid_file" ] && IFS= read -r named <"$pid_file" && [ "$named" = "$pid" ]; }

naps=0
until is_named || ! lives || [ "$naps" -ge 50 ]; do nap; naps=$((naps + 1)); done
for signal in INT QUIT; do
    naps=0
    while is_named && lives && [ "$naps" -lt 300 ]; do
        [ "$naps" -gt 0 ] || kill -s "$signal" "$pid"
        nap
        naps=$((naps + 1))
    done
done
if is_named && lives; then exit 1; fi
if [ -n "$socket_folder" ]; then
    rm -f "$socket" "$socket.lock"
    rmdir "$socket_folder"
fi
if [ -n "$throwaway" ] && [ -f "$throwaway/$mark" ]; then rm -rf "$throwaway"; fi
"#;

/// The watching process; dropping this value without [`Watchdog::stand_down`] sets it off.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Starts it before there is a server, so that no death goes unseen.
    pub(super) fn start(
        cluster: &Path,
        socket: &SocketFolder,
        throwaway: Option<&Path>,
    ) -> Result<Watchdog, EmbeddedError> {
        let shell = Path::new(SHELL);
        let none = OsStr::new("");
        let socket_folder = if socket.temporary {
            socket.path.as_os_str()
        } else {
            none
        };
        let child = detached(shell)
            .args(["-c", SCRIPT, "sh"])
            .arg(PidFile::path(cluster))
            .arg(socket_path(&socket.path))
            .arg(socket_folder)
            .arg(throwaway.map_or(none, Path::as_os_str))
            .arg(THROWAWAY_MARK)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| EmbeddedError::run(shell, error))?;
        Ok(Watchdog { child })
    }

    pub(super) fn watch(&mut self, server: u32) -> Result<(), EmbeddedError> {
        self.tell(&format!("{server}\n"))
            .map_err(|error| EmbeddedError::run(Path::new(SHELL), error))
    }

    /// Sends it home: the server has ended and been seen to end.
    pub(super) fn stand_down(&mut self) {
        // Two lines, since there may have been no server to name in the first.
        self.tell("0\n0\n").ok();
        self.child.stdin = None;
        self.child.wait().ok();
    }

    fn tell(&mut self, line: &str) -> std::io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(line.as_bytes()),
            None => Ok(()),
        }
    }
}
