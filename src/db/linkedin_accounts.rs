//! The turns of LinkedIn accounts: who may call now, and which account rests.
//!
//! The rows belong to no account group: an account may serve several, and all of them must keep to
//! the same times. They hold nothing that a tenant owns.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{count, known_text};
use crate::domain::id::{AccountGroupId, JobId, LinkedinAccountId};
use crate::domain::pacing::{Gap, REST_BASE, REST_CAP};
use crate::error::Error;

/// For so long after its time a job that waits goes before those who came later.
const GRACE: Duration = Duration::from_secs(5);

/// Whom a turn is for.
#[derive(Debug, Clone, Copy)]
pub enum TurnFor<'a> {
    /// Waits for its place in the line and for the gap.
    Job(&'a AccountGroupId, &'a JobId),
    /// Somebody waits for the answer: it waits for a call under way, a rest and a gap of 5 s at the
    /// most, and goes before every job.
    Request,
}

/// What came of asking for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnOutcome {
    Taken,
    /// Ask again after so long.
    Wait(Standing),
}

/// How long no job may call for an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub wait: Duration,
    /// LinkedIn has throttled the account.
    pub rests: bool,
}

/// What a call came to, as far as its account is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    Succeeded,
    Failed,
    /// LinkedIn has throttled the account; `asked` is for how long at the least, where it was said.
    Throttled {
        asked: Option<Duration>,
    },
}

/// Asks for the turn of an account. It ends by [`give_back_turn`], or after `hold`.
pub async fn take_turn(
    connection: &mut PgConnection,
    account: &LinkedinAccountId,
    whom: TurnFor<'_>,
    token: Uuid,
    hold: Duration,
    gap: Gap,
) -> Result<TurnOutcome, Error> {
    let (account_group, job) = match whom {
        TurnFor::Job(account_group, job) => (Some(account_group.as_str()), Some(job.as_str())),
        TurnFor::Request => (None, None),
    };
    let row = sqlx::query!(
        r#"
        select outcome as "outcome!", wait_seconds as "wait_seconds!", rests as "rests!"
        from take_linkedin_turn_v1($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        account.as_str(),
        account_group,
        job,
        token,
        hold.as_secs_f64(),
        gap.drawn(rand::random()).as_secs_f64(),
        gap.mean().as_secs_f64(),
        GRACE.as_secs_f64(),
    )
    .fetch_one(connection)
    .await?;
    match row.outcome.as_str() {
        "taken" => Ok(TurnOutcome::Taken),
        "wait" => Ok(TurnOutcome::Wait(standing(row.wait_seconds, row.rests))),
        _ => known_text("outcome of asking for a turn", &row.outcome, None),
    }
}

/// Ends a turn and begins the gap after it. A turn that ran out and was taken by somebody else is
/// left alone. Without a token only the outcome is noted.
pub async fn give_back_turn(
    connection: &mut PgConnection,
    account: &LinkedinAccountId,
    token: Option<Uuid>,
    gap: Gap,
    outcome: CallOutcome,
) -> Result<Standing, Error> {
    let (outcome, asked) = match outcome {
        CallOutcome::Succeeded => ("succeeded", None),
        CallOutcome::Failed => ("failed", None),
        CallOutcome::Throttled { asked } => ("throttled", asked),
    };
    let row = sqlx::query!(
        r#"
        select wait_seconds as "wait_seconds!", rests as "rests!"
        from give_back_linkedin_turn_v1($1, $2, $3, $4, $5, $6, $7)
        "#,
        account.as_str(),
        token,
        gap.drawn(rand::random()).as_secs_f64(),
        outcome,
        REST_BASE.as_secs_f64(),
        REST_CAP.as_secs_f64(),
        asked.map(|asked| asked.as_secs_f64()),
    )
    .fetch_one(connection)
    .await?;
    Ok(standing(row.wait_seconds, row.rests))
}

/// What keeps a job from calling its LinkedIn account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldUpBy {
    /// LinkedIn has throttled the account, `throttles` times since a call succeeded.
    Rest {
        until: DateTime<Utc>,
        throttles: u32,
    },
    /// Other calls and the gaps between them.
    Turn,
}

/// Why a job waits for its LinkedIn account, if it does.
pub async fn find_what_holds_up(
    connection: &mut PgConnection,
    account_group: &AccountGroupId,
    job: &JobId,
) -> Result<Option<HeldUpBy>, Error> {
    let row = sqlx::query!(
        r#"
        select case when a.resting_until > now() then a.resting_until end as resting_until, a.throttles,
            exists (
                select from linkedin_account_waiters w
                where w.linkedin_account_id = a.linkedin_account_id
                    and w.account_group_id = g.account_group_id and w.job_id = $2
            ) as "is_in_line!"
        from account_groups g
        join linkedin_accounts a on a.linkedin_account_id = g.linkedin_account_id
        where g.account_group_id = $1
        "#,
        account_group.as_str(),
        job.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| match row.resting_until {
        Some(until) => Some(HeldUpBy::Rest {
            until,
            throttles: count(row.throttles),
        }),
        None => row.is_in_line.then_some(HeldUpBy::Turn),
    }))
}

fn standing(wait_seconds: f64, rests: bool) -> Standing {
    Standing {
        wait: Duration::try_from_secs_f64(wait_seconds).unwrap_or_default(),
        rests,
    }
}
