//! `prospector` starts and runs LinkedIn prospecting jobs behind an HTTP API.
//!
//! Read in this order: [`domain`] (the rules), [`db`] (what is stored, and the statements that
//! move a job), [`service`] (use cases), [`worker`] (how a job is executed), [`http`] (the API),
//! [`startup`] (how the parts are put together), [`cli`] (the commands).

pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod http;
pub mod service;
pub mod startup;
pub mod telemetry;
pub mod upstream;
pub mod worker;
