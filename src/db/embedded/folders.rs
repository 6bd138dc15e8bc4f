//! Folders and files that are safe to use, also as root and under a temporary folder that all
//! users share.
//!
//! A path that somebody else put there is refused; a new folder gets a random name and is open
//! to its owner only.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, ErrorKind},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    account::{ServerUser, own_uid},
    error::EmbeddedError,
    pid_file::{PORT, PidFile},
    poll,
};

/// The longest path of a Unix socket, in bytes.
pub(super) const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The file that marks a folder as made by [`throwaway_dir`]; locked as long as it is in use.
pub(super) const THROWAWAY_MARK: &str = ".throwaway";

const SOCKET_FOLDER_PREFIX: &str = "prospector-run";
const STICKY: u32 = 0o1000;
/// How much memory a folder on `/dev/shm` must be able to take.
const SHARED_MEMORY_KIB: u64 = 400 * 1024;
/// Younger folders are left alone by the sweep: their maker may not have locked them yet.
const SWEEP_AGE: Duration = Duration::from_secs(60);

/// A private folder for a try-out or a test, removed when this value is dropped.
///
/// When the process dies before, the server's watchdog removes it; without a server, the next
/// [`throwaway_dir`] of the same prefix does.
#[derive(Debug)]
pub struct ThrowawayDir {
    path: PathBuf,
    _mark: File,
}

impl ThrowawayDir {
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ThrowawayDir {
    fn drop(&mut self) {
        remove_tree(&self.path).ok();
    }
}

/// A private folder on `/dev/shm` where that is writable and large enough, else in the temporary
/// folder; to be used as a data folder.
pub fn throwaway_dir(prefix: &str) -> Result<ThrowawayDir, EmbeddedError> {
    let own_uid = own_uid()?;
    let shared_memory = Path::new("/dev/shm");
    let temporary = env::temp_dir();
    for parent in [shared_memory, &temporary] {
        sweep(parent, prefix, own_uid);
    }
    let on_shared_memory = free_kib(shared_memory).is_some_and(|free| free >= SHARED_MEMORY_KIB);
    let path = on_shared_memory
        .then(|| private_dir(shared_memory, prefix).ok())
        .flatten()
        .map_or_else(|| private_dir(&temporary, prefix), Ok)?;
    let fail = |error| EmbeddedError::io("preparing", &path, &path, error);
    let mark = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path.join(THROWAWAY_MARK))
        .map_err(fail)?;
    mark.lock().map_err(fail)?;
    open_to_server(&path, own_uid).map_err(fail)?;
    // Absolute and without symbolic links, as the launcher names it.
    let path = fs::canonicalize(&path).map_err(fail)?;
    Ok(ThrowawayDir { path, _mark: mark })
}

/// Makes the data folder where it is missing, and answers its absolute path without symbolic
/// links.
pub(super) fn prepare_data_dir(data_dir: &Path, own_uid: u32) -> Result<PathBuf, EmbeddedError> {
    let fail = |error| EmbeddedError::io("preparing", data_dir, data_dir, error);
    let path = std::path::absolute(data_dir).map_err(fail)?;
    refuse_foreign(&path, own_uid)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(fail)?;
    }
    match DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => open_to_server(&path, own_uid).map_err(fail)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fail(error)),
    }
    let path = fs::canonicalize(&path).map_err(fail)?;
    refuse_foreign(&path, own_uid)?;
    let meta = fs::metadata(&path).map_err(fail)?;
    if !meta.is_dir() || meta.mode() & STICKY != 0 {
        return Err(EmbeddedError::UnfitFolder { folder: path });
    }
    Ok(path)
}

/// Makes a folder with a random name that only we may enter.
pub(super) fn private_dir(parent: &Path, prefix: &str) -> Result<PathBuf, EmbeddedError> {
    let mut result = Err(io::Error::from(ErrorKind::AlreadyExists));
    for _ in 0..16 {
        let path = parent.join(format!("{prefix}-{:08x}", random() & 0xffff_ffff));
        // Fails on whatever is there already, a dangling symbolic link included.
        result = DirBuilder::new().mode(0o700).create(&path).map(|()| path);
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            break;
        }
    }
    result.map_err(|error| EmbeddedError::io("making a folder in", parent, parent, error))
}

