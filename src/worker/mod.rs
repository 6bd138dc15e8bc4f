//! How jobs are executed.
//!
//! [`pool`] claims jobs and keeps their leases alive; [`run`] carries one job from page to page and
//! from batch to batch until it ends, waits or is handed back; [`sources`] knows what a page is for
//! each kind of source; [`upkeep`] does what has to be done beside jobs.
//!
//! Nothing is held in memory that a crash could lose: every page is committed with its charge and
//! cursor before the next one is fetched, and a run that takes over goes on from there.

pub mod context;
pub mod enrichment;
pub mod leases;
pub mod pool;
pub mod progress;
pub mod retrying;
pub mod run;
pub mod sources;
pub mod turns;
pub mod upkeep;
