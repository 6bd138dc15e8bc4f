//! What a start would come to, without starting anything.

use std::time::Duration;

use chrono::Utc;

use crate::domain::access::AccountGroupAccess;
use crate::domain::account_health::AccountHealth;
use crate::domain::pacing::Pacing;
use crate::domain::quota::{ListType, QuotaStanding, ROWS_PER_PAGE, days_to_fetch};
use crate::domain::start_request::{Source, SourceKind, StartRequest, Terms};
use crate::error::Error;
use crate::service::app::App;
use crate::service::credits::get_credits;
use crate::service::linkedin_health::linkedin_of;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a start would meet if it came now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub terms: Terms,
    /// Of a `url_upload` alone.
    pub distinct_urls: Option<u32>,
    pub credits_available: i64,
    pub quota: QuotaStanding,
    /// UTC days on which the job would fetch, if it were the only one; `None` when it could never end.
    pub days: Option<u32>,
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
    let kind = request.source.kind();
    let quota = account_group.quota(ListType::from(kind), &app.quota_limits);
    let pace = Pace {
        pacing: app.linkedin_turns.pacing(),
        rows_per_call: match kind {
            SourceKind::UrlUpload => 1,
            SourceKind::LinkedinSearch
            | SourceKind::SalesNavigator
            | SourceKind::PostCommenters => ROWS_PER_PAGE,
        },
    };
    let left_of_today = (quota.resets_at - Utc::now()).to_std().unwrap_or_default();
    Ok(Estimate {
        terms,
        distinct_urls: match request.source {
            Source::UrlUpload { .. } => Some(terms.max_results),
            _ => None,
        },
        credits_available: credits.available(),
        quota,
        days: days_to_fetch(
            terms.max_results,
            pace.rows_within(left_of_today, quota.remaining()),
            pace.rows_within(DAY, quota.limit),
        ),
        linkedin_is_connected: health != AccountHealth::NotConnected,
    })
}

/// How fast the gaps between calls let a job fetch.
#[derive(Debug, Clone, Copy)]
struct Pace {
    pacing: Pacing,
    rows_per_call: u32,
}

impl Pace {
    /// The rows that quota and gaps together allow in so much time.
    fn rows_within(self, time: Duration, quota: u32) -> u32 {
        let by_gaps = self
            .pacing
            .calls_within(time)
            .map(|calls| calls.saturating_mul(self.rows_per_call.into()));
        by_gaps
            .and_then(|rows| u32::try_from(rows).ok())
            .map_or(quota, |rows| rows.min(quota))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pacing::Gap;

    #[test]
    fn gaps_bound_the_rows_of_a_day_where_the_quota_does_not() {
        let hourly = Gap {
            min: Duration::from_secs(0),
            max: Duration::from_secs(2 * 60 * 60),
        };
        let pace = |pacing, rows_per_call| Pace {
            pacing,
            rows_per_call,
        };
        let hourly = Pacing::Turns(hourly);
        for (pace, quota, rows) in [
            (pace(hourly, 1), 100, 24),
            (pace(hourly, 25), 100, 100),
            (pace(hourly, 25), 1_000, 600),
            (pace(hourly, 1), 7, 7),
            (pace(Pacing::Off, 1), 100_000, 100_000),
            (pace(Pacing::Turns(Gap::NONE), 1), 100, 100),
        ] {
            assert_eq!(pace.rows_within(DAY, quota), rows, "{pace:?} {quota}");
        }
    }
}
