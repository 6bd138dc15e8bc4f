//! Who may import whom. Reads the sources, so it needs no database and no running service.
//!
//! A module imports only from modules to its right:
//!
//! ```text
//! main -> cli -> startup -> {http, worker} -> service -> {db, upstream} -> error -> domain
//! ```
//!
//! The two in braces never import each other. `config` and `telemetry` stand beside the line. A
//! library belongs to the few modules that are there to hide it; [`LIBRARIES`] lists them.
//!
//! What stands under `#[cfg(test)]`, in comments and in strings does not count. Paths are found in
//! `use` trees and inline, and `super` is resolved from the file's module. A path that goes on from
//! an import is judged by the import.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of this crate. Its own contents are always allowed.
const LAYERS: [(&str, &str); 13] = [
    ("lib", ""),
    ("main", "cli"),
    (
        "cli",
        "startup http worker service db upstream domain error config telemetry",
    ),
    (
        "startup",
        "http worker service db upstream domain error config telemetry",
    ),
    (
        "http",
        "service db upstream domain error config telemetry::spans",
    ),
    (
        "worker",
        "service db upstream domain error config telemetry::spans",
    ),
    ("service", "db upstream domain error config"),
    ("db", "domain error config"),
    ("upstream", "domain error config"),
    ("error", "domain"),
    ("domain", ""),
    // Settings hold the values of those who need them. It asks `embedded` whether root runs it,
    // since the default data folder depends on that.
    ("config", "domain error upstream::http db::embedded"),
    // Spans are sent with the client of all outgoing calls.
    ("telemetry", "config domain upstream::http"),
];

/// A library, where it may be named, and the rule that says so.
struct Library {
    /// Path prefixes. A name that ends in `*` stands for every name that begins so.
    paths: &'static str,
    /// Files, or folders with a slash at the end, below `src`.
    allowed: &'static str,
    rule: &'static str,
}

/// The first that covers a path decides.
const LIBRARIES: [Library; 12] = [
    Library {
        paths: "sqlx::query* sqlx::Query* sqlx::raw_sql sqlx::migrate sqlx::*",
        allowed: "db/",
        rule: "SQL is only in db",
    },
    Library {
        paths: "sqlx::Transaction sqlx::Postgres",
        allowed: "db/ startup/ service/",
        rule: "service may name the transaction of sqlx and nothing else",
    },
    Library {
        paths: "sqlx::postgres::PgListener sqlx::Error",
        allowed: "db/ startup/ worker/pool/notifications.rs",
        rule: "of the worker only its notifications may name sqlx, for the listener",
    },
    Library {
        paths: "sqlx",
        allowed: "db/ startup/",
        rule: "sqlx is only in db and startup",
    },
    Library {
        paths: "axum tower tower_http",
        allowed: "http/ startup/ upstream/sandbox/",
        rule: "axum and tower are only in http, startup and the sandbox server",
    },
    Library {
        paths: "reqwest",
        allowed: "upstream/ cli/demo.rs cli/demo/ telemetry/otlp.rs",
        rule: "reqwest is only in upstream, the client of the demo and the exporter of spans",
    },
    Library {
        // `embedded` finds and starts other programs: it reads PATH, the folder for temporary files
        // and what they need of the environment. No setting of ours is among them.
        paths: "std::env",
        allowed: "config/ db/embedded/",
        rule: "the environment is read only in config",
    },
    Library {
        paths: "clap",
        allowed: "config/ cli/",
        rule: "settings are read only in config, and loaded only by cli",
    },
    Library {
        paths: "opentelemetry* tracing_opentelemetry",
        allowed: "telemetry/",
        rule: "only telemetry knows how spans are sent",
    },
    Library {
        paths: "metrics_exporter_prometheus",
        allowed: "telemetry/",
        rule: "only telemetry knows how metrics are shown",
    },
    Library {
        paths: "metrics",
        allowed: "startup/ http/ worker/ service/ db/ upstream/ telemetry/",
        rule: "domain, error and config measure nothing",
    },
    Library {
        paths: "tokio std::fs std::net std::process std::io",
        allowed: "main.rs cli/ startup/ http/ worker/ service/ db/ upstream/ config/ telemetry/",
        rule: "domain and error do no I/O",
    },
];

/// Names that say nothing, under which everything ends up.
const EMPTY_NAMES: [&str; 7] = [
    "util", "utils", "common", "helper", "helpers", "misc", "types",
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    import: String,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, import, rule } = self;
        write!(formatter, "src/{file} imports {import}: {rule}")
    }
}

