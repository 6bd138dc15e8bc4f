//! All rows of a job as one file, in a stream.
//!
//! Rows are read a chunk at a time when the client has taken the ones before, and no connection to
//! the database is held in between: what an export costs does not depend on how many rows there
//! are or how slowly they are taken. A fault in mid-stream ends the connection without the last
//! chunk of the chunked coding, so that no client takes a cut file for a whole one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, Span};

use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::envelope::Payload;
use crate::http::query::Query;
use crate::http::router::HttpState;
use crate::http::routes::prospects::{FIELDS, RowBody};
use crate::service::app::App;
use crate::service::prospects::{JobRows, list_job_rows};

/// Exports that one process makes at a time.
pub const EXPORTS_MAX: usize = 8;
/// Rows of one query.
const CHUNK_ROWS: u32 = 1_000;
/// How long a client stays away for whom there was no place.
const RETRY_AFTER_FULL: Duration = Duration::from_secs(10);
/// What spreadsheets tell UTF-8 by.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Ndjson,
}

/// Answers with all rows so far.
pub(super) async fn export(
    state: &HttpState,
    account_group: &AccountGroupId,
    job: &JobId,
    format: Format,
    query: Option<&str>,
    version: Version,
) -> Result<Response, Error> {
    check_request(query, version)?;
    let slot = take_slot(&state.exports)?;
    let export = Export {
        app: Arc::clone(&state.app),
        account_group: account_group.clone(),
        job: job.clone(),
        format,
        _slot: slot,
    };
    // The first rows are read before the answer begins, so that a fault up to here has a status.
    let first = export.rows_after(0).await?;
    let mut response = export.into_body(first).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let disposition = format!(
        "attachment; filename=\"prospects-{job}.{}\"",
        format.extension()
    );
    let disposition = HeaderValue::try_from(disposition).map_err(Error::internal)?;
    headers.insert(CONTENT_DISPOSITION, disposition);
    Ok(Payload::Verbatim.attach(response))
}

fn check_request(query: Option<&str>, version: Version) -> Result<(), Error> {
    let mut violations = Violations::none();
    let query = Query::read(query, &["cursor", "limit"], &mut violations);
    for name in ["cursor", "limit"] {
        if query.get(name).is_some() {
            let sentence = format!("{name} is for JSON only: an export always holds all rows.");
            violations.push(name, "not_for_exports", sentence);
        }
    }
    if version < Version::HTTP_11 {
        // Its client could not tell a whole file from one that broke off.
        let sentence = "Accept asks for an export, which needs HTTP/1.1: set it in the client, or in the proxy before this service.";
        violations.push("Accept", "http_version", sentence);
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(violations))
    }
}

fn take_slot(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(slots)
        .try_acquire_owned()
        .map_err(|full| Error::Unavailable {
            reason: "as many exports as may run at a time are running",
            retry_after: RETRY_AFTER_FULL,
            source: Some(full.into()),
        })
}

/// An export under way.
struct Export {
    app: Arc<App>,
    account_group: AccountGroupId,
    job: JobId,
    format: Format,
    /// Given back when the answer is through, or its client gone.
    _slot: OwnedSemaphorePermit,
}

/// What is to be sent next.
enum Next {
    Rows(JobRows),
    After(u32),
}

impl Export {
    async fn rows_after(&self, row: u32) -> Result<JobRows, Error> {
        list_job_rows(&self.app, &self.account_group, &self.job, row, CHUNK_ROWS).await
    }

    fn into_body(self, first: JobRows) -> Body {
        let span = Span::current();
        let mut start = Vec::new();
        self.format.write_start(&mut start);
        let state = Some((self, start, Next::Rows(first)));
        Body::from_stream(try_unfold(state, move |state| {
            send_next(state).instrument(span.clone())
        }))
    }

    /// Appends rows to the text; the number of the last one where more follow.
    fn write(&self, rows: JobRows, text: &mut Vec<u8>) -> Result<Option<u32>, Error> {
        let last = rows.rows.last().map(|row| row.row);
        let bodies = rows.rows.into_iter().map(RowBody::from);
        self.format.write_rows(bodies, text)?;
        Ok(last.filter(|_| rows.has_more))
    }
}

/// The export, a text that goes before the next rows, and those rows; `None` after the last.
type Progress = Option<(Export, Vec<u8>, Next)>;

