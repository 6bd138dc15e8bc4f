//! The lock of a data folder: one owner at a time, whose death frees it.
//!
//! The file names the owner's process and, once it is ready, the server's, on a line each.

use std::{
    fs::{File, TryLockError},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{error::EmbeddedError, folders, poll};

/// Held as long as this value lives.
#[derive(Debug)]
pub(super) struct DataLock {
    file: File,
}

/// The process that holds a lock, as far as its file tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) owner: Option<u32>,
    pub(super) server: Option<u32>,
}

impl DataLock {
    /// Takes the lock, waiting for a holder to go.
    pub(super) fn acquire(data_dir: &Path, wait: Duration) -> Result<DataLock, EmbeddedError> {
        let path = path(data_dir);
        let fail = |error| EmbeddedError::io("locking", &path, data_dir, error);
        let file = folders::open_plain(&path, data_dir)?;
        // A moment at least: `holder` takes a shared lock for an instant.
        let outcome = poll(wait.max(Duration::from_millis(50)), || {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => None,
                Err(TryLockError::Error(error)) => Some(Err(error)),
                Ok(()) => Some(Ok(())),
            }
        });
        match outcome {
            Some(result) => result.map_err(fail)?,
            None => {
                let holder = read(data_dir).owner;
                return Err(EmbeddedError::Locked {
                    data_dir: data_dir.to_path_buf(),
                    holder: holder.map_or_else(
                        || "another process".to_owned(),
                        |pid| format!("process {pid}"),
                    ),
                });
            }
        }
        let mut lock = DataLock { file };
        lock.write(&format!("{}\n", std::process::id()))
            .map_err(fail)?;
        Ok(lock)
    }

    /// Tells others that the server of this process is ready for them.
    pub(super) fn announce(&mut self, data_dir: &Path, server: u32) -> Result<(), EmbeddedError> {
        self.write(&format!("{}\n{server}\n", std::process::id()))
            .map_err(|error| EmbeddedError::io("writing", &path(data_dir), data_dir, error))
    }

    /// Tells others that the server is about to go.
    pub(super) fn withdraw(&mut self) {
        self.write(&format!("{}\n", std::process::id())).ok();
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())
    }
}

/// Who holds the lock; `None` when nobody does.
pub(super) fn holder(data_dir: &Path) -> Option<Holder> {
    let file = File::open(path(data_dir)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read(data_dir)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn read(data_dir: &Path) -> Holder {
    let text = std::fs::read_to_string(path(data_dir)).unwrap_or_default();
    let mut lines = text.lines().map(|line| line.parse().ok());
    Holder {
        owner: lines.next().flatten(),
        server: lines.next().flatten(),
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("prospector.lock")
}
