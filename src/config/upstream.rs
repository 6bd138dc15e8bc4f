//! Where people and e-mail addresses come from.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{InvalidSettings, Text, parsed, positive, refuse, required};
use crate::domain::api_key::KeyKind;
use crate::domain::pacing::{Gap, Pacing};
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
    Hunter,
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

    fn finder(&self, provider: &Provider) -> Result<Finder, InvalidSettings> {
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

    fn refusal(arguments: &[&str]) -> String {
        let resolved = settings(arguments).resolve();
        resolved.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        let unipile = ["--linkedin-provider=unipile", "--unipile-api-key=k"];
        for (arguments, named) in [
            (&["--unipile-api-key=k"][..], "UNIPILE_API_KEY"),
            (&["--linkedin-provider=unipile"], "UNIPILE_API_KEY"),
            (
                &[unipile[0], unipile[1], "--email-finder=sandbox"],
                "invented addresses",
            ),
            (
                &[unipile[0], unipile[1], "--sandbox-url=http://127.0.0.1:1"],
                "SANDBOX_URL",
            ),
            (&["--sandbox-url=ftp://x"], "SANDBOX_URL"),
        ] {
            let refusal = refusal(arguments);
            assert!(refusal.contains(named), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn a_finder_needs_its_own_settings_and_bears_no_others() {
        for (chosen, key, other_key, other_url) in [
            (
                "--email-finder=hunter",
                "--hunter-api-key",
                "--prospeo-api-key",
                "--prospeo-base-url",
            ),
            (
                "--email-finder=prospeo",
                "--prospeo-api-key",
                "--hunter-api-key",
                "--hunter-base-url",
            ),
        ] {
            let name = |flag: &str| flag[2..].to_uppercase().replace('-', "_");
            let (with_key, with_other) = (format!("{key}=k"), format!("{other_key}=k"));
            let with_url = format!("{other_url}=https://api.example.com");
            let no_url = format!("{}=ftp://x", key.replace("api-key", "base-url"));
            for (arguments, named) in [
                (&[chosen][..], name(key)),
                (&[with_key.as_str()], name(key)),
                (&["--email-finder=none", &with_key], name(key)),
                (&[chosen, &with_key, &with_other], name(other_key)),
                (&[chosen, &with_key, &with_url], name(other_url)),
                (&[chosen, &format!("{key}=two words")], name(key)),
                (
                    &[chosen, &with_key, &no_url],
                    name(key).replace("API_KEY", "BASE_URL"),
                ),
            ] {
                let refusal = refusal(arguments);
                assert!(refusal.contains(&named), "{arguments:?}: {refusal}");
                assert!(!refusal.contains("two words"), "{refusal}");
            }
        }
    }

    #[test]
    fn calls_for_real_accounts_take_turns_and_those_for_invented_ones_do_when_told() {
        let unipile = ["--linkedin-provider", "unipile", "--unipile-api-key", "k"];
        let pacing = |arguments: &[&str]| {
            let settings = settings(arguments);
            settings.pacing(&settings.resolve().unwrap().0)
        };
        let turns = |min, max| {
            Ok(Pacing::Turns(Gap {
                min: Duration::from_secs(min),
                max: Duration::from_secs(max),
            }))
        };
        let gaps = [
            "--linkedin-gap-min-seconds",
            "0",
            "--linkedin-gap-max-seconds",
        ];
        assert_eq!(pacing(&[]), Ok(Pacing::Off));
        assert_eq!(pacing(&[&gaps[..], &["7"]].concat()), turns(0, 7));
        assert_eq!(pacing(&unipile), turns(5, 20));
        assert_eq!(pacing(&[&unipile[..], &gaps, &["0"]].concat()), turns(0, 0));
        let refusal = pacing(&["--linkedin-gap-min-seconds", "1"]).unwrap_err();
        assert!(refusal.to_string().contains("LINKEDIN_GAP_MAX_SECONDS"));
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
    fn a_finder_that_is_chosen_is_reached_at_its_vendor_unless_told_otherwise() {
        let resolved = |arguments: &[&str]| settings(arguments).resolve().unwrap().1;
        let finder = resolved(&["--email-finder=hunter", "--hunter-api-key=k"]);
        assert!(matches!(
            finder,
            Finder::Hunter { url, .. } if url.to_string() == "https://api.hunter.io"
        ));
        let finder = resolved(&["--email-finder=prospeo", "--prospeo-api-key=k"]);
        assert!(matches!(
            finder,
            Finder::Prospeo { url, .. } if url.to_string() == "https://api.prospeo.io"
        ));
        let finder = resolved(&[
            "--email-finder=hunter",
            "--hunter-api-key=k",
            "--hunter-base-url=http://127.0.0.1:8090/",
        ]);
        assert!(matches!(
            finder,
            Finder::Hunter { url, .. } if url.to_string() == "http://127.0.0.1:8090"
        ));
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
