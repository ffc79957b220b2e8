//! Trace context accepted from callers, as W3C's `traceparent` carries it.

use http::HeaderMap;
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator as _},
    trace::TraceContextExt as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a span part of the caller's trace, and records the trace's id for the log.
pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let caller = TraceContextPropagator::new().extract(&Headers(headers));
    let parent = caller.span().span_context().clone();
    if parent.is_valid() {
        span.record("trace.id", parent.trace_id().to_string());
        // Without an exporter there is no trace to take part in.
        if let Err(error) = span.set_parent(caller) {
            tracing::trace!(%error, "the caller's trace is not continued");
        }
        return;
    }
    let own = span.context().span().span_context().clone();
    if own.is_valid() {
        span.record("trace.id", own.trace_id().to_string());
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