#[test]
fn modules_import_only_what_they_may() {
    let found: BTreeSet<Violation> = sources()
        .iter()
        .flat_map(|(file, text)| violations(file, text))
        .collect();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_module_has_an_empty_name() {
    for (file, text) in sources() {
        let names = file.trim_end_matches(".rs").split('/').map(str::to_owned);
        let inline = modules(&tokens(&text));
        for name in names.chain(inline) {
            assert!(
                !EMPTY_NAMES.contains(&name.as_str()),
                "src/{file}: the module name `{name}` says nothing; name it after what it holds"
            );
        }
    }
}

/// Every source file outside `#[cfg(test)]`, by its path below `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let tests: Vec<String> = files
        .iter()
        .flat_map(|(file, text)| test_modules(file, text))
        .collect();
    files.retain(|(file, _)| {
        let is_test = |module: &String| {
            *file == format!("{module}.rs") || file.starts_with(&format!("{module}/"))
        };
        !tests.iter().any(is_test)
    });
    files.sort();
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            files.push((name.replace('\\', "/"), text));
        }
    }
}

/// The modules in files of their own that a file declares under `#[cfg(test)]`.
fn test_modules(file: &str, text: &str) -> Vec<String> {
    let folder = module_path(file).join("/");
    let (_, skipped) = without_tests(tokens(text));
    let names = skipped.iter().flat_map(|item| match item.as_slice() {
        [.., keyword, name, end] if keyword == "mod" && end == ";" => Some(name),
        _ => None,
    });
    names
        .map(|name| format!("{folder}/{name}").trim_matches('/').to_owned())
        .collect()
}

/// `http/routes/mod.rs` is the module `http::routes`; `main.rs` and `lib.rs` are roots.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if path.len() == 1 && matches!(path[0].as_str(), "main" | "lib")
        || path.last().is_some_and(|name| name == "mod")
    {
        path.pop();
    }
    path
}

fn violations(file: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut refuse = |import: &str, rule: String| {
        found.push(Violation {
            file: file.to_owned(),
            import: import.to_owned(),
            rule,
        });
    };
    let own = file.trim_end_matches(".rs").split('/').next();
    let own = own.unwrap_or_default();
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == own) else {
        refuse("", format!("`{own}` has no place among the layers yet"));
        return found;
    };
    for path in imports(file, text) {
        if let Some(inner) = path.strip_prefix("crate::") {
            let to = inner.split("::").next().unwrap_or_default();
            let may = to == own
                || allowed
                    .split_whitespace()
                    .any(|prefix| begins_with(inner, prefix));
            if !may {
                refuse(&path, format!("{own} may import only: {allowed}"));
            }
            continue;
        }
        let library = LIBRARIES.iter().find(|library| library.covers(&path));
        if let Some(library) = library.filter(|library| !library.may_be_named_in(file)) {
            refuse(&path, library.rule.to_owned());
        }
    }
    found
}

impl Library {
    fn covers(&self, path: &str) -> bool {
        let mut paths = self.paths.split_whitespace();
        paths.any(|prefix| begins_with(path, prefix))
    }

    fn may_be_named_in(&self, file: &str) -> bool {
        let mut places = self.allowed.split_whitespace();
        places.any(|place| file == place || place.ends_with('/') && file.starts_with(place))
    }
}

