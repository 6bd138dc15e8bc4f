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
