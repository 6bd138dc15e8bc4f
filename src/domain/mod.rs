//! The rules of the business, free of I/O: what a job, a person, a plan and a credit are.
//!
//! Everything here is a plain value. Types that stand for outside input can only be made by
//! parsing, so that the rest of the program never meets an invalid one.

pub mod access;
pub mod account_health;
pub mod api_key;
pub mod credits;
pub mod erasure;
pub mod id;
pub mod idempotency_key;
pub mod job;
pub mod linkedin_url;
pub mod pacing;
pub mod permission;
pub mod person;
pub mod plan;
pub mod quota;
pub mod retry;
pub mod start_request;
pub mod trace;
pub mod violation;