/// The folder of the server's socket.
#[derive(Debug)]
pub(super) struct SocketFolder {
    pub(super) path: PathBuf,
    /// Whether it stands in the temporary folder and goes with the server.
    pub(super) temporary: bool,
}

impl SocketFolder {
    /// `DATA_DIR/run` where that is short enough for a socket, else a private folder under the
    /// temporary folder. The server writes its path into `postmaster.pid`, where others find it.
    pub(super) fn prepare(data_dir: &Path, user: &ServerUser) -> Result<Self, EmbeddedError> {
        let path = data_dir.join("run");
        let folder = if fits_socket(&path) {
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(EmbeddedError::io("making", &path, data_dir, error));
                }
                _ => {}
            }
            let meta = fs::symlink_metadata(&path)
                .map_err(|error| EmbeddedError::io("reading", &path, data_dir, error))?;
            if !meta.is_dir() {
                return Err(EmbeddedError::NotAPlainFile { path });
            }
            let own_uid = own_uid()?;
            // Left from a server that ran as another user than this one; as root all are ours.
            if own_uid != 0 && meta.uid() != own_uid {
                return Err(EmbeddedError::ForeignPath {
                    path,
                    owner: meta.uid(),
                });
            }
            SocketFolder {
                path,
                temporary: false,
            }
        } else {
            SocketFolder {
                path: short_folder(&path)?,
                temporary: true,
            }
        };
        fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o700))
            .map_err(|error| EmbeddedError::io("closing", &folder.path, data_dir, error))?;
        user.give(&folder.path)?;
        user.check_reach(&[&folder.path])?;
        remove_socket(&folder.path);
        Ok(folder)
    }

    pub(super) fn clear(&self) {
        remove_socket(&self.path);
        if self.temporary {
            fs::remove_dir(&self.path).ok();
        }
    }
}

/// Removes what a dead server left of its socket; a temporary folder of ours goes too.
pub(super) fn clear_old_socket(old: &PidFile, user: &ServerUser) {
    let Some(folder) = &old.socket_dir else {
        return;
    };
    let is_ours = fs::symlink_metadata(folder)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == user.uid && meta.mode() & 0o077 == 0);
    let is_temporary = folder
        .file_name()
        .is_some_and(|name| name.as_bytes().starts_with(SOCKET_FOLDER_PREFIX.as_bytes()));
    if is_ours && is_temporary {
        remove_socket(folder);
        fs::remove_dir(folder).ok();
    }
}

/// Opens a file in the data folder for writing, made where it is missing; never through a link.
pub(super) fn open_plain(path: &Path, data_dir: &Path) -> Result<File, EmbeddedError> {
    if let Ok(meta) = fs::symlink_metadata(path)
        && !meta.is_file()
    {
        return Err(EmbeddedError::NotAPlainFile {
            path: path.to_path_buf(),
        });
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| EmbeddedError::io("opening", path, data_dir, error))
}

/// Removes a folder, again where a process that is about to end still writes into it.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    let mut result = Ok(());
    poll(Duration::from_secs(2), || {
        result = fs::remove_dir_all(path);
        match &result {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => None,
            _ => Some(()),
        }
    });
    result
}

