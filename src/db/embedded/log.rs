//! The server's log, a file in the data folder.
//!
//! We open it and pass it on as the server's standard error: it stays ours, and the server needs
//! no right to the folder. A start keeps the log before it as `postgres.log.old`; a log that
//! grows too large is moved there too.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::error::EmbeddedError;

const BYTES_MAX: u64 = 16 * 1024 * 1024;
const TAIL_BYTES: i64 = 4096;
const TAIL_LINES: usize = 8;

#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    old: PathBuf,
}

impl Log {
    pub(super) fn begin(data_dir: &Path) -> Result<Log, EmbeddedError> {
        let path = data_dir.join("postgres.log");
        let old = data_dir.join("postgres.log.old");
        fs::rename(&path, &old).ok();
        // A new file: whatever stood there, a symbolic link included, has been moved away.
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| EmbeddedError::io("making", &path, data_dir, error))?;
        Ok(Log { file, path, old })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn for_child(&self) -> Result<Stdio, EmbeddedError> {
        let file = self
            .file
            .try_clone()
            .map_err(|error| EmbeddedError::io("opening", &self.path, &self.path, error))?;
        Ok(Stdio::from(file))
    }

    /// Keeps the log from growing without bound. The server goes on at the beginning of the
    /// emptied file, since it appends; a full disk only costs the copy.
    pub(super) fn trim(&self) {
        let is_large = self
            .file
            .metadata()
            .is_ok_and(|meta| meta.len() > BYTES_MAX);
        if is_large {
            fs::remove_file(&self.old).ok();
            fs::copy(&self.path, &self.old).ok();
            self.file.set_len(0).ok();
        }
    }

    pub(super) fn tail(&self) -> String {
        let mut end = Vec::new();
        File::open(&self.path)
            .and_then(|mut file| {
                file.seek(SeekFrom::End(-TAIL_BYTES))
                    .or_else(|_| file.seek(SeekFrom::Start(0)))?;
                file.read_to_end(&mut end)
            })
            .ok();
        last_lines(&end)
    }
}

/// The last lines of an output, for an error message.
pub(super) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_only() {
        let text: String = (1..=20).map(|line| format!("line {line}\n\n")).collect();
        let tail = last_lines(text.as_bytes());
        assert!(tail.starts_with("line 13\n"), "{tail}");
        assert!(tail.ends_with("line 20"), "{tail}");
        assert_eq!(last_lines(b""), "");
    }
}
