//! The place of a span in the trace of a tracing system. Where spans are not sent anywhere there is
//! none, and nothing here has an effect.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::domain::trace::TraceParent;

/// Makes a span the child of one elsewhere. To be called before the span is entered.
pub fn continue_trace(span: &Span, parent: &TraceParent) {
    let ids = (
        TraceId::from_hex(&parent.trace_id),
        SpanId::from_hex(&parent.parent_id),
    );
    let (Ok(trace_id), Ok(span_id)) = ids else {
        return;
    };
    let flags = TraceFlags::new(parent.flags);
    let remote = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    // Fails where spans are not sent, which leaves nothing to do.
    drop(span.set_parent(Context::new().with_remote_span_context(remote)));
}

/// What children of the span elsewhere have to name as their parent.
#[must_use]
pub fn trace_parent_of(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| TraceParent {
        trace_id: span.trace_id().to_string(),
        parent_id: span.span_id().to_string(),
        flags: span.trace_flags().to_u8(),
    })
}
