//! Nothing that is logged anywhere in the suite may hold a secret or tell of a person.
//!
//! What the program logs inside the test process is written through [`watch_this_process`], at a
//! level far below the default one; the logs of its own processes go through [`check`]. An
//! offending line ends the whole run, since it may come from a task that no test looks at.

use std::io::{self, Write};
use std::process::exit;
use std::sync::Once;

use tracing_subscriber::fmt::MakeWriter;

/// What the processes of tests log: everything of ours, and what others say by default.
pub(crate) const FILTER: &str = "info,prospector=trace";

/// Texts that only a secret or a person's data brings into a log line.
const FORBIDDEN: [&str; 8] = [
    "sk_live_",
    "sk_test_",
    "linkedin.com/in/",
    "linkedin.com%2Fin",
    "keywords=",
    "authorization:",
    "x-api-key:",
    "postgres://",
];

/// What must not be in this line, if anything is.
fn offence(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    if let Some(found) = FORBIDDEN.iter().find(|text| lower.contains(**text)) {
        return Some(found);
    }
    holds_email_address(line).then_some("an e-mail address")
}

/// Something such as `ada@example.com`: a name, an @, and a host with a dot inside.
fn holds_email_address(line: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    line.match_indices('@').any(|(at, _)| {
        let before = line[..at].bytes().next_back();
        let host: String = line[at + 1..]
            .chars()
            .take_while(|char| char.is_ascii_alphanumeric() || ".-".contains(*char))
            .collect();
        before.is_some_and(is_name) && host.trim_matches('.').contains('.')
    })
}

/// Checks what a process of ours has logged.
pub(crate) fn check(log: &str) {
    for line in log.lines() {
        if let Some(offence) = offence(line) {
            // Not a panic: that would end a task of the program, which catches panics.
            drop(writeln!(io::stderr(), "{offence} in a log line: {line}"));
            exit(101);
        }
    }
}

/// From now on every log line of this process is checked.
pub(crate) fn watch_this_process() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter(FILTER)
            .with_writer(Watch)
            .with_ansi(false)
            .init();
    });
}

/// Takes whole lines, looks at them and keeps none.
struct Watch;

impl MakeWriter<'_> for Watch {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        check(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_people_and_addresses_in_a_log_line_are_noticed() {
        for line in [
            "key=sk_live_0123",
            "mail to ada.l@example.co.uk failed",
            "GET https://www.linkedin.com/in/ada",
            "url=https://x/?keywords=cto",
            "header X-API-Key: abc",
            "connecting to postgres://app:secret@db/app",
        ] {
            assert!(offence(line).is_some(), "{line}");
        }
    }

    #[test]
    fn an_ordinary_log_line_passes() {
        for line in [
            "INFO request{trace_id=6b03 route=/v1/accounts/{id}/prospecting}: answered status=202",
            "DEBUG unipile search_page: ok @ 12ms",
            "prospector@2024",
        ] {
            assert_eq!(offence(line), None, "{line}");
        }
    }
}
