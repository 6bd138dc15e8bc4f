//! Where e-mail addresses come from.

use clap::{Args, ValueEnum};

use super::{Provider, UpstreamNames};
use crate::config::{InvalidSettings, Text, parsed, refuse, required};
use crate::upstream::http::{ApiKey, BaseUrl};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FinderName {
    None,
    Sandbox,
    Hunter,
    Prospeo,
}

/// Where addresses come from.
#[derive(Clone, Args)]
pub(super) struct FinderSettings {
    /// Where e-mail addresses come from [default: `sandbox` with the sandbox provider, else `none`]
    #[arg(long, env, value_name = "EMAIL_FINDER", value_enum)]
    email_finder: Option<FinderName>,
    /// Hunter's address
    #[arg(
        long,
        env,
        help = "Hunter's address [default: https://api.hunter.io]",
        value_name = "HUNTER_BASE_URL"
    )]
    hunter_base_url: Option<Text>,
    /// Hunter's key
    #[arg(long, env, value_name = "HUNTER_API_KEY", hide_env_values = true)]
    hunter_api_key: Option<Text>,
    /// Prospeo's address
    #[arg(
        long,
        env,
        help = "Prospeo's address [default: https://api.prospeo.io]",
        value_name = "PROSPEO_BASE_URL"
    )]
    prospeo_base_url: Option<Text>,
    /// Prospeo's key
    #[arg(long, env, value_name = "PROSPEO_API_KEY", hide_env_values = true)]
    prospeo_api_key: Option<Text>,
}

/// The e-mail finder, with what is needed to reach it.
#[derive(Debug, Clone)]
pub enum Finder {
    None,
    /// The sandbox that the provider is.
    Sandbox,
    Hunter {
        url: BaseUrl,
        key: ApiKey,
    },
    Prospeo {
        url: BaseUrl,
        key: ApiKey,
    },
}

impl FinderSettings {
    /// The finder, if the settings go together and with the provider.
    pub(super) fn resolve(&self, provider: &Provider) -> Result<Finder, InvalidSettings> {
        let hunter = Vendor::HUNTER.given(&self.hunter_base_url, &self.hunter_api_key);
        let prospeo = Vendor::PROSPEO.given(&self.prospeo_base_url, &self.prospeo_api_key);
        let is_sandbox = matches!(provider, Provider::Sandbox { .. });
        let by_default = if is_sandbox {
            FinderName::Sandbox
        } else {
            FinderName::None
        };
        let name = self.email_finder.unwrap_or(by_default);
        if name != FinderName::Hunter {
            hunter.refuse_if_set()?;
        }
        if name != FinderName::Prospeo {
            prospeo.refuse_if_set()?;
        }
        match name {
            FinderName::None => Ok(Finder::None),
            FinderName::Sandbox if is_sandbox => Ok(Finder::Sandbox),
            FinderName::Sandbox => refuse(
                "EMAIL_FINDER is `sandbox` although LINKEDIN_PROVIDER is `unipile`: \
                 real people would get invented addresses",
            ),
            FinderName::Hunter => {
                let (url, key) = hunter.required()?;
                Ok(Finder::Hunter { url, key })
            }
            FinderName::Prospeo => {
                let (url, key) = prospeo.required()?;
                Ok(Finder::Prospeo { url, key })
            }
        }
    }
}

impl Finder {
    /// `None` when there is no finder.
    #[must_use]
    pub fn names(&self) -> Option<UpstreamNames> {
        match self {
            Self::None => None,
            Self::Sandbox => Some(UpstreamNames::SANDBOX),
            Self::Hunter { .. } => Some(Vendor::HUNTER.names()),
            Self::Prospeo { .. } => Some(Vendor::PROSPEO.names()),
        }
    }
}

/// How the settings of a finder's vendor are named.
struct Vendor {
    choice: &'static str,
    url_name: &'static str,
    key_name: &'static str,
    default_url: &'static str,
}

impl Vendor {
    const HUNTER: Self = Self {
        choice: "hunter",
        url_name: "HUNTER_BASE_URL",
        key_name: "HUNTER_API_KEY",
        default_url: "https://api.hunter.io",
    };
    const PROSPEO: Self = Self {
        choice: "prospeo",
        url_name: "PROSPEO_BASE_URL",
        key_name: "PROSPEO_API_KEY",
        default_url: "https://api.prospeo.io",
    };

    fn names(self) -> UpstreamNames {
        UpstreamNames {
            name: self.choice,
            url_setting: self.url_name,
            key_setting: Some(self.key_name),
        }
    }

    fn given<'a>(self, url: &'a Option<Text>, key: &'a Option<Text>) -> GivenVendor<'a> {
        GivenVendor {
            vendor: self,
            url: Text::set(url.as_ref()),
            key: Text::set(key.as_ref()),
        }
    }
}

/// What is set for a finder's vendor.
struct GivenVendor<'a> {
    vendor: Vendor,
    url: Option<&'a str>,
    key: Option<&'a str>,
}

impl GivenVendor<'_> {
    fn refuse_if_set(&self) -> Result<(), InvalidSettings> {
        if self.url.is_none() && self.key.is_none() {
            return Ok(());
        }
        let Vendor {
            choice,
            url_name,
            key_name,
            ..
        } = self.vendor;
        refuse(format!(
            "{url_name} or {key_name} is set although EMAIL_FINDER is not `{choice}`: \
             set EMAIL_FINDER={choice}, or unset them"
        ))
    }

    fn required(&self) -> Result<(BaseUrl, ApiKey), InvalidSettings> {
        let vendor = &self.vendor;
        let url = self.url.unwrap_or(vendor.default_url);
        let choice = format!("EMAIL_FINDER={}", vendor.choice);
        Ok((
            parsed(vendor.url_name, url)?,
            required(vendor.key_name, self.key, &choice)?,
        ))
    }
}
