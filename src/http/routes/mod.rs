//! The handlers, one file for each kind of thing: each reads its request and calls one use case.

pub mod credits;
pub mod docs;
pub mod estimate;
pub mod job_list;
pub mod own_key;
pub mod people;
pub mod prospecting;
pub mod prospects;
pub mod quota;
pub mod sales_navigator;
pub mod service;
