//! Tests of the program as a whole: one binary, one module per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod access;
mod cancel;
mod chaos;
mod check_order;
mod commands;
mod credits;
mod deadlocks;
mod docs_page;
mod embedded;
mod exports;
mod fairness;
mod faults;
mod fencing;
mod flat_cost;
mod idempotency;
mod identity;
mod ledger;
mod openapi_document;
mod operator;
mod poison;
mod processes;
mod rate_limit;
mod refusals;
mod round_trips;
mod routes;
mod serve;
mod sources;
mod start;
mod status;
mod support;
