//! Jobs as workers move them: claim, page, batch, wait, end.
//!
//! Every write of a run is one statement, fenced by the lease token of its claim: whoever lost the
//! lease changes nothing, and is told so.

mod batch;
mod endings;
mod leases;
mod page;
mod run_state;
mod wake_up;

pub use batch::{BatchOutcome, StoredAnswer, StoredEmailStatus, store_emails};
pub use endings::{
    BreakOff, BreakOffOutcome, Fenced, WaitOutcome, WaitUntil, break_off_run, fail_job,
    give_up_enrichment, wait_job,
};
pub use leases::{ClaimOutcome, Lease, claim_job, list_expired_leases, prolong_leases};
pub use page::{FETCHED_MAX, Item, ItemKind, NewPage, PageOutcome, import_page};
pub use run_state::{AccountStanding, RunState, find_run};
pub use wake_up::{CHANNEL, notify_workers};
