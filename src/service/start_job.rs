//! Starting a job.

use chrono::{DateTime, Utc};
use metrics::counter;
use subtle::ConstantTimeEq;

use crate::db::jobs::{self, NewJob, StartOutcome};
use crate::domain::access::{AccountGroupAccess, JobOfKey};
use crate::domain::id::JobId;
use crate::domain::idempotency_key::IdempotencyKey;
use crate::domain::job::JobStatus;
use crate::domain::quota::ListType;
use crate::domain::start_request::{SourceKind, StartRequest, Terms};
use crate::domain::trace::JobTrace;
use crate::error::Error;
use crate::service::app::App;
use crate::service::linkedin_health::{require_linkedin, require_sales_navigator};

/// The job that a start led to.
#[derive(Debug, Clone)]
pub struct StartedJob {
    pub job_id: JobId,
    pub status: JobStatus,
    pub created_at: DateTime<Utc>,
    /// The idempotency key had made the job before.
    pub replayed: bool,
}

/// Replays the job of the key, or checks state, quota and credits and stores a new one.
///
/// The one write is a single statement that holds key, job and reservation together: whoever dies
/// before it has changed nothing, and after it the client's retry with the same key finds the job.
///
/// # Errors
/// [`Error::IdempotencyConflict`], then for new work [`Error::AccountGroupPaused`],
/// [`Error::LinkedinNotConnected`], [`Error::SalesNavigatorRequired`], [`Error::Upstream`],
/// [`Error::QuotaExhausted`], [`Error::InsufficientCredits`]; faults of the database.
pub async fn start_job(
    app: &App,
    account_group: &AccountGroupAccess,
    request: StartRequest,
    idempotency_key: Option<IdempotencyKey>,
    trace: &JobTrace,
) -> Result<StartedJob, Error> {
    let fingerprint = request.fingerprint();
    if let Some(job) = &account_group.job_of_key {
        return replay(job, &fingerprint);
    }
    check_new_work_is_possible(app, account_group, request.source.kind()).await?;

    let job_id = JobId::new();
    let Terms {
        max_results,
        reservation: needed,
        ..
    } = request.terms(account_group.plan);
    let mut connection = app.database.acquire().await?;
    let outcome = jobs::start_job(
        &mut connection,
        NewJob {
            job_id: &job_id,
            account_group: &account_group.id,
            source: &request.source,
            max_results,
            search_emails: request.search_emails,
            duplicates: request.duplicates,
            metadata: &request.metadata,
            idempotency_key: idempotency_key.as_ref(),
            fingerprint: &fingerprint,
            reservation: needed,
            trace,
        },
    )
    .await?;
    drop(connection);

    match outcome {
        StartOutcome::Created { status, created_at } => {
            app.wake_up.job_queued();
            let source = request.source.kind().as_str();
            counter!("prospector_jobs_started_total", "source" => source).increment(1);
            tracing::info!(
                account_group = %account_group.id, job = %job_id, source, max_results,
                credits_reserved = needed, "job queued"
            );
            Ok(StartedJob {
                job_id,
                status,
                created_at,
                replayed: false,
            })
        }
        StartOutcome::Replayed {
            job_id,
            status,
            created_at,
        } => Ok(StartedJob {
            job_id,
            status,
            created_at,
            replayed: true,
        }),
        StartOutcome::Conflict => Err(Error::IdempotencyConflict),
        StartOutcome::InsufficientCredits { available } => {
            Err(Error::InsufficientCredits { needed, available })
        }
        StartOutcome::NoAccountGroup => Err(Error::AccountGroupForbidden),
    }
}

fn replay(job: &JobOfKey, fingerprint: &[u8; 32]) -> Result<StartedJob, Error> {
    if !bool::from(job.fingerprint.ct_eq(fingerprint)) {
        return Err(Error::IdempotencyConflict);
    }
    Ok(StartedJob {
        job_id: job.job_id.clone(),
        status: job.status,
        created_at: job.created_at,
        replayed: true,
    })
}

async fn check_new_work_is_possible(
    app: &App,
    account_group: &AccountGroupAccess,
    source: SourceKind,
) -> Result<(), Error> {
    if account_group.paused {
        return Err(Error::AccountGroupPaused);
    }
    match source {
        SourceKind::SalesNavigator => require_sales_navigator(app, account_group).await?,
        _ => require_linkedin(app, account_group).await?,
    }
    let quota = account_group.quota(ListType::from(source), &app.quota_limits);
    if quota.is_exhausted() {
        return Err(Error::QuotaExhausted {
            list_type: quota.list_type,
            reset_at: quota.resets_at,
        });
    }
    Ok(())
}
