//! The composition root: settings in, a running service out, and its orderly end.

mod contexts;
pub mod database;
pub mod erasure_key;
pub mod service;
pub mod upstreams;
