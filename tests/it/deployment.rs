//! What the files for deployment say of the program must be true of it.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use prospector::config::ServiceSettings;
use serde_json::Value;

use crate::support::process::command;

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    serde_saphyr::from_str(&file("compose.yaml")).unwrap()
}

/// What stands after `prefix` at the start of a line.
fn value<'a>(text: &'a str, prefix: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(prefix));
    line.unwrap_or_else(|| panic!("no line begins with {prefix}"))
}

/// The names in the first columns of the tables of docs/settings.md.
fn documented_settings() -> BTreeSet<String> {
    let text = file("docs/settings.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = cells.filter_map(|line| line.split('`').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_page_of_settings_has_those_of_the_program_and_no_others() {
    let help = command(&["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let named = help.split("[env: ").skip(1);
    let of_the_program: BTreeSet<_> = named
        .filter_map(|rest| rest.split(['=', ']']).next())
        .map(str::to_owned)
        .collect();
    assert!(of_the_program.contains("LISTEN_ADDR"), "{help}");
    let mut documented = documented_settings();
    documented.retain(|name| !name.starts_with('-'));
    for of_tests_and_builds in ["TEST_DATABASE_URL", "SQLX_OFFLINE"] {
        assert!(documented.remove(of_tests_and_builds));
    }
    assert_eq!(documented, of_the_program);
}

#[test]
fn the_example_of_the_settings_names_only_settings() {
    let example = file("prospector.env.example");
    let settings = documented_settings();
    let lines = example.lines().map(|line| line.trim_start_matches('#'));
    let assigned = lines.filter_map(|line| line.split_once('='));
    let mut count = 0;
    for (name, _) in assigned.filter(|(name, _)| is_name(name)) {
        // That one is PostgreSQL's.
        let known = settings.contains(name) || name == "POSTGRES_PASSWORD";
        assert!(known, "{name} is not in docs/settings.md");
        count += 1;
    }
    assert!(count >= 5, "the example is read");
}

fn is_name(text: &str) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    !text.is_empty() && text.chars().all(capital)
}

#[test]
fn the_password_of_the_example_is_one_in_both_its_places() {
    let example = file("prospector.env.example");
    let password = value(&example, "POSTGRES_PASSWORD=");
    let url = value(&example, "DATABASE_URL=");
    assert!(url.contains(&format!(":{password}@postgres:")), "{url}");
}

#[test]
fn postgresql_is_given_none_of_our_keys() {
    let compose = compose();
    let environment = &compose["services"]["postgres"]["environment"];
    let settings = documented_settings();
    let keys: Vec<_> = settings
        .iter()
        .filter(|name| name.ends_with("_KEY"))
        .collect();
    assert!(!keys.is_empty());
    for key in keys {
        assert_eq!(environment[key], "", "{key}");
    }
}

#[test]
fn whoever_stops_the_service_leaves_it_its_grace_period() {
    let grace = ServiceSettings::defaults().unwrap().shutdown_grace();
    let unit = file("deploy/prospector.service");
    let compose = compose();
    let allowed = compose["x-serve"]["stop_grace_period"].as_str().unwrap();
    for seconds in [
        allowed.strip_suffix('s').unwrap(),
        value(&unit, "TimeoutStopSec="),
    ] {
        let allowed = Duration::from_secs(seconds.parse().unwrap());
        assert!(allowed >= grace + Duration::from_secs(5), "{allowed:?}");
    }
}

#[test]
fn there_are_file_descriptors_for_all_connections() {
    let connections = u64::from(ServiceSettings::defaults().unwrap().max_connections);
    let unit = file("deploy/prospector.service");
    let unit: u64 = value(&unit, "LimitNOFILE=").parse().unwrap();
    let compose = &compose()["x-serve"]["ulimits"]["nofile"]["soft"];
    for limit in [unit, compose.as_u64().unwrap()] {
        assert!(limit > connections + 1_000, "{limit}");
    }
}

#[test]
fn the_image_is_built_with_the_compiler_that_the_package_asks_for() {
    let manifest = file("Cargo.toml");
    let version = value(&manifest, "rust-version = ").trim_matches('"');
    let dockerfile = file("Dockerfile");
    assert!(
        value(&dockerfile, "FROM rust:").starts_with(&format!("{version}-")),
        "the Dockerfile does not build with Rust {version}"
    );
}

#[test]
fn the_build_is_sent_what_it_copies_and_nothing_else() {
    let ignore = file(".dockerignore");
    let mut sent: BTreeSet<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert!(ignore.lines().any(|line| line == "*"));
    let dockerfile = file("Dockerfile");
    let copies = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "));
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut words: Vec<&str> = copy.split_whitespace().collect();
        words.pop();
        for source in words {
            assert!(sent.remove(source), "{source} is copied and ignored");
        }
    }
    assert!(sent.is_empty(), "{sent:?} are sent and not copied");
}
