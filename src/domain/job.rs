//! A job, its states, its two stages and its rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::id::{AccountGroupId, JobId, ProspectId};
use crate::domain::start_request::SourceKind;

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// `None` for a text that this version does not know.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

text_enum!(
    /// Where a job stands. `queued` covers waiting; `running` means that a worker holds its lease.
    JobStatus {
        Queued = "queued",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
);

impl JobStatus {
    /// Whether nothing will happen to the job any more.
    #[must_use]
    pub fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

text_enum!(
    /// Where one of a job's stages stands.
    StageStatus {
        Queued = "queued",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
        Skipped = "skipped",
    }
);

text_enum!(
    /// Why the import ended.
    StopReason {
        /// The upstream said that there is no more.
        SourceExhausted = "source_exhausted",
        /// The ceiling was reached while there was more.
        MaxResults = "max_results",
        /// The upstream ended although it reports more, or the most rows one job may fetch were fetched.
        SourceCap = "source_cap",
        Cancelled = "cancelled",
        Error = "error",
    }
);

text_enum!(
    /// What a job without a worker waits for, other than its turn.
    WaitingReason {
        Quota = "quota",
        Upstream = "upstream",
        Paused = "paused",
    }
);

text_enum!(
    /// Why a job failed. Stable for programs.
    JobErrorCode {
        LinkedinDisconnected = "LINKEDIN_DISCONNECTED",
        SalesNavigatorRequired = "SALES_NAVIGATOR_REQUIRED",
        SourceNotFound = "SOURCE_NOT_FOUND",
        SourceRefused = "SOURCE_REFUSED",
        UpstreamUnavailable = "UPSTREAM_UNAVAILABLE",
        ProviderKeyRefused = "PROVIDER_KEY_REFUSED",
        TooManyAttempts = "TOO_MANY_ATTEMPTS",
        TimeLimit = "TIME_LIMIT",
        InternalError = "INTERNAL_ERROR",
    }
);

impl JobErrorCode {
    /// What happened and what to do next.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::LinkedinDisconnected => {
                "LinkedIn signed the connected account out. Reconnect it at the provider, then start a new job; people imported so far stay."
            }
            Self::SalesNavigatorRequired => {
                "The connected LinkedIn account has no Sales Navigator seat. Connect an account that has one, then start a new job."
            }
            Self::SourceNotFound => {
                "LinkedIn has no such search, list or post, or the connected account may not see it. Check the address or id, then start a new job."
            }
            Self::SourceRefused => {
                "LinkedIn refused this search, list or post. Open it in LinkedIn with the connected account to see why, then start a new job."
            }
            Self::UpstreamUnavailable => {
                "The LinkedIn provider did not answer for 24 hours. Check its status, then start a new job; people imported so far stay."
            }
            Self::ProviderKeyRefused => {
                "The LinkedIn provider refused this service's key. The operator must check the provider's key and subscription, then start a new job."
            }
            Self::TooManyAttempts => {
                "The job was tried 5 times without getting further. Tell the operator the job id, who finds the cause in the log; people imported so far stay."
            }
            Self::TimeLimit => {
                "The job ran for longer than a job may. People imported so far stay; start a new job for the rest."
            }
            Self::InternalError => {
                "The service failed to carry out this job. Tell the operator the job id; people imported so far stay."
            }
        }
    }
}

text_enum!(
    /// Why the e-mail look-up of a completed job failed.
    EnrichmentErrorCode {
        FinderUnavailable = "EMAIL_FINDER_UNAVAILABLE",
        FinderQuota = "EMAIL_FINDER_QUOTA",
        FinderKey = "EMAIL_FINDER_KEY",
    }
);

impl EnrichmentErrorCode {
    /// What happened and what to do next.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::FinderUnavailable => {
                "The e-mail finder did not answer. The imported people stay; look-ups without an answer were not charged. Check the finder's status before you start another job with searchEmails."
            }
            Self::FinderQuota => {
                "The e-mail finder's plan is used up. The imported people stay; look-ups without an answer were not charged. The operator must extend the plan."
            }
            Self::FinderKey => {
                "The e-mail finder refused this service's key. The imported people stay; look-ups without an answer were not charged. The operator must check the key."
            }
        }
    }
}

/// What became of the items of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// What the upstream says it has.
    pub available: Option<u32>,
    /// Items of committed pages as sent, with repeats and what was dropped.
    pub fetched: u32,
    pub imported: u32,
    pub duplicates: u32,
    pub invalid: u32,
    pub not_found: u32,
    pub failed: u32,
    pub suppressed: u32,
    pub emails_found: u32,
}

/// A stage of a job as its status shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub status: StageStatus,
    /// 0 to 1, never falling.
    pub progress: f64,
    pub error: Option<JobFault>,
}

/// Why a job or stage failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFault {
    pub code: String,
    pub message: String,
}

/// A job that waits for something other than its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub reason: WaitingReason,
    pub resume_at: DateTime<Utc>,
}

/// Credits of one job. `reserved` never changes; at the end reserved = charged + released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCredits {
    pub reserved: i64,
    pub charged: i64,
    pub released: i64,
}

/// A job as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub job_id: JobId,
    pub account_group_id: AccountGroupId,
    pub source: SourceKind,
    /// The ceiling in force; for `url_upload` the number of distinct URLs.
    pub max_results: u32,
    pub search_emails: bool,
    pub metadata: BTreeMap<String, String>,
    pub status: JobStatus,
    pub import: Stage,
    pub enrichment: Stage,
    pub error: Option<JobFault>,
    pub stop_reason: Option<StopReason>,
    pub waiting: Option<Waiting>,
    pub counts: JobCounts,
    pub credits: JobCredits,
    /// Attempts at the job. A run that waits or is handed back is carried on as the same attempt.
    pub attempt: u32,
    /// Raised by every visible change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// A job as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSummary {
    pub job_id: JobId,
    pub source: SourceKind,
    pub metadata: BTreeMap<String, String>,
    pub status: JobStatus,
    pub counts: JobCounts,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

text_enum!(
    /// What became of one row of a job.
    RowOutcome {
        Imported = "imported",
        /// The account group had the person already.
        Duplicate = "duplicate",
        NotFound = "not_found",
        /// No identifiable person.
        Invalid = "invalid",
        Failed = "failed",
        /// The person was erased from this account group and is not imported again.
        Suppressed = "suppressed",
    }
);

text_enum!(
    /// Where the e-mail look-up of one row stands.
    RowEmailStatus {
        Pending = "pending",
        Valid = "valid",
        Unverified = "unverified",
        NotFound = "not_found",
        Failed = "failed",
    }
);

/// One row of a job: an item of its source and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// 1, 2, 3... within the job.
    pub row: u32,
    pub outcome: RowOutcome,
    pub outcome_reason: Option<String>,
    /// The URL as uploaded; `None` for the other sources.
    pub input_url: Option<String>,
    pub prospect_id: Option<ProspectId>,
    pub provider_id: Option<String>,
    pub public_identifier: Option<String>,
    pub linkedin_url: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub name: Option<String>,
    pub headline: Option<String>,
    pub title: Option<String>,
    pub company_name: Option<String>,
    pub location: Option<String>,
    pub email: Option<String>,
    /// `None`: not asked for.
    pub email_status: Option<RowEmailStatus>,
    pub imported_at: Option<DateTime<Utc>>,
}
