//! Where the database is.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::{InvalidSettings, Text, refuse};

/// Where the database is.
#[derive(Clone, Args)]
pub struct DatabaseSettings {
    /// The PostgreSQL to use, version 15 or later; without it the program runs its own
    #[arg(
        long,
        env,
        value_name = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    database_url: Option<Text>,
    /// The same database past a pooler in transaction mode, for what needs a session of its own
    #[arg(
        long,
        env,
        value_name = "DATABASE_DIRECT_URL",
        hide_env_values = true,
        global = true
    )]
    database_direct_url: Option<Text>,
    /// Where the program's own PostgreSQL keeps its data
    #[arg(long, env, value_name = "DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// The folder of PostgreSQL's programs; the usual places are searched without it
    #[arg(long, env, value_name = "POSTGRES_BIN_DIR", global = true)]
    pub postgres_bin_dir: Option<PathBuf>,
}

impl DatabaseSettings {
    /// `None`: the program runs its own.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        Text::set(self.database_url.as_ref())
    }

    /// `None`: [`Self::url`] leads to PostgreSQL itself.
    ///
    /// # Errors
    /// It is set without the address that it stands beside.
    pub fn direct_url(&self) -> Result<Option<&str>, InvalidSettings> {
        match Text::set(self.database_direct_url.as_ref()) {
            Some(_) if self.url().is_none() => refuse(
                "DATABASE_DIRECT_URL is set without DATABASE_URL: set both, or DATABASE_URL alone",
            ),
            direct => Ok(direct),
        }
    }

    /// Where the program's own PostgreSQL lives: as given, else the platform's data folder.
    ///
    /// # Errors
    /// None is given and the platform has none.
    pub fn data_dir(&self) -> Result<PathBuf, InvalidSettings> {
        if let Some(given) = self
            .data_dir
            .as_ref()
            .filter(|given| !given.as_os_str().is_empty())
        {
            return Ok(given.clone());
        }
        if crate::db::embedded::runs_as_root() {
            return Ok(PathBuf::from("/var/lib/prospector"));
        }
        match dirs::data_local_dir() {
            Some(platform) => Ok(platform.join("prospector")),
            None => refuse("no data folder is known here: set DATA_DIR, or DATABASE_URL"),
        }
    }

    /// The settings of a private, throwaway database.
    #[must_use]
    pub fn in_folder(data_dir: PathBuf, postgres_bin_dir: Option<PathBuf>) -> Self {
        Self {
            database_url: None,
            database_direct_url: None,
            data_dir: Some(data_dir),
            postgres_bin_dir,
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatabaseSettings")
            .field("url_is_set", &self.url().is_some())
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
