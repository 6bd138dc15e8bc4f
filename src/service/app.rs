//! What every use case needs.

use std::sync::Arc;

use crate::db::pool::Database;
use crate::domain::api_key::KeyKind;
use crate::domain::quota::QuotaLimits;
use crate::service::authentication::LastUses;
use crate::service::linkedin_health::LinkedinHealth;
use crate::service::linkedin_turns::LinkedinTurns;
use crate::service::wake_up::WakeUp;
use crate::upstream::email_finder::EmailFinder;
use crate::upstream::provider::LinkedinProvider;

/// The parts that use cases are made of, built once at start-up and shared.
pub struct App {
    pub database: Database,
    /// Which keys are valid here.
    pub key_kind: KeyKind,
    pub quota_limits: QuotaLimits,
    pub linkedin: Arc<dyn LinkedinProvider>,
    pub linkedin_health: LinkedinHealth,
    pub linkedin_turns: LinkedinTurns,
    pub email_finder: Option<Arc<dyn EmailFinder>>,
    pub wake_up: Arc<WakeUp>,
    pub last_uses: LastUses,
}
