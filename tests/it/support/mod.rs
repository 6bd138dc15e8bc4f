//! What tests are made of: a database each, the API in process, a sandbox on a real socket.

pub(crate) mod app;
pub(crate) mod database;
pub(crate) mod openapi;