/// As root the server runs as another user, who has to pass through the folder.
fn open_to_server(folder: &Path, own_uid: u32) -> io::Result<()> {
    let mode = if own_uid == 0 { 0o711 } else { 0o700 };
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

/// Refuses a path on whose way somebody else owns an entry of a shared temporary folder: that
/// person could change it under our feet.
fn refuse_foreign(path: &Path, own_uid: u32) -> Result<(), EmbeddedError> {
    for entry in path.ancestors() {
        let (Some(parent), Ok(meta)) = (entry.parent(), fs::symlink_metadata(entry)) else {
            continue;
        };
        let is_shared = fs::metadata(parent).is_ok_and(|parent| parent.mode() & STICKY != 0);
        if is_shared && meta.uid() != own_uid && meta.uid() != 0 {
            return Err(EmbeddedError::ForeignPath {
                path: entry.to_path_buf(),
                owner: meta.uid(),
            });
        }
    }
    Ok(())
}

fn short_folder(wanted: &Path) -> Result<PathBuf, EmbeddedError> {
    let temporary = fs::canonicalize(env::temp_dir()).unwrap_or_else(|_| env::temp_dir());
    for parent in [temporary.as_path(), Path::new("/tmp")] {
        if fits_socket(&parent.join(format!("{SOCKET_FOLDER_PREFIX}-00000000"))) {
            return private_dir(parent, SOCKET_FOLDER_PREFIX);
        }
    }
    Err(EmbeddedError::SocketPathTooLong {
        folder: wanted.to_path_buf(),
    })
}

fn fits_socket(folder: &Path) -> bool {
    socket_path(folder).as_os_str().len() <= SOCKET_PATH_MAX
}

pub(super) fn socket_path(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

fn remove_socket(folder: &Path) {
    fs::remove_file(socket_path(folder)).ok();
    fs::remove_file(folder.join(format!(".s.PGSQL.{PORT}.lock"))).ok();
}

/// Removes folders that dead processes left behind.
fn sweep(parent: &Path, prefix: &str, own_uid: u32) {
    let entries = fs::read_dir(parent).into_iter().flatten();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let is_candidate = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(prefix)?.strip_prefix('-'))
            .is_some()
            && fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir() && meta.uid() == own_uid);
        if is_candidate && is_abandoned(&path) {
            remove_tree(&path).ok();
        }
    }
}

fn is_abandoned(folder: &Path) -> bool {
    let cluster = folder.join(super::CLUSTER);
    let Ok(mark) = File::open(folder.join(THROWAWAY_MARK)) else {
        return false;
    };
    let is_old = mark
        .metadata()
        .and_then(|meta| meta.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > SWEEP_AGE));
    let is_served = PidFile::read(&cluster).is_some_and(|file| file.is_served(&cluster));
    is_old && mark.try_lock().is_ok() && !is_served
}

/// The free space of a file system; std cannot tell, `df` is everywhere.
fn free_kib(folder: &Path) -> Option<u64> {
    let output = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// Unforeseeable enough for a name: the key of std's hash maps comes from the system.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_new_and_closed_to_others() {
        let first = private_dir(&env::temp_dir(), "prospector-test").unwrap();
        let second = private_dir(&env::temp_dir(), "prospector-test").unwrap();
        let mode = fs::metadata(&first).unwrap().mode();
        fs::remove_dir(&first).unwrap();
        fs::remove_dir(&second).unwrap();
        assert_ne!(first, second);
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_shared_folder_is_no_data_folder() {
        let error = prepare_data_dir(Path::new("/tmp"), own_uid().unwrap()).unwrap_err();
        assert!(error.to_string().contains("DATA_DIR"), "{error}");
    }

    #[test]
    fn another_users_folder_under_the_temporary_folder_is_refused() {
        let folder = private_dir(Path::new("/tmp"), "prospector-test").unwrap();
        let own_uid = own_uid().unwrap();
        // Only root can make a folder somebody else's; others play the stranger themselves.
        let stranger = own_uid + 1;
        let we = if own_uid == 0 {
            std::os::unix::fs::lchown(&folder, Some(stranger), None).unwrap();
            own_uid
        } else {
            stranger
        };
        let refused = refuse_foreign(&folder.join("data"), we);
        fs::remove_dir(&folder).unwrap();
        assert!(matches!(refused, Err(EmbeddedError::ForeignPath { .. })));
    }

    #[test]
    fn a_long_path_does_not_fit_a_socket() {
        assert!(fits_socket(Path::new("/var/lib/prospector/run")));
        assert!(!fits_socket(&Path::new("/").join("x".repeat(100))));
    }
}
