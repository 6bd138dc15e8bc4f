//! Where people and e-mail addresses come from.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{InvalidSettings, Text, parsed, positive, refuse, required};
use crate::domain::api_key::KeyKind;
use crate::upstream::http::{ApiKey, BaseUrl};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderName {
    Sandbox,
    Unipile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FinderName {
    None,
    Sandbox,
    Prospeo,
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
    /// Where e-mail addresses come from [default: `sandbox` with the sandbox provider, else `none`]
    #[arg(long, env, value_name = "EMAIL_FINDER", value_enum)]
    email_finder: Option<FinderName>,
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

impl Provider {
    /// Which API keys are valid with this provider.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        match self {
            Self::Sandbox { .. } => KeyKind::Test,
            Self::Unipile { .. } => KeyKind::Live,
        }
    }
}

/// The e-mail finder, with what is needed to reach it.
#[derive(Debug, Clone)]
pub enum Finder {
    None,
    /// The sandbox that the provider is.
    Sandbox,
    Prospeo {
        url: BaseUrl,
        key: ApiKey,
    },
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
        let finder = self.finder(&provider)?;
        Ok((provider, finder))
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

    fn finder(&self, provider: &Provider) -> Result<Finder, InvalidSettings> {
        let prospeo_url = Text::set(self.prospeo_base_url.as_ref());
        let prospeo_key = Text::set(self.prospeo_api_key.as_ref());
        let is_sandbox = matches!(provider, Provider::Sandbox { .. });
        let by_default = if is_sandbox {
            FinderName::Sandbox
        } else {
            FinderName::None
        };
        let name = self.email_finder.unwrap_or(by_default);
        if name != FinderName::Prospeo && (prospeo_url.is_some() || prospeo_key.is_some()) {
            return refuse(
                "PROSPEO_BASE_URL or PROSPEO_API_KEY is set although EMAIL_FINDER is not `prospeo`: \
                 set EMAIL_FINDER=prospeo, or unset them",
            );
        }
        match name {
            FinderName::None => Ok(Finder::None),
            FinderName::Sandbox if is_sandbox => Ok(Finder::Sandbox),
            FinderName::Sandbox => refuse(
                "EMAIL_FINDER is `sandbox` although LINKEDIN_PROVIDER is `unipile`: \
                 real people would get invented addresses",
            ),
            FinderName::Prospeo => Ok(Finder::Prospeo {
                url: parsed(
                    "PROSPEO_BASE_URL",
                    prospeo_url.unwrap_or("https://api.prospeo.io"),
                )?,
                key: required("PROSPEO_API_KEY", prospeo_key, "EMAIL_FINDER=prospeo")?,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::builder::Resettable;
    use clap::{Command, FromArgMatches};

    use super::*;
    use crate::config::ServiceSettings;

    fn settings(arguments: &[&str]) -> UpstreamSettings {
        let command = UpstreamSettings::augment_args(Command::new("test").no_binary_name(true));
        let command = command.mut_args(|argument| argument.env(Resettable::Reset));
        let matches = command.try_get_matches_from(arguments).unwrap();
        UpstreamSettings::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_defaults_are_a_sandbox_with_its_finder() {
        let defaults = ServiceSettings::defaults().unwrap();
        let (provider, finder) = defaults.upstream.resolve().unwrap();
        assert!(matches!(provider, Provider::Sandbox { url: None }));
        assert!(matches!(finder, Finder::Sandbox));
        assert_eq!(defaults.jobs.quotas(&provider).url_upload, 100_000);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        for (arguments, named) in [
            (&["--unipile-api-key", "k"][..], "UNIPILE_API_KEY"),
            (&["--linkedin-provider", "unipile"], "UNIPILE_API_KEY"),
            (
                &[
                    "--linkedin-provider",
                    "unipile",
                    "--unipile-api-key",
                    "k",
                    "--email-finder",
                    "sandbox",
                ],
                "invented addresses",
            ),
            (
                &[
                    "--linkedin-provider",
                    "unipile",
                    "--unipile-api-key",
                    "k",
                    "--sandbox-url",
                    "http://127.0.0.1:1",
                ],
                "SANDBOX_URL",
            ),
            (&["--prospeo-api-key", "k"], "PROSPEO_API_KEY"),
            (&["--email-finder", "prospeo"], "PROSPEO_API_KEY"),
            (&["--sandbox-url", "ftp://x"], "SANDBOX_URL"),
        ] {
            let refusal = settings(arguments)
                .resolve()
                .map(|_| ())
                .unwrap_err()
                .to_string();
            assert!(refusal.contains(named), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn an_empty_setting_is_not_set() {
        assert!(
            settings(&["--unipile-api-key", "", "--sandbox-url", " "])
                .resolve()
                .is_ok()
        );
    }

    #[test]
    fn real_people_get_the_quotas_that_linkedin_bears() {
        let (provider, finder) =
            settings(&["--linkedin-provider", "unipile", "--unipile-api-key", "k"])
                .resolve()
                .unwrap();
        assert!(matches!(finder, Finder::None));
        assert_eq!(
            ServiceSettings::defaults()
                .unwrap()
                .jobs
                .quotas(&provider)
                .url_upload,
            100
        );
        assert_eq!(provider.key_kind(), KeyKind::Live);
    }
}
