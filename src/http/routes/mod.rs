//! The handlers, one file for each kind of thing: each reads its request and calls one use case.

pub mod credits;
pub mod docs;
pub mod prospecting;
pub mod prospects;
pub mod service;