/// Whether a path is or lies below another, segment by segment.
fn begins_with(path: &str, prefix: &str) -> bool {
    match prefix.strip_suffix('*') {
        // `sqlx::*` is the glob itself; `sqlx::query*` is every name that begins so.
        Some(start) if !start.ends_with(':') => path.starts_with(start),
        _ => path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

/// Every path of two segments and more in a file, outside tests, as it reads from the crate's root.
fn imports(file: &str, text: &str) -> BTreeSet<String> {
    let (tokens, _) = without_tests(tokens(text));
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins_path = is_name(&tokens[at])
            && tokens.get(at + 1).is_some_and(|next| next == "::")
            || tokens[at] == "use";
        if begins_path {
            at = read_tree(
                &tokens,
                at + usize::from(tokens[at] == "use"),
                "",
                &mut paths,
            );
        } else {
            at += 1;
        }
    }
    let module = module_path(file);
    paths.iter().map(|path| from_root(&module, path)).collect()
}

/// Reads a path or `use` tree from `at` on and returns where it ends.
fn read_tree(tokens: &[String], mut at: usize, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    if tokens.get(at).is_some_and(|token| token == "::") {
        at += 1;
    }
    while let Some(token) = tokens.get(at) {
        if token == "{" && (path.ends_with("::") || path.is_empty()) {
            at += 1;
            while tokens.get(at).is_some_and(|token| token != "}") {
                let begun = at;
                at = read_tree(tokens, at, &path, paths);
                // Past the comma, and past anything that is no path.
                at += usize::from(at == begun || tokens.get(at).is_some_and(|next| next == ","));
            }
            return at + 1;
        }
        if !is_name(token) && token != "*" {
            break;
        }
        path.push_str(token);
        at += 1;
        if tokens.get(at).is_none_or(|next| next != "::") {
            break;
        }
        path.push_str("::");
        at += 1;
    }
    let path = path.trim_end_matches("::").trim_end_matches("::self");
    if !path.is_empty() {
        paths.push(path.to_owned());
    }
    if tokens.get(at).is_some_and(|token| token == "as") {
        at += 2;
    }
    at
}

/// Resolves `self`, `super` and the crate's own name.
fn from_root(module: &[String], path: &str) -> String {
    let mut segments = path.split("::").peekable();
    let mut base = module.to_vec();
    let mut is_relative = false;
    while let Some(&segment) = segments.peek() {
        match segment {
            "super" => {
                base.pop();
            }
            "self" => {}
            _ => break,
        }
        is_relative = true;
        segments.next();
    }
    let rest: Vec<String> = segments.map(str::to_owned).collect();
    if is_relative {
        base.extend(rest);
        return format!("crate::{}", base.join("::"));
    }
    match rest.split_first() {
        Some((first, rest)) if first == "prospector" => format!("crate::{}", rest.join("::")),
        _ => rest.join("::"),
    }
}

/// The modules that a text declares.
fn modules(tokens: &[String]) -> Vec<String> {
    let pairs = tokens.windows(2).filter(|pair| pair[0] == "mod");
    pairs.map(|pair| pair[1].clone()).collect()
}

/// Splits off the items under `#[cfg(test)]`: what is left, and what was split off.
fn without_tests(tokens: Vec<String>) -> (Vec<String>, Vec<Vec<String>>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut left, mut skipped) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().take(MARK.len()).eq(MARK.iter()) {
            left.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let begun = at;
        at += MARK.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == "}" || token == ";") {
                break;
            }
        }
        skipped.push(tokens[begun..at].to_vec());
    }
    (left, skipped)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single characters. Comments, strings and characters in quotes are left out.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        if let Some(length) = length_of_comment_or_literal(rest) {
            at += length;
        } else if rest.starts_with(&[':', ':']) {
            tokens.push("::".to_owned());
            at += 2;
        } else if rest[0].is_alphanumeric() || rest[0] == '_' {
            let name = rest
                .iter()
                .take_while(|c| c.is_alphanumeric() || **c == '_');
            let name: String = name.collect();
            at += name.chars().count();
            tokens.push(name);
        } else {
            if !rest[0].is_whitespace() {
                tokens.push(rest[0].to_string());
            }
            at += 1;
        }
    }
    tokens
}

/// How many characters to pass over when a comment, a string or a character begins here.
fn length_of_comment_or_literal(rest: &[char]) -> Option<usize> {
    match rest {
        ['/', '/', ..] => Some(rest.iter().take_while(|c| **c != '\n').count()),
        ['/', '*', ..] => Some(length_of_block_comment(rest)),
        ['"', ..] => Some(length_of_string(rest)),
        ['\'', '\\', ..] => Some(3 + rest.iter().skip(3).take_while(|c| **c != '\'').count() + 1),
        ['\'', _, '\'', ..] => Some(3),
        ['r', '"' | '#', ..] => length_of_raw_string(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] => length_of_raw_string(rest, 2),
        _ => None,
    }
}

