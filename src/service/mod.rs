//! The use cases: what a caller or a worker can ask the program to do.

pub mod app;
pub mod authentication;
pub mod credits;
pub mod jobs;
pub mod prospects;
pub mod readiness;
pub mod start_job;
