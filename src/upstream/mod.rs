//! The outside services that jobs draw from: a LinkedIn provider and an e-mail finder.
//!
//! Callers see two traits and one error type. The real clients speak HTTP; the sandbox is a real
//! server that speaks the same protocols, so that nothing but a base URL differs in a try-out.

pub mod breaker;
pub mod email_finder;
pub mod error;
#[cfg(test)]
mod finder_tests;
pub mod http;
pub mod hunter;
pub mod prospeo;
pub mod provider;
#[cfg(test)]
pub(crate) mod provider_stub;
pub mod sandbox;
mod stored_cursor;
pub mod unipile;
