//! Where people and e-mail addresses come from.

mod finder;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{InvalidSettings, Text, parsed, positive, refuse, required};
use crate::domain::api_key::KeyKind;
use crate::domain::pacing::{Gap, Pacing};
use crate::upstream::http::{ApiKey, BaseUrl};

pub use finder::Finder;
use finder::FinderSettings;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    Sandbox,
    Unipile,
}

/// Where people and addresses come from.
#[derive(Clone, Args)]
pub struct UpstreamSettings {
    /// Where people come from; the sandbox invents them
    #[arg(
        long,
        env,
        value_name = "LINKEDIN_PROVIDER",
        value_enum,
        default_value = "sandbox"
    )]
    linkedin_provider: ProviderName,
    /// A sandbox that runs elsewhere; without it the program runs one itself
    #[arg(long, env, value_name = "SANDBOX_URL")]
    sandbox_url: Option<Text>,
    /// Unipile's address
    #[arg(
        long,
        env,
        help = "Unipile's address [default: https://api.unipile.com]",
        value_name = "UNIPILE_BASE_URL"
    )]
    unipile_base_url: Option<Text>,
    /// Unipile's key
    #[arg(long, env, value_name = "UNIPILE_API_KEY", hide_env_values = true)]
    unipile_api_key: Option<Text>,
    #[command(flatten)]
    finder: FinderSettings,
    /// The shortest pause after a call for a LinkedIn account
    #[arg(
        long,
        env,
        help = "The shortest pause after a call for a LinkedIn account [default: 5 with unipile, else 0]",
        value_name = "LINKEDIN_GAP_MIN_SECONDS",
        value_parser = clap::value_parser!(u32).range(0..=3_600)
    )]
    linkedin_gap_min_seconds: Option<u32>,
    /// The longest pause after a call for a LinkedIn account
    #[arg(
        long,
        env,
        help = "The longest pause after a call for a LinkedIn account [default: 20 with unipile, else 0]",
        value_name = "LINKEDIN_GAP_MAX_SECONDS",
        value_parser = clap::value_parser!(u32).range(0..=3_600)
    )]
    linkedin_gap_max_seconds: Option<u32>,
    /// How long one call to the provider or the finder may take
    #[arg(long, env, value_name = "UPSTREAM_TIMEOUT_SECONDS", default_value_t = 20, value_parser = positive())]
    upstream_timeout_seconds: u32,
}

/// The LinkedIn provider, with what is needed to reach it.
#[derive(Debug, Clone)]
pub enum Provider {
    /// `None`: the program runs a sandbox itself.
    Sandbox {
        url: Option<BaseUrl>,
    },
    Unipile {
        url: BaseUrl,
        key: ApiKey,
    },
}

/// What an upstream and its settings are called, for messages.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamNames {
    pub name: &'static str,
    pub url_setting: &'static str,
    /// `None` for the sandbox, which takes any key.
    pub key_setting: Option<&'static str>,
}

impl UpstreamNames {
    const SANDBOX: Self = Self {
        name: "sandbox",
        url_setting: "SANDBOX_URL",
        key_setting: None,
    };
}

impl Provider {
    #[must_use]
    pub fn names(&self) -> UpstreamNames {
        match self {
            Self::Sandbox { .. } => UpstreamNames::SANDBOX,
            Self::Unipile { .. } => UpstreamNames {
                name: "unipile",
                url_setting: "UNIPILE_BASE_URL",
                key_setting: Some("UNIPILE_API_KEY"),
            },
        }
    }

    /// Which API keys are valid with this provider.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        match self {
            Self::Sandbox { .. } => KeyKind::Test,
            Self::Unipile { .. } => KeyKind::Live,
        }
    }
}

impl UpstreamSettings {
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.upstream_timeout_seconds.into())
    }

    /// The provider and the finder, if the settings go together.
    ///
    /// # Errors
    /// A setting of something that is not chosen, a missing key, invented addresses for real people,
    /// or an address that is none.
    pub fn resolve(&self) -> Result<(Provider, Finder), InvalidSettings> {
        let provider = self.provider()?;
        let finder = self.finder.resolve(&provider)?;
        Ok((provider, finder))
    }

    /// How calls for one account follow each other: with gaps and in turns for real accounts, at
    /// once for invented ones unless a gap is set.
    ///
    /// # Errors
    /// The shortest gap is longer than the longest.
    pub fn pacing(&self, provider: &Provider) -> Result<Pacing, InvalidSettings> {
        let (is_sandbox, min, max) = match provider {
            Provider::Sandbox { .. } => (true, 0, 0),
            Provider::Unipile { .. } => (false, 5, 20),
        };
        let min = self.linkedin_gap_min_seconds.unwrap_or(min);
        let max = self.linkedin_gap_max_seconds.unwrap_or(max);
        if min > max {
            return refuse(format!(
                "LINKEDIN_GAP_MIN_SECONDS is {min} and LINKEDIN_GAP_MAX_SECONDS is {max}: \
                 the shortest gap must not be longer than the longest; set both"
            ));
        }
        if is_sandbox && max == 0 {
            return Ok(Pacing::Off);
        }
        Ok(Pacing::Turns(Gap {
            min: Duration::from_secs(min.into()),
            max: Duration::from_secs(max.into()),
        }))
    }

    /// Which API keys are valid with these settings.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        match self.linkedin_provider {
            ProviderName::Sandbox => KeyKind::Test,
            ProviderName::Unipile => KeyKind::Live,
        }
    }

    fn provider(&self) -> Result<Provider, InvalidSettings> {
        let unipile_url = Text::set(self.unipile_base_url.as_ref());
        let unipile_key = Text::set(self.unipile_api_key.as_ref());
        let sandbox_url = Text::set(self.sandbox_url.as_ref());
        match self.linkedin_provider {
            ProviderName::Sandbox if unipile_url.is_some() || unipile_key.is_some() => refuse(
                "UNIPILE_BASE_URL or UNIPILE_API_KEY is set although LINKEDIN_PROVIDER is `sandbox`: \
                 set LINKEDIN_PROVIDER=unipile for real people, or unset them",
            ),
            ProviderName::Sandbox => {
                let url = sandbox_url
                    .map(|url| parsed("SANDBOX_URL", url))
                    .transpose()?;
                Ok(Provider::Sandbox { url })
            }
            ProviderName::Unipile if sandbox_url.is_some() => refuse(
                "SANDBOX_URL is set although LINKEDIN_PROVIDER is `unipile`: unset one of them",
            ),
            ProviderName::Unipile => Ok(Provider::Unipile {
                url: parsed(
                    "UNIPILE_BASE_URL",
                    unipile_url.unwrap_or("https://api.unipile.com"),
                )?,
                key: required("UNIPILE_API_KEY", unipile_key, "LINKEDIN_PROVIDER=unipile")?,
            }),
        }
    }
}
