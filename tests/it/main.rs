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
mod circuit_breaker;
mod commands;
mod credit_entries;
mod credits;
mod deadlocks;
mod deployment;
mod docs_page;
mod documents;
mod email_look_ups;
mod embedded;
mod erasure;
mod erasure_key;
mod error_documents;
mod estimate;
mod exports;
mod fairness;
mod faults;
mod fencing;
mod flat_cost;
mod healthcheck;
mod idempotency;
mod identity;
mod job_list;
mod ledger;
mod metrics;
mod openapi_document;
mod operator;
mod own_key;
mod pacing;
mod page_versions;
mod people;
mod poison;
mod pooler;
mod processes;
mod provider_answers;
mod queries;
mod quota;
mod rate_limit;
mod real_people;
mod refusals;
mod round_trips;
mod routes;
mod sales_navigator;
mod serve;
mod sources;
mod start;
mod status;
mod support;
mod traces;
mod upkeep;
mod upstream_check;
