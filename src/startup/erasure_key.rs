//! Finding the key that erased people are remembered by: as set, or beside the private PostgreSQL.
//!
//! A process that imports people with another key than they were erased with would bring them back
//! without a word. So the database remembers what tells the right key, and nothing starts with a
//! wrong one. (`import_page_v2` looks once more, since the first erasure may come after the start.)

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::{ErasureSettings, InvalidSettings};
use crate::db::pool::Database;
use crate::domain::erasure::ErasureKey;
use crate::error::Error;
use crate::service::erasure::{KeyState, check_key};
use crate::startup::database::OpenDatabase;

/// The file in the data folder that holds the private PostgreSQL's own key.
const FILE: &str = "erasure.key";

#[derive(Debug, thiserror::Error)]
pub enum ErasureKeyError {
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    #[error(
        "people were erased, and only with the same key can it be told who must not come back: set ERASURE_KEY to the one that `prospects erase` was given"
    )]
    Wrong,
    #[error(
        "people were erased, and only with the same key can it be told who must not come back: put the {} back that was there", .0.display()
    )]
    FileWrong(PathBuf),
    #[error("{} cannot be read or made: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} does not hold a key of 32 or more characters", .0.display())]
    FileBroken(PathBuf),
    #[error("the erasure key could not be compared")]
    Database(#[from] Error),
}

/// The key of a database, which is the right one if anybody was ever erased there. `None`: nobody was,
/// and no key is set.
///
/// # Errors
/// [`ErasureKeyError`], which names the next step.
pub async fn find(
    settings: &ErasureSettings,
    opened: &OpenDatabase,
) -> Result<Option<ErasureKey>, ErasureKeyError> {
    let database = opened.for_command();
    let found = find_in(settings, opened, &database).await;
    database.close().await;
    found
}

async fn find_in(
    settings: &ErasureSettings,
    opened: &OpenDatabase,
    database: &Database,
) -> Result<Option<ErasureKey>, ErasureKeyError> {
    let set = settings.key()?;
    let file = opened.data_dir.as_ref().map(|folder| folder.join(FILE));
    let (Some(file), None) = (file, &set) else {
        return match check_key(database, set.as_ref()).await? {
            KeyState::Unused | KeyState::Right => Ok(set),
            KeyState::Wrong => Err(ErasureKeyError::Wrong),
        };
    };
    let fault = |source| ErasureKeyError::File {
        path: file.clone(),
        source,
    };
    let mut key = read(&file)?;
    if key.is_none() && check_key(database, None).await? == KeyState::Unused {
        make(&file).map_err(fault)?;
        key = read(&file)?;
    }
    match check_key(database, key.as_ref()).await? {
        KeyState::Unused | KeyState::Right => Ok(key),
        KeyState::Wrong => Err(ErasureKeyError::FileWrong(file)),
    }
}

fn read(file: &Path) -> Result<Option<ErasureKey>, ErasureKeyError> {
    match fs::read_to_string(file) {
        Ok(text) => match text.parse() {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(ErasureKeyError::FileBroken(file.to_owned())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ErasureKeyError::File {
            path: file.to_owned(),
            source,
        }),
    }
}

/// Makes a key, unless another process was faster. The file appears with all that it holds.
fn make(file: &Path) -> io::Result<()> {
    let random: [u8; 32] = rand::random();
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let unfinished = file.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let written = writeln!(new, "{text}")
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::hard_link(&unfinished, file));
    fs::remove_file(&unfinished)?;
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::db::embedded::throwaway_dir;

    #[test]
    fn a_key_is_made_once_and_is_for_its_owner_only() {
        let folder = throwaway_dir("prospector-test-key").unwrap();
        let file = folder.path().join(FILE);
        assert!(read(&file).unwrap().is_none());
        make(&file).unwrap();
        let key = read(&file).unwrap().unwrap();
        make(&file).unwrap();
        let again = read(&file).unwrap().unwrap();
        assert_eq!(key.check_value(), again.check_value());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let left = fs::read_dir(folder.path()).unwrap().flatten();
        let left: Vec<_> = left.filter(|entry| entry.path() != file).collect();
        assert_eq!(left.len(), 1, "the mark of the folder: {left:?}");

        fs::write(&file, "short").unwrap();
        assert!(matches!(read(&file), Err(ErasureKeyError::FileBroken(_))));
    }
}
