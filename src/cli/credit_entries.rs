//! The entries of a ledger, as `prospector credits entries` shows them.

use serde::Serialize;

use crate::cli::output::{iso, table};
use crate::db::credit_entries::CreditEntry;
use crate::domain::credits::EntryKind;
use crate::domain::id::JobId;

/// An entry as the API writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryView {
    /// A string, since numbers of 64 bits do not pass through every JSON reader.
    entry_id: String,
    kind: EntryKind,
    amount: i64,
    balance_after: i64,
    job_id: Option<JobId>,
    page: Option<u32>,
    reason: Option<String>,
    created_at: String,
}

impl From<CreditEntry> for EntryView {
    fn from(entry: CreditEntry) -> Self {
        Self {
            entry_id: entry.entry_id.to_string(),
            kind: entry.kind,
            amount: entry.amount,
            balance_after: entry.balance_after,
            job_id: entry.job_id,
            page: entry.page,
            reason: entry.reason,
            created_at: iso(entry.created_at),
        }
    }
}

impl EntryView {
    pub(super) fn text(entries: &[Self]) -> String {
        let row = |entry: &Self| {
            let page = entry.page.map(|page| format!(", page {page}"));
            let job = entry.job_id.as_ref();
            let job = job.map(|job| format!("job {job}{}", page.unwrap_or_default()));
            vec![
                entry.created_at.clone(),
                entry.kind.as_str().to_owned(),
                format!("{:+}", entry.amount),
                entry.balance_after.to_string(),
                entry.reason.clone().or(job).unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        table(&["time", "kind", "amount", "balance", "why"], &rows)
    }
}
