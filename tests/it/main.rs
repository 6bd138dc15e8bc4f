//! Tests of the program as a whole: one binary, one module per subject.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod embedded;
mod openapi_document;
mod sources;
mod support;
