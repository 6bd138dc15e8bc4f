//! Finds PostgreSQL's server programs.
//!
//! A folder counts when it holds `initdb` and a `postgres` that tells its version. A data folder
//! made by one major version is only ever opened with that version.

use std::{
    env, fs,
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::EmbeddedError;

/// The oldest major version whose features the schema uses.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// Folders of installations whose programs are seldom on `PATH`: parent, beginning of the entry's
/// name, and where the programs are below it.
const INSTALLATIONS: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) bin_dir: PathBuf,
    pub(super) major: u32,
}

impl Programs {
    pub(super) fn initdb(&self) -> PathBuf {
        self.bin_dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.bin_dir.join("postgres")
    }
}

/// All usable installations, the preferred one first; the setting shuts out all others.
pub(super) fn search(setting: Option<&Path>) -> Result<Vec<Programs>, EmbeddedError> {
    if let Some(bin_dir) = setting {
        let found = inspect(bin_dir).ok_or_else(|| EmbeddedError::BinDirUnusable {
            bin_dir: bin_dir.to_path_buf(),
        })?;
        return Ok(vec![found]);
    }
    let mut found: Vec<Programs> = Vec::new();
    for candidate in candidates() {
        if let Some(programs) = inspect(&candidate)
            && !found.contains(&programs)
        {
            found.push(programs);
        }
    }
    if found.is_empty() {
        return Err(EmbeddedError::ProgramsMissing);
    }
    Ok(found)
}

/// The installation for `cluster`: the version that made it, or for a new one the first that is
/// new enough.
pub(super) fn pick(found: &[Programs], cluster: &Path) -> Result<Programs, EmbeddedError> {
    let list = || {
        let names: Vec<String> = found
            .iter()
            .map(|programs| format!("{} in {}", programs.major, programs.bin_dir.display()))
            .collect();
        names.join(", ")
    };
    match fs::read_to_string(cluster.join("PG_VERSION")) {
        Ok(text) => {
            let made_by = text.trim();
            found
                .iter()
                .find(|programs| programs.major.to_string() == made_by)
                .cloned()
                .ok_or_else(|| EmbeddedError::VersionMismatch {
                    cluster: cluster.to_path_buf(),
                    made_by: made_by.to_owned(),
                    found: list(),
                })
        }
        Err(_) => found
            .iter()
            .find(|programs| programs.major >= OLDEST_MAJOR)
            .cloned()
            .ok_or_else(|| EmbeddedError::ProgramsTooOld { found: list() }),
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = pg_config_bindir().into_iter().collect();
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path));
    }
    for (parent, prefix, below) in INSTALLATIONS {
        let mut versions: Vec<PathBuf> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path())
            .collect();
        versions.sort_by_key(|path| std::cmp::Reverse(number_in(path)));
        folders.extend(versions.into_iter().map(|version| version.join(below)));
    }
    folders
}

/// The number in a folder's name, so that version 9 sorts below version 15.
fn number_in(path: &Path) -> u32 {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap_or(0)
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let line = output.stdout.split(|byte| *byte == b'\n').next()?.to_vec();
    (output.status.success() && !line.is_empty()).then(|| std::ffi::OsString::from_vec(line).into())
}

fn inspect(bin_dir: &Path) -> Option<Programs> {
    // Resolved, so that the same installation is not listed twice, and absolute, since the
    // programs are started from `/`.
    let postgres = fs::canonicalize(bin_dir.join("postgres")).ok()?;
    let beside = postgres.parent()?.join("initdb");
    let bin_dir = if is_executable(&beside) {
        postgres.parent()?.to_path_buf()
    } else {
        fs::canonicalize(bin_dir).ok()?
    };
    if !is_executable(&bin_dir.join("initdb")) {
        return None;
    }
    let output = Command::new(bin_dir.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
    Some(Programs { bin_dir, major })
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The major version in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` or `... 18beta1`.
fn major_of(line: &str) -> Option<u32> {
    let version = line.split(')').nth(1)?.trim_start();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("something else"), None);
    }

    #[test]
    fn a_newer_version_sorts_above_an_older_one() {
        assert!(
            number_in(Path::new("/usr/lib/postgresql/15"))
                > number_in(Path::new("/usr/lib/postgresql/9"))
        );
        assert_eq!(number_in(Path::new("/opt/homebrew/opt/postgresql")), 0);
    }

    #[test]
    fn a_new_cluster_takes_the_first_version_that_is_new_enough() {
        let found = [14, 16, 15].map(|major| Programs {
            bin_dir: format!("/pg/{major}/bin").into(),
            major,
        });
        let cluster = Path::new("/nowhere/postgres");
        assert_eq!(pick(&found, cluster).unwrap().major, 16);
        let error = pick(&found[..1], cluster).unwrap_err().to_string();
        assert!(error.contains("14 in /pg/14/bin"), "{error}");
    }
}
