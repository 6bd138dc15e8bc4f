//! The states of a job and of its two stages.

use serde::{Deserialize, Serialize};

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
                "The e-mail finder did not answer. The imported people stay; look-ups without an answer were not charged."
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
