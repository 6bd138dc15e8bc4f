//! The use cases: what a caller, an operator or a worker can ask the program to do.

pub mod app;
pub mod authentication;
pub mod credits;
pub mod erasure;
pub mod estimate;
pub mod job_log;
pub mod jobs;
pub mod linkedin_health;
pub mod linkedin_turns;
pub mod listing;
pub mod operator;
pub mod operator_jobs;
pub mod own_key;
pub mod people;
pub mod prospects;
pub mod queue_meter;
pub mod readiness;
pub mod sales_navigator;
pub mod start_job;
pub mod upstream_check;
pub mod wake_up;