async fn send_next(progress: Progress) -> Result<Option<(Bytes, Progress)>, Error> {
    let Some((export, mut text, next)) = progress else {
        return Ok(None);
    };
    let written = match next {
        Next::Rows(rows) => export.write(rows, &mut text),
        Next::After(row) => match export.rows_after(row).await {
            Ok(rows) => export.write(rows, &mut text),
            Err(error) => Err(error),
        },
    };
    let last = written.inspect_err(|error| {
        tracing::error!(
            error = error as &dyn std::error::Error,
            job = %export.job,
            "an export broke off"
        );
    })?;
    let progress = last.map(|row| (export, Vec::new(), Next::After(row)));
    Ok(Some((Bytes::from(text), progress)))
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    fn write_start(self, text: &mut Vec<u8>) {
        if self == Self::Csv {
            text.extend_from_slice(BYTE_ORDER_MARK);
            text.extend_from_slice(FIELDS.join(",").as_bytes());
            text.extend_from_slice(b"\r\n");
        }
    }

    fn write_rows(
        self,
        mut rows: impl Iterator<Item = RowBody>,
        text: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match self {
            Self::Csv => {
                let mut writer = csv::WriterBuilder::new()
                    .has_headers(false)
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(text);
                for row in rows {
                    let row = row.with_texts(harmless_in_spreadsheets);
                    writer.serialize(row).map_err(Error::internal)?;
                }
                writer.flush().map_err(Error::internal)
            }
            Self::Ndjson => rows.try_for_each(|row| {
                serde_json::to_writer(&mut *text, &row).map_err(Error::internal)?;
                text.push(b'\n');
                Ok(())
            }),
        }
    }
}

/// A cell that a spreadsheet would run as a formula is marked as text.
fn harmless_in_spreadsheets(mut cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        cell.insert(0, '\'');
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::prospects::tests::row;

    fn written(format: Format, rows: Vec<RowBody>) -> String {
        let mut text = Vec::new();
        format.write_start(&mut text);
        format.write_rows(rows.into_iter(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn with_name(name: &str) -> RowBody {
        let mut row = row(7);
        row.name = Some(name.to_owned());
        row.outcome_reason = None;
        row.into()
    }

    #[test]
    fn csv_has_a_mark_a_header_and_lines_that_end_in_crlf() {
        assert_eq!(
            written(Format::Csv, vec![]),
            concat!(
                "\u{feff}row,outcome,outcomeReason,inputUrl,prospectId,providerId,",
                "publicIdentifier,linkedinUrl,firstName,lastName,name,headline,title,",
                "companyName,location,email,emailStatus,importedAt\r\n"
            )
        );
        let text = written(Format::Csv, vec![with_name("Zoë \"Z\", Ltd\nParis")]);
        let line = "7,not_found,,linkedin.com/in/a,,,,,,,\"Zoë \"\"Z\"\", Ltd\nParis\",,,,,,not_found,2026-04-28T15:30:00.000Z\r\n";
        assert!(text.ends_with(&format!("importedAt\r\n{line}")), "{text:?}");
    }

    #[test]
    fn a_cell_that_looks_like_a_formula_is_marked_as_text() {
        for (name, cell) in [
            ("=1+1", ",'=1+1,"),
            ("+4411", ",'+4411,"),
            ("-2", ",'-2,"),
            ("@SUM(A1)", ",'@SUM(A1),"),
            ("\tx", ",'\tx,"),
            ("\rx", ",\"'\rx\","),
            ("a=1", ",a=1,"),
            ("'=1", ",'=1,"),
            ("=1,\"2\"", ",\"'=1,\"\"2\"\"\","),
        ] {
            let text = written(Format::Csv, vec![with_name(name)]);
            assert!(text.contains(cell), "{name:?}: {text:?}");
        }
    }

    #[test]
    fn ndjson_is_the_lists_rows_a_line_each() {
        let rows = vec![with_name("=1\n"), with_name("b")];
        let lines: Vec<String> = rows
            .iter()
            .map(|row| serde_json::to_string(row).unwrap() + "\n")
            .collect();
        let text = written(Format::Ndjson, rows);
        assert_eq!(text, lines.concat());
        assert!(text.starts_with(r#"{"row":7,"#) && text.contains(r#""name":"=1\n""#));
        assert_eq!(written(Format::Ndjson, vec![]), "");
    }
}
