//! Jobs: start one, read one, cancel one.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderName, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::id::{AccountGroupId, JobId};
use crate::domain::job::{Job, JobStatus};
use crate::domain::start_request::StartRequest;
use crate::domain::trace::JobTrace;
use crate::error::Error;
use crate::http::authentication::read_idempotency_key;
use crate::http::authorized::{Authorized, ProspectingRead, ProspectingWrite};
use crate::http::body::read_json;
use crate::http::conditional::{client_has, not_modified, weak_tag, with_headers};
use crate::http::envelope::Answer;
use crate::http::job_body::JobBody;
use crate::http::query::{NoQuery, unexpected_parameters};
use crate::http::router::HttpState;
use crate::http::timestamp::Timestamp;
use crate::service::jobs::{cancel_job, get_job};
use crate::service::start_job::{StartedJob, start_job};

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// `POST /v1/accounts/{accountGroupId}/prospecting`
///
/// # Errors
/// As the contract lists them.
pub async fn start(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingWrite>,
    request: Request,
) -> Result<Answer, Error> {
    let (parts, body) = request.into_parts();
    let body = read_json(&parts.headers, body).await?;
    let mut violations = unexpected_parameters(parts.uri.query());
    let key = violations.collect(read_idempotency_key(&parts.headers));
    let wanted = StartRequest::parse(&body, state.app.email_finder.is_some());
    let wanted = violations.collect(wanted);
    let (Some(key), Some(wanted), true) = (key, wanted, violations.is_empty()) else {
        return Err(Error::Invalid(violations));
    };
    let group = &authorized.account_group;
    let trace = parts.extensions.get::<JobTrace>().cloned();
    let trace = trace.unwrap_or_default();
    let started = start_job(&state.app, group, wanted, key, &trace).await?;
    answer_to_start(&group.id, started)
}

/// `GET /v1/accounts/{accountGroupId}/prospecting/{jobId}`
///
/// # Errors
/// As the contract lists them.
pub async fn show(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingRead, JobId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let group = &authorized.account_group.id;
    let job = get_job(&state.app, group, &authorized.target).await?;
    answer_with_job(&job, &headers, Utc::now())
}

/// `POST /v1/accounts/{accountGroupId}/prospecting/{jobId}/cancel`
///
/// A body is ignored.
///
/// # Errors
/// As the contract lists them.
pub async fn cancel(
    State(state): State<HttpState>,
    authorized: Authorized<ProspectingWrite, JobId>,
    _: NoQuery,
) -> Result<Answer, Error> {
    let job_id = &authorized.target;
    cancel_job(&state.app, &authorized.account_group.id, job_id).await?;
    Answer::ok(&CancelledBody {
        job_id,
        status: JobStatus::Cancelled,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelledBody<'a> {
    job_id: &'a JobId,
    status: JobStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedBody<'a> {
    job_id: &'a JobId,
    status: JobStatus,
    created_at: Timestamp,
}

/// 202 for a job that has work to do, new or not; 200 for a replay of one that has ended.
fn answer_to_start(group: &AccountGroupId, started: StartedJob) -> Result<Answer, Error> {
    let status = match started.replayed && started.status.has_ended() {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    let body = StartedBody {
        job_id: &started.job_id,
        status: started.status,
        created_at: Timestamp(started.created_at),
    };
    let location = format!("/v1/accounts/{group}/prospecting/{}", started.job_id);
    let answer = Answer::new(status, &body)?.with_header(LOCATION, &location)?;
    match started.replayed {
        true => answer.with_header(IDEMPOTENT_REPLAYED, "true"),
        false => Ok(answer),
    }
}

fn answer_with_job(job: &Job, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Response, Error> {
    let tag = weak_tag(job.version);
    let mut about = vec![
        (ETAG, tag.clone()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if let Some(seconds) = seconds_to_next_poll(job, now) {
        about.push((RETRY_AFTER, seconds.to_string()));
    }
    if client_has(headers, &tag) {
        return not_modified(&about);
    }
    let answer = Answer::ok(&JobBody::of(job))?;
    Ok(with_headers(answer, &about)?.into_response())
}

/// How long a poller may sleep without missing anything; none once nothing will change.
fn seconds_to_next_poll(job: &Job, now: DateTime<Utc>) -> Option<i64> {
    match &job.waiting {
        _ if job.status.has_ended() => None,
        None => Some(2),
        Some(waiting) => {
            let wait = waiting.resume_at - now + TimeDelta::milliseconds(999);
            Some(wait.num_seconds().clamp(2, 3600))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::job::{Waiting, WaitingReason};
    use crate::http::job_body::tests::{at, job};

    fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        Some(response.headers().get(name)?.to_str().unwrap())
    }

    fn started(status: JobStatus, replayed: bool) -> Response {
        let id: JobId = "507f1f77bcf86cd799439011".parse().unwrap();
        let group = "507f1f77bcf86cd799439012".parse().unwrap();
        let started = StartedJob {
            job_id: id,
            status,
            created_at: at("2026-04-28T15:30:00Z"),
            replayed,
        };
        answer_to_start(&group, started).unwrap().into_response()
    }

    #[test]
    fn only_a_replay_of_an_ended_job_is_a_200() {
        for &status in JobStatus::ALL {
            let (new, replay) = (started(status, false), started(status, true));
            let expected = if status.has_ended() { 200 } else { 202 };
            assert_eq!(new.status().as_u16(), 202, "{status}");
            assert_eq!(replay.status().as_u16(), expected, "{status}");
            assert_eq!(header(&new, "idempotent-replayed"), None);
            assert_eq!(header(&replay, "idempotent-replayed"), Some("true"));
            let location =
                "/v1/accounts/507f1f77bcf86cd799439012/prospecting/507f1f77bcf86cd799439011";
            assert_eq!(header(&new, "location"), Some(location));
        }
    }

    #[test]
    fn a_client_with_the_version_gets_a_304_with_the_same_headers() {
        let job = job(JobStatus::Running);
        let now = at("2026-04-28T15:30:00Z");
        let full = answer_with_job(&job, &HeaderMap::new(), now).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            "if-none-match",
            header(&full, "etag").unwrap().parse().unwrap(),
        );
        let again = answer_with_job(&job, &headers, now).unwrap();
        assert_eq!(
            (full.status().as_u16(), again.status().as_u16()),
            (200, 304)
        );
        for response in [&full, &again] {
            assert_eq!(header(response, "etag"), Some("W/\"7\""));
            assert_eq!(header(response, "cache-control"), Some("private, no-cache"));
            assert_eq!(header(response, "retry-after"), Some("2"));
        }
    }

    #[test]
    fn a_poller_is_told_when_to_come_back() {
        let now = at("2026-04-28T15:30:00Z");
        for (status, expected) in [
            (JobStatus::Queued, Some(2)),
            (JobStatus::Running, Some(2)),
            (JobStatus::Completed, None),
            (JobStatus::Failed, None),
            (JobStatus::Cancelled, None),
        ] {
            assert_eq!(
                seconds_to_next_poll(&job(status), now),
                expected,
                "{status}"
            );
        }
        for (millis, expected) in [
            (-5_000, 2),
            (0, 2),
            (2_001, 3),
            (60_000, 60),
            (90_000_000, 3600),
        ] {
            let mut waiting = job(JobStatus::Queued);
            waiting.waiting = Some(Waiting {
                reason: WaitingReason::Quota,
                resume_at: now + TimeDelta::milliseconds(millis),
            });
            assert_eq!(
                seconds_to_next_poll(&waiting, now),
                Some(expected),
                "{millis}"
            );
        }
    }
}
