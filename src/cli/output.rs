//! How answers are printed: for people, or as JSON for programs.

use std::fmt::Display;
use std::io::{self, Write as _};

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

/// A list, as JSON shows it.
#[derive(Serialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

impl Output {
    /// Prints one answer: `text` makes the form for people.
    pub(super) fn print<T: Serialize>(
        self,
        answer: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        match self {
            Self::Json => say(serde_json::to_string(answer)?),
            Self::Text => say(text(answer)),
        }
    }
}

/// Prints a line: all that goes to stdout, the bars on a terminal excepted, goes through here.
///
/// # Errors
/// Stdout cannot be written to. [`is_closed_stdout`] tells whether its reader has gone away, after
/// which a command ends without a word: there is nobody to print for.
pub(super) fn say(line: impl Display) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(Unprinted)
        .context("the answer cannot be printed")
}

/// A line that [`say`] could not print.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unprinted(io::Error);

/// Whether a command ended because the reader of its stdout, `head` for example, took no more.
pub(super) fn is_closed_stdout(error: &anyhow::Error) -> bool {
    let unprinted = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Unprinted>());
    unprinted.is_some_and(|unprinted| unprinted.0.kind() == io::ErrorKind::BrokenPipe)
}

/// ISO 8601 in UTC with milliseconds, as everywhere in the API.
pub(super) fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Lines of cells, each column as wide as its widest cell.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..header.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let line = |cells: &&Vec<String>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["Zoë".to_owned(), "1".to_owned()],
            vec!["Bo".to_owned(), "22".to_owned()],
        ];
        assert_eq!(table(&["name", "n"], &rows), "name  n\nZoë   1\nBo    22");
    }
}
