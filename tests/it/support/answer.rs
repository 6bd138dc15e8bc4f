//! An answer of the API.

use axum::http::HeaderMap;
use prospector::domain::id::JobId;
use serde_json::Value;

/// An answer, checked against `openapi.yaml` when it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The one field that a validation error names.
    #[track_caller]
    pub(crate) fn field(&self) -> &str {
        let fields = self.body["error"]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 1, "{:#}", self.body);
        fields[0]["field"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts the status, showing the whole answer where it is another.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    pub(crate) fn job_id(&self) -> JobId {
        self.data()["jobId"].as_str().unwrap().parse().unwrap()
    }
}
