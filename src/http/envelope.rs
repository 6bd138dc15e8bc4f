//! The one form that every answer has.
//!
//! A handler makes an [`Answer`] or an error; both become a response whose payload rides in its
//! extensions, because only the outermost layer knows the trace id that the body must carry.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::id::TraceId;
use crate::domain::violation::Violation;
use crate::error::Error;

/// A success on its way out.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    data: Box<RawValue>,
}

impl Answer {
    /// # Errors
    /// [`Error::Internal`] when the data cannot be written as JSON.
    pub fn new(status: StatusCode, data: &impl Serialize) -> Result<Self, Error> {
        Ok(Self {
            status,
            headers: HeaderMap::new(),
            data: serde_json::value::to_raw_value(data).map_err(Error::internal)?,
        })
    }

    /// # Errors
    /// [`Error::Internal`] when the data cannot be written as JSON.
    pub fn ok(data: &impl Serialize) -> Result<Self, Error> {
        Self::new(StatusCode::OK, data)
    }

    /// # Errors
    /// [`Error::Internal`] when the value holds bytes that no header may.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(value).map_err(Error::internal)?;
        self.headers.insert(name, value);
        Ok(self)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.headers_mut().extend(self.headers);
        Payload::Data(self.data.into()).attach(response)
    }
}

/// What a client is told of an error.
#[derive(Debug)]
pub struct Failure {
    pub code: &'static str,
    pub message: Cow<'static, str>,
    /// What to do next.
    pub details: String,
    /// On validation errors only.
    pub fields: Option<Vec<Violation>>,
    /// The causes of a 5xx, for the log alone.
    pub cause: Option<String>,
}

/// What the outermost layer makes a body of.
#[derive(Debug, Clone)]
pub enum Payload {
    Data(Arc<RawValue>),
    Failure(Arc<Failure>),
    /// The response is complete: a file, or an answer that has no body.
    Verbatim,
}

impl Payload {
    /// Gives the payload to the outermost layer.
    #[must_use]
    pub fn attach(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }

    /// Writes the envelope as the body of the response that the payload came with.
    #[must_use]
    pub fn render(&self, trace_id: &TraceId, mut response: Response) -> Response {
        let envelope = match self {
            Self::Verbatim => return response,
            Self::Data(data) => Envelope {
                success: true,
                data: Some(data),
                error: None,
                trace_id,
            },
            Self::Failure(failure) => Envelope {
                success: false,
                data: None,
                error: Some(EnvelopeError {
                    code: failure.code,
                    message: &failure.message,
                    details: &failure.details,
                    fields: failure.fields.as_deref(),
                }),
                trace_id,
            },
        };
        // Texts and checked JSON are all there is in it, which cannot fail to be written.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.insert(
            axum::http::header::CONTENT_LENGTH,
            HeaderValue::from(body.len()),
        );
        *response.body_mut() = Body::from(body);
        response
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    data: Option<&'a RawValue>,
    error: Option<EnvelopeError<'a>>,
    trace_id: &'a TraceId,
}

#[derive(Serialize)]
struct EnvelopeError<'a> {
    code: &'static str,
    message: &'a str,
    details: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a [Violation]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::violation::Violations;
    use crate::http::test_support::text_of;

    fn trace_id() -> TraceId {
        "507f1f77bcf86cd799439011".parse().unwrap()
    }

    async fn rendered(response: Response) -> String {
        let payload = response.extensions().get::<Payload>().unwrap().clone();
        text_of(payload.render(&trace_id(), response)).await
    }

    #[tokio::test]
    async fn a_success_has_the_seeds_keys_in_the_seeds_order() {
        let answer = Answer::ok(&serde_json::json!({"jobId": "a"})).unwrap();
        assert_eq!(
            rendered(answer.into_response()).await,
            r#"{"success":true,"data":{"jobId":"a"},"error":null,"traceId":"507f1f77bcf86cd799439011"}"#
        );
    }

    #[tokio::test]
    async fn an_error_carries_fields_only_when_it_is_about_validation() {
        assert_eq!(
            rendered(Error::MethodNotAllowed.into_response()).await,
            concat!(
                r#"{"success":false,"data":null,"error":{"code":"METHOD_NOT_ALLOWED","#,
                r#""message":"This route does not know the method.","#,
                r#""details":"Use one of the methods that the header Allow lists."},"#,
                r#""traceId":"507f1f77bcf86cd799439011"}"#
            )
        );
        let invalid = Error::Invalid(Violations::of(
            "limit",
            "out_of_range",
            "limit must be 1 to 100.",
        ));
        assert_eq!(
            rendered(invalid.into_response()).await,
            concat!(
                r#"{"success":false,"data":null,"error":{"code":"VALIDATION_ERROR","#,
                r#""message":"The request is not valid.","details":"limit must be 1 to 100.","#,
                r#""fields":[{"field":"limit","code":"out_of_range","#,
                r#""message":"limit must be 1 to 100."}]},"#,
                r#""traceId":"507f1f77bcf86cd799439011"}"#
            )
        );
    }
}
