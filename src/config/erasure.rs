//! The key that erased people are remembered by.

use clap::Args;

use super::{InvalidSettings, Text, parsed};
use crate::domain::erasure::ErasureKey;

/// The key that erased people are remembered by.
#[derive(Clone, Args)]
pub struct ErasureSettings {
    /// The secret that hashes of erased people are made with, 32 or more characters; the program's
    /// own PostgreSQL has one of its own
    #[arg(long, env, value_name = "ERASURE_KEY", hide_env_values = true)]
    erasure_key: Option<Text>,
}

impl ErasureSettings {
    /// The key, where one is set.
    ///
    /// # Errors
    /// It is too short.
    pub fn key(&self) -> Result<Option<ErasureKey>, InvalidSettings> {
        Text::set(self.erasure_key.as_ref())
            .map(|text| parsed("ERASURE_KEY", text))
            .transpose()
    }
}
