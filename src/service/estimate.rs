//! What a start would come to, without starting anything.

use crate::domain::access::AccountGroupAccess;
use crate::domain::account_health::AccountHealth;
use crate::domain::quota::{ListType, QuotaStanding};
use crate::domain::start_request::{Source, StartRequest, Terms};
use crate::error::Error;
use crate::service::app::App;
use crate::service::credits::get_credits;
use crate::service::linkedin_health::linkedin_of;

/// What a start would meet if it came now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub terms: Terms,
    /// Of a `url_upload` alone.
    pub distinct_urls: Option<u32>,
    pub credits_available: i64,
    pub quota: QuotaStanding,
    pub linkedin_is_connected: bool,
}

impl Estimate {
    #[must_use]
    pub fn has_sufficient_credits(&self) -> bool {
        self.terms.reservation <= self.credits_available
    }
}

/// Stores nothing and reserves nothing.
///
/// # Errors
/// [`Error::Upstream`] when the provider cannot tell whether LinkedIn is connected, as a start
/// would; faults of the database.
pub async fn estimate_job(
    app: &App,
    account_group: &AccountGroupAccess,
    request: &StartRequest,
) -> Result<Estimate, Error> {
    let health = linkedin_of(app, account_group).await?;
    let credits = get_credits(app, &account_group.id).await?;
    let terms = request.terms(account_group.plan);
    let list_type = ListType::from(request.source.kind());
    Ok(Estimate {
        terms,
        distinct_urls: match request.source {
            Source::UrlUpload { .. } => Some(terms.max_results),
            _ => None,
        },
        credits_available: credits.available(),
        quota: account_group.quota(list_type, &app.quota_limits),
        linkedin_is_connected: health != AccountHealth::NotConnected,
    })
}
