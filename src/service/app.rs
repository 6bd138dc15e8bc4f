//! What every use case needs.

use std::sync::Arc;

use crate::domain::api_key::KeyKind;
use crate::upstream::email_finder::EmailFinder;
use crate::upstream::provider::LinkedinProvider;

/// The parts that use cases are made of, built once at start-up and shared.
pub struct App {
    /// Which keys are valid here.
    pub key_kind: KeyKind,
    pub provider: Arc<dyn LinkedinProvider>,
    pub email_finder: Option<Arc<dyn EmailFinder>>,
}