fn length_of_block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn length_of_string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `None` for a raw name such as `r#type`.
fn length_of_raw_string(rest: &[char], prefix: usize) -> Option<usize> {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let begin = prefix + hashes + 1;
    if rest.get(begin - 1) != Some(&'"') {
        return None;
    }
    let is_end = |at: &usize| {
        rest[*at] == '"'
            && rest[*at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    let end = (begin..rest.len()).find(is_end)?;
    Some(end + 1 + hashes)
}

/// The imports of a snippet that the checker refuses.
fn found_in(file: &str, text: &str) -> Vec<String> {
    let found = violations(file, text);
    found
        .into_iter()
        .map(|violation| violation.import)
        .collect()
}

#[test]
fn a_layer_to_the_left_is_found_however_it_is_named() {
    for (file, text) in [
        ("db/jobs.rs", "use crate::http::router::router;"),
        ("db/jobs.rs", "use crate::{domain::id, http::{self}};"),
        ("db/jobs.rs", "fn f() { crate::http::serve() }"),
        ("db/jobs.rs", "fn f() { super::super::http::serve() }"),
        ("db/mod.rs", "use super::http::serve;"),
        ("db/jobs.rs", "pub(crate) use crate::http as web;"),
        ("domain/id.rs", "type E = crate::error::Error;"),
        ("http/mod.rs", "use crate::worker::pool;"),
        ("worker/mod.rs", "use crate::http::router;"),
        ("db/mod.rs", "use crate::upstream::http;"),
        ("config/mod.rs", "use crate::db::jobs;"),
        ("db/jobs.rs", "use crate::*;"),
        ("main.rs", "use prospector::service::app::App;"),
        ("novel.rs", ""),
    ] {
        assert_eq!(found_in(file, text).len(), 1, "{file}: {text}");
    }
}

#[test]
fn a_library_outside_its_modules_is_found() {
    for (file, text, import) in [
        (
            "service/jobs.rs",
            "sqlx::query!(\"select 1\");",
            "sqlx::query",
        ),
        (
            "service/jobs.rs",
            "use sqlx::PgConnection;",
            "sqlx::PgConnection",
        ),
        (
            "startup/service.rs",
            "use sqlx::{query_as, PgPool};",
            "sqlx::query_as",
        ),
        ("startup/service.rs", "use sqlx::*;", "sqlx::*"),
        (
            "worker/pool/mod.rs",
            "use sqlx::postgres::PgListener;",
            "sqlx::postgres::PgListener",
        ),
        (
            "worker/pool/notifications.rs",
            "use sqlx::PgPool;",
            "sqlx::PgPool",
        ),
        (
            "service/app.rs",
            "fn f(state: ::axum::State) {}",
            "axum::State",
        ),
        (
            "upstream/unipile/mod.rs",
            "use tower::Service;",
            "tower::Service",
        ),
        ("http/server.rs", "reqwest::get(url)", "reqwest::get"),
        ("cli/serve.rs", "use std::{fs, env};", "std::env"),
        ("cli/serve.rs", "std::env::var(\"PATH\")", "std::env::var"),
        (
            "domain/id.rs",
            "#[derive(sqlx::Type)] struct A;",
            "sqlx::Type",
        ),
        (
            "domain/id.rs",
            "async fn f() { tokio::time::sleep(d).await }",
            "tokio::time::sleep",
        ),
        ("domain/id.rs", "use std::net::IpAddr;", "std::net::IpAddr"),
        (
            "service/app.rs",
            "#[derive(clap::Args)] struct A;",
            "clap::Args",
        ),
    ] {
        assert_eq!(found_in(file, text), [import], "{file}: {text}");
    }
}

#[test]
fn what_is_allowed_passes() {
    for (file, text) in [
        ("main.rs", "fn main() { prospector::cli::run() }"),
        ("lib.rs", "pub mod cli; pub mod db;"),
        (
            "http/mod.rs",
            "use crate::{service::app::App, http::router, error::Error};",
        ),
        ("service/jobs.rs", "use sqlx::{Postgres, Transaction};"),
        (
            "db/jobs.rs",
            "use super::pool::Database; sqlx::query!(\"select 1\")",
        ),
        ("db/embedded/programs.rs", "use std::{env, fs};"),
        (
            "worker/pool/notifications.rs",
            "use sqlx::postgres::PgListener; type E = sqlx::Error;",
        ),
        ("upstream/sandbox/mod.rs", "use axum::Router;"),
        (
            "config/mod.rs",
            "use clap::Args; use crate::upstream::http::BaseUrl;",
        ),
        (
            "cli/serve.rs",
            "use crate::startup::service::Service; pub(in crate::cli) fn f() {}",
        ),
    ] {
        assert_eq!(found_in(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    let text = r###"
        //! [`crate::http`] and axum::Router
        /* crate::http /* nested */ axum::Router */
        const A: &str = "crate::http \" axum::Router";
        const B: &str = r#"crate::http " axum::Router"#;
        const C: (char, char) = ('"', '\'');
        fn lifetime<'a>(a: &'a str) -> &'a str { a }
        #[cfg(test)]
        use axum::Router;
        #[cfg(test)]
        mod elsewhere;
        #[cfg(test)]
        #[expect(clippy::unwrap_used, reason = "a test")]
        mod tests { mod inner { use crate::http::router; } use axum::Router; }
    "###;
    assert_eq!(found_in("db/jobs.rs", text), Vec::<String>::new());
    assert_eq!(test_modules("db/jobs.rs", text), ["db/jobs/elsewhere"]);
    assert_eq!(test_modules("db/mod.rs", text), ["db/elsewhere"]);
    let after = format!("{text} use axum::Router;");
    assert_eq!(found_in("db/jobs.rs", &after), ["axum::Router"]);
}

#[test]
fn a_violation_names_file_import_and_rule() {
    let found = violations("http/routes/jobs.rs", "use crate::worker::pool::run_pool;");
    let text = found[0].to_string();
    for part in [
        "src/http/routes/jobs.rs",
        "crate::worker::pool::run_pool",
        "http may import",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
