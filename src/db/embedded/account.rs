//! The system user that PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. As root its programs are handed over to the user that owns
//! the data already, else to `postgres`, else to `nobody`; otherwise they run as ourselves.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStringExt as _,
        fs::{MetadataExt as _, lchown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::EmbeddedError;

pub(super) const SHELL: &str = "/bin/sh";

/// The first argument that cannot be entered (a folder) or executed (a file).
const FIND_CLOSED: &str =
    r#"for path in "$@"; do [ -x "$path" ] || { printf %s "$path"; exit 0; }; done"#;

/// Who runs the server, and whether that is somebody else than us.
#[derive(Debug, Clone)]
pub(super) struct ServerUser {
    pub(super) uid: u32,
    gid: u32,
    name: String,
    handed_over: bool,
}

impl ServerUser {
    pub(super) fn of(cluster: &Path, own_uid: u32) -> Result<ServerUser, EmbeddedError> {
        let owner = fs::metadata(cluster).ok();
        if own_uid != 0 {
            if let Some(owner) = owner
                && owner.uid() != own_uid
            {
                return Err(EmbeddedError::ForeignPath {
                    path: cluster.to_path_buf(),
                    owner: owner.uid(),
                });
            }
            return Ok(ServerUser {
                uid: own_uid,
                gid: 0,
                name: own_uid.to_string(),
                handed_over: false,
            });
        }
        match owner {
            Some(owner) if owner.uid() == 0 => Err(EmbeddedError::ClusterOwnedByRoot {
                cluster: cluster.to_path_buf(),
            }),
            Some(owner) => Ok(ServerUser {
                uid: owner.uid(),
                gid: owner.gid(),
                name: format!("with uid {}", owner.uid()),
                handed_over: true,
            }),
            None => ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| {
                    Some(ServerUser {
                        uid: id(&["-u", name]).filter(|uid| *uid != 0)?,
                        gid: id(&["-g", name])?,
                        name: format!("`{name}`"),
                        handed_over: true,
                    })
                })
                .ok_or(EmbeddedError::NoServerUser),
        }
    }

    /// A command that runs as this user, away from our folder, process group and environment.
    ///
    /// Its own process group keeps Ctrl-C from reaching the server before us. The environment is
    /// not passed on, since it may hold our secrets and `PG...` variables that change defaults.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = detached(program);
        if self.handed_over {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a folder of ours to this user.
    pub(super) fn give(&self, folder: &Path) -> Result<(), EmbeddedError> {
        if self.handed_over {
            lchown(folder, Some(self.uid), Some(self.gid))
                .map_err(|error| EmbeddedError::io("handing over", folder, folder, error))?;
        }
        Ok(())
    }

    /// Fails with the first folder (or file) on the way to `targets` that is closed to this user.
    ///
    /// Asked of the system as that user, so that access lists and the like count too.
    pub(super) fn check_reach(&self, targets: &[&Path]) -> Result<(), EmbeddedError> {
        if !self.handed_over {
            return Ok(());
        }
        let mut way: Vec<&Path> = Vec::new();
        for target in targets {
            let mut folders: Vec<&Path> = target.ancestors().collect();
            folders.reverse();
            way.extend(folders);
        }
        let shell = Path::new(SHELL);
        let output = self
            .command(shell)
            .args(["-c", FIND_CLOSED, "sh"])
            .args(way)
            .output()
            .map_err(|error| EmbeddedError::run(shell, error))?;
        if output.stdout.is_empty() {
            return Ok(());
        }
        Err(EmbeddedError::ClosedFolder {
            folder: PathBuf::from(OsString::from_vec(output.stdout)),
            user: self.name.clone(),
        })
    }

    /// Overwrites a file inside a folder of this user, with no more than this user's rights.
    pub(super) fn write(&self, file: &Path, content: &[u8]) -> Result<(), EmbeddedError> {
        let shell = Path::new(SHELL);
        let mut child = self
            .command(shell)
            .args(["-c", r#"cat >"$1""#, "sh"])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| EmbeddedError::run(shell, error))?;
        let written = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(content),
            None => Ok(()),
        };
        written
            .and_then(|()| child.wait())
            .map(drop)
            .map_err(|error| EmbeddedError::io("writing", file, file, error))
    }
}

/// A command away from our folder, process group, environment and standard input.
pub(super) fn detached(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        // English messages, which the launcher reads; macOS also wants a locale set.
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null());
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The user that runs this program.
pub(super) fn own_uid() -> Result<u32, EmbeddedError> {
    id(&["-u"]).ok_or_else(|| {
        EmbeddedError::run(Path::new("id"), std::io::Error::other("it told no user id"))
    })
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().parse().ok()
}
