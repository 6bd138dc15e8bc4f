//! A job as the API writes it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::id::JobId;
use crate::domain::job::{
    Job, JobCounts, JobCredits, JobFault, JobStatus, JobSummary, Stage, StageStatus, StopReason,
    Waiting, WaitingReason,
};
use crate::domain::start_request::SourceKind;
use crate::http::timestamp::Timestamp;

/// The one kind of job that there is.
const JOB_TYPE: &str = "prospecting";

/// The status of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobBody<'a> {
    job_id: &'a JobId,
    r#type: &'static str,
    status: JobStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    stages: StagesBody<'a>,
    error: Option<FaultBody<'a>>,
    source: SourceKind,
    max_results: u32,
    search_emails: bool,
    metadata: &'a BTreeMap<String, String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    attempt: u32,
    counts: CountsBody,
    credits: JobCreditsBody,
    stop_reason: Option<StopReason>,
    waiting: Option<WaitingBody>,
}

impl<'a> JobBody<'a> {
    #[must_use]
    pub fn of(job: &'a Job) -> Self {
        Self {
            job_id: &job.job_id,
            r#type: JOB_TYPE,
            status: job.status,
            created_at: Timestamp(job.created_at),
            updated_at: Timestamp(job.updated_at),
            stages: StagesBody {
                import: StageBody::of(&job.import),
                enrichment: StageBody::of(&job.enrichment),
            },
            error: job.error.as_ref().map(FaultBody::of),
            source: job.source,
            max_results: job.max_results,
            search_emails: job.search_emails,
            metadata: &job.metadata,
            started_at: job.started_at.map(Timestamp),
            completed_at: job.completed_at.map(Timestamp),
            attempt: job.attempt,
            counts: job.counts.into(),
            credits: job.credits.into(),
            stop_reason: job.stop_reason,
            waiting: job.waiting.map(WaitingBody::from),
        }
    }
}

/// A job in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummaryBody {
    job_id: JobId,
    r#type: &'static str,
    status: JobStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    source: SourceKind,
    counts: CountsBody,
    metadata: BTreeMap<String, String>,
}

impl From<JobSummary> for JobSummaryBody {
    fn from(job: JobSummary) -> Self {
        Self {
            job_id: job.job_id,
            r#type: JOB_TYPE,
            status: job.status,
            created_at: Timestamp(job.created_at),
            updated_at: Timestamp(job.updated_at),
            source: job.source,
            counts: job.counts.into(),
            metadata: job.metadata,
        }
    }
}

#[derive(Debug, Serialize)]
struct StagesBody<'a> {
    import: StageBody<'a>,
    enrichment: StageBody<'a>,
}

#[derive(Debug, Serialize)]
struct StageBody<'a> {
    status: StageStatus,
    progress: f64,
    error: Option<FaultBody<'a>>,
}

impl<'a> StageBody<'a> {
    fn of(stage: &'a Stage) -> Self {
        Self {
            status: stage.status,
            progress: stage.progress,
            error: stage.error.as_ref().map(FaultBody::of),
        }
    }
}

#[derive(Debug, Serialize)]
struct FaultBody<'a> {
    code: &'a str,
    message: &'a str,
}

impl<'a> FaultBody<'a> {
    fn of(fault: &'a JobFault) -> Self {
        Self {
            code: &fault.code,
            message: &fault.message,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CountsBody {
    available: Option<u32>,
    fetched: u32,
    imported: u32,
    duplicates: u32,
    invalid: u32,
    not_found: u32,
    failed: u32,
    suppressed: u32,
    emails_found: u32,
}

impl From<JobCounts> for CountsBody {
    fn from(counts: JobCounts) -> Self {
        Self {
            available: counts.available,
            fetched: counts.fetched,
            imported: counts.imported,
            duplicates: counts.duplicates,
            invalid: counts.invalid,
            not_found: counts.not_found,
            failed: counts.failed,
            suppressed: counts.suppressed,
            emails_found: counts.emails_found,
        }
    }
}

#[derive(Debug, Serialize)]
struct JobCreditsBody {
    reserved: i64,
    charged: i64,
    released: i64,
}

impl From<JobCredits> for JobCreditsBody {
    fn from(credits: JobCredits) -> Self {
        Self {
            reserved: credits.reserved,
            charged: credits.charged,
            released: credits.released,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingBody {
    reason: WaitingReason,
    resume_at: Timestamp,
}

impl From<Waiting> for WaitingBody {
    fn from(waiting: Waiting) -> Self {
        Self {
            reason: waiting.reason,
            resume_at: Timestamp(waiting.resume_at),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    pub(crate) fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    pub(crate) fn job(status: JobStatus) -> Job {
        Job {
            job_id: "507f1f77bcf86cd799439011".parse().unwrap(),
            account_group_id: "507f1f77bcf86cd799439012".parse().unwrap(),
            source: SourceKind::LinkedinSearch,
            max_results: 50,
            search_emails: false,
            metadata: BTreeMap::from([("campaign".to_owned(), "spring".to_owned())]),
            status,
            import: Stage {
                status: StageStatus::Running,
                progress: 0.5,
                error: None,
            },
            enrichment: Stage {
                status: StageStatus::Skipped,
                progress: 0.0,
                error: None,
            },
            error: None,
            stop_reason: None,
            waiting: None,
            counts: JobCounts {
                available: Some(60),
                fetched: 26,
                imported: 24,
                duplicates: 1,
                ..JobCounts::default()
            },
            credits: JobCredits {
                reserved: 50,
                charged: 24,
                released: 0,
            },
            attempt: 1,
            version: 7,
            created_at: at("2026-04-28T15:30:00Z"),
            updated_at: at("2026-04-28T15:30:02.5Z"),
            started_at: Some(at("2026-04-28T15:30:01Z")),
            completed_at: None,
        }
    }

    #[test]
    fn a_job_shows_every_field_in_the_contracts_order() {
        let mut job = job(JobStatus::Queued);
        job.waiting = Some(Waiting {
            reason: WaitingReason::Quota,
            resume_at: at("2026-04-29T00:00:00Z"),
        });
        job.error = Some(JobFault {
            code: "TIME_LIMIT".to_owned(),
            message: "Too long.".to_owned(),
        });
        let expected = concat!(
            r#"{"jobId":"507f1f77bcf86cd799439011","type":"prospecting","status":"queued","#,
            r#""createdAt":"2026-04-28T15:30:00.000Z","updatedAt":"2026-04-28T15:30:02.500Z","#,
            r#""stages":{"import":{"status":"running","progress":0.5,"error":null},"#,
            r#""enrichment":{"status":"skipped","progress":0.0,"error":null}},"#,
            r#""error":{"code":"TIME_LIMIT","message":"Too long."},"#,
            r#""source":"linkedin_search","maxResults":50,"searchEmails":false,"#,
            r#""metadata":{"campaign":"spring"},"#,
            r#""startedAt":"2026-04-28T15:30:01.000Z","completedAt":null,"attempt":1,"#,
            r#""counts":{"available":60,"fetched":26,"imported":24,"duplicates":1,"invalid":0,"#,
            r#""notFound":0,"failed":0,"suppressed":0,"emailsFound":0},"#,
            r#""credits":{"reserved":50,"charged":24,"released":0},"stopReason":null,"#,
            r#""waiting":{"reason":"quota","resumeAt":"2026-04-29T00:00:00.000Z"}}"#
        );
        assert_eq!(serde_json::to_string(&JobBody::of(&job)).unwrap(), expected);
    }
}
