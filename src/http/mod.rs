//! The HTTP API: what `openapi.yaml` promises, and nothing of the business behind it.
//!
//! A request passes [`trace`] (trace id, log line, envelope), a net for panics, the time limit,
//! the [`router`] (404, 405), the announced size (413), [`authentication`] (401, 429) and
//! [`authorized`] (path ids 400, account group and permission 403) before a handler in [`routes`]
//! reads its query and body and calls one use case. Every answer leaves in the envelope of
//! [`envelope`]; [`error`] alone decides what an error looks like. [`server`] speaks to sockets.

pub mod accept;
pub mod authentication;
pub mod authorized;
pub mod body;
pub mod client_address;
pub mod conditional;
pub mod drain;
pub mod envelope;
pub mod error;
pub mod job_body;
pub mod metrics;
pub mod pagination;
pub mod path;
pub mod query;
pub mod rate_limit;
pub mod router;
pub mod routes;
pub mod server;
pub mod swagger_ui;
#[cfg(test)]
mod test_support;
pub mod timestamp;
pub mod trace;
pub mod traceparent;
pub mod unknown_keys;
