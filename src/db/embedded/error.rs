//! What can go wrong with the private PostgreSQL, told to the person who has to mend it.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Why the private PostgreSQL is not there; every message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "PostgreSQL's server programs (`initdb` and `postgres`, version {} or later) were not \
         found on this machine. Install them (Debian, Ubuntu: `apt-get install postgresql`; \
         macOS: `brew install postgresql`; from a checkout: `script/bootstrap`), or set \
         DATABASE_URL to a PostgreSQL that already runs",
        super::programs::OLDEST_MAJOR
    )]
    ProgramsMissing,

    #[error(
        "only PostgreSQL {found} was found, and version {} or later is needed. Install a newer \
         one (Debian, Ubuntu: from https://apt.postgresql.org; macOS: \
         `brew install postgresql@17`), or set DATABASE_URL to a PostgreSQL that already runs",
        super::programs::OLDEST_MAJOR
    )]
    ProgramsTooOld { found: String },

    #[error(
        "the configured folder of PostgreSQL's programs, {}, has no `initdb` and `postgres` that \
         run. Point the setting at a folder such as /usr/lib/postgresql/15/bin, or leave it out \
         to have the usual places searched",
        .bin_dir.display()
    )]
    BinDirUnusable { bin_dir: PathBuf },

    #[error(
        "the data in {} was made by PostgreSQL {made_by}, and only that version can read it; \
         found here: {found}. Install PostgreSQL {made_by}, or dump the data with it and set \
         DATA_DIR to a new folder",
        .cluster.display()
    )]
    VersionMismatch {
        cluster: PathBuf,
        made_by: String,
        found: String,
    },

    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a \
         user `nobody` to run it as. Start this program as an ordinary user, or create one of \
         the two"
    )]
    NoServerUser,

    #[error(
        "{} belongs to root, and PostgreSQL refuses to run as root. Hand it over with \
         `chown -R postgres {}`",
        .cluster.display(), .cluster.display()
    )]
    ClusterOwnedByRoot { cluster: PathBuf },

    #[error(
        "PostgreSQL runs as user {user} here, and that user may not enter {}. Open the folder \
         (`chmod o+x {}`), or set DATA_DIR to a folder elsewhere",
        .folder.display(), .folder.display()
    )]
    ClosedFolder { folder: PathBuf, user: String },

    #[error(
        "{} belongs to another user (uid {owner}) and is not used for that reason. Set DATA_DIR \
         to a folder of your own",
        .path.display()
    )]
    ForeignPath { path: PathBuf, owner: u32 },

    #[error(
        "{} is shared by all users of this machine, or is no folder. Set DATA_DIR to a folder of \
         its own, such as {}",
        .folder.display(), .folder.join("prospector").display()
    )]
    UnfitFolder { folder: PathBuf },

    #[error(
        "{} is a symbolic link or no plain file. Remove it, or set DATA_DIR to another folder",
        .path.display()
    )]
    NotAPlainFile { path: PathBuf },

    #[error(
        "the disk that holds {} is full. Free some space, or set DATA_DIR to a folder on another \
         disk",
        .folder.display()
    )]
    Full { folder: PathBuf },

    #[error(
        "{} is on a read-only file system. Mount it writable, or set DATA_DIR to a writable \
         folder",
        .folder.display()
    )]
    ReadOnly { folder: PathBuf },

    #[error(
        "no permission to write to {}. Give it to the user that runs this program, or set \
         DATA_DIR to a folder of your own",
        .folder.display()
    )]
    NotWritable { folder: PathBuf },

    #[error(
        "the data folder {} is in use by {holder}. Stop that one first, or set DATA_DIR to \
         another folder",
        .data_dir.display()
    )]
    Locked { data_dir: PathBuf, holder: String },

    #[error(
        "an older PostgreSQL (process {pid}) still runs on {} and did not stop when asked to. \
         Stop it (`kill -INT {pid}`; if it is not on this machine, stop the one that shares the \
         folder) and start again",
        .cluster.display()
    )]
    OldServerStays { cluster: PathBuf, pid: u32 },

    #[error(
        "the path {} is too long for a Unix socket ({} bytes at most), and no shorter folder \
         could be made. Set DATA_DIR to a shorter path",
        .folder.display(), super::folders::SOCKET_PATH_MAX
    )]
    SocketPathTooLong { folder: PathBuf },

    #[error("`initdb` could not make a database in {}. It said:\n{output}", .data_dir.display())]
    Initdb { data_dir: PathBuf, output: String },

    #[error(
        "PostgreSQL did not start ({status}). The end of its log, {}:\n{tail}",
        .log.display()
    )]
    StartFailed {
        status: String,
        log: PathBuf,
        tail: String,
    },

    #[error(
        "PostgreSQL ended by itself ({status}); start this program again. The end of its log, \
         {}:\n{tail}",
        .log.display()
    )]
    Died {
        status: String,
        log: PathBuf,
        tail: String,
    },

    #[error(
        "PostgreSQL (process {pid}) did not stop when asked to and was killed; it repairs its \
         data at the next start"
    )]
    DidNotStop { pid: u32 },

    #[error("{action} {} failed", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl EmbeddedError {
    /// A failed step on `path`; a full, read-only or closed `folder` is told by its own message.
    pub(super) fn io(
        action: &'static str,
        path: &Path,
        folder: &Path,
        source: io::Error,
    ) -> EmbeddedError {
        let folder = folder.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => EmbeddedError::Full { folder },
            ErrorKind::ReadOnlyFilesystem => EmbeddedError::ReadOnly { folder },
            ErrorKind::PermissionDenied => EmbeddedError::NotWritable { folder },
            _ => EmbeddedError::Io {
                action,
                path: path.to_path_buf(),
                source,
            },
        }
    }

    /// A program of the system (`sh`, `id`) that could not be run.
    pub(super) fn run(program: &Path, source: io::Error) -> EmbeddedError {
        EmbeddedError::Io {
            action: "running",
            path: program.to_path_buf(),
            source,
        }
    }
}
