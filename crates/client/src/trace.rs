//! Traces: each call is a span of the trace that its caller is in, and tells the server so, as W3C's `traceparent`.
//!
//! Spans go where the program has OpenTelemetry's global provider send them. Without one none is made, and the caller's
//! own context is passed on as it is.

use opentelemetry::{
    Context, KeyValue, global,
    trace::{
        SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _,
    },
};
use tonic::{
    Code,
    codegen::http::{HeaderMap, HeaderValue},
};

/// Header that names the trace and the span that a call belongs to.
const PARENT: &str = "traceparent";
/// Header of what else takes part in the trace.
const STATE: &str = "tracestate";
/// Name of the instrumentation.
const SCOPE: &str = "echelon-client";

/// A call's span.
pub(crate) struct CallSpan(Context);

impl CallSpan {
    /// Begins the span of a call to the method at a path, in the trace that the caller is in, or else in `parent`, and
    /// writes it into the call's headers. A trace that is there already is the caller's own affair.
    pub(crate) fn begin(path: &str, headers: &mut HeaderMap, parent: Option<&SpanContext>) -> Self {
        if headers.contains_key(PARENT) {
            return Self(Context::new());
        }
        let mut caller = Context::current();
        if let Some(parent) = parent
            && !caller.has_active_span()
        {
            caller = caller.with_remote_span_context(parent.clone());
        }
        let name = path.trim_start_matches('/').to_owned();
        let (service, method) = name.split_once('/').unwrap_or((&name, ""));
        let attributes = vec![
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", service.to_owned()),
            KeyValue::new("rpc.method", method.to_owned()),
        ];
        let tracer = global::tracer(SCOPE);
        let span = tracer
            .span_builder(name)
            .with_kind(SpanKind::Client)
            .with_attributes(attributes);
        let span = tracer.build_with_context(span, &caller);
        let begun = Self(caller.with_span(span));
        begun.write(headers);
        begun
    }

    /// Notes that an attempt failed and another follows.
    pub(crate) fn repeat(&self, code: Code) {
        let why = KeyValue::new("attempt.failure", code.description());
        self.0.span().add_event("another attempt", vec![why]);
    }

    /// Ends it with what came of the call.
    pub(crate) fn end(self, code: Code) {
        let span = self.0.span();
        let number = i64::from(i32::from(code));
        span.set_attribute(KeyValue::new("rpc.grpc.status_code", number));
        if code != Code::Ok {
            span.set_status(Status::error(code.description()));
        }
        span.end();
    }

    fn write(&self, headers: &mut HeaderMap) {
        let span = self.0.span();
        let context = span.span_context();
        if !context.is_valid() {
            return;
        }
        let (trace, span) = (context.trace_id(), context.span_id());
        let flags = context.trace_flags().to_u8();
        let text = format!("00-{trace}-{span}-{flags:02x}");
        let state = context.trace_state().header();
        for (name, text) in [(PARENT, text), (STATE, state)] {
            // What cannot be sent is not: a trace is no reason to fail a call.
            if let Ok(value) = HeaderValue::try_from(text)
                && !value.is_empty()
            {
                headers.insert(name, value);
            }
        }
    }
}

/// Reads a `traceparent`. What is none, is none: as W3C has it, a trace is never a reason to fail.
pub(crate) fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_hex = |at: u8| matches!(at, b'0'..=b'9' | b'a'..=b'f');
        part.bytes().all(is_hex).then_some(part)
    };
    let version = part(2).filter(|version| *version != "ff")?;
    let trace = TraceId::from_hex(part(32)?).ok()?;
    let span = SpanId::from_hex(part(16)?).ok()?;
    let flags = u8::from_str_radix(part(2)?, 16).ok()?;
    // Later versions may say more.
    if version == "00" && parts.next().is_some() {
        return None;
    }
    let sampled = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, sampled, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_that_a_program_is_started_in_is_passed_on() {
        let parent = parse(GIVEN).unwrap();
        let mut headers = HeaderMap::new();
        let span = CallSpan::begin(
            "/echelon.v1.NodeService/GetNode",
            &mut headers,
            Some(&parent),
        );
        assert_eq!(headers["traceparent"], GIVEN);
        assert!(!headers.contains_key("tracestate"));
        span.end(Code::Ok);
    }

    #[test]
    fn the_trace_that_a_caller_is_in_comes_first() {
        let parent = parse(GIVEN).unwrap();
        let other = "00-11111111111111111111111111111111-2222222222222222-00";
        let caller = Context::new().with_remote_span_context(parse(other).unwrap());
        let _entered = caller.attach();
        let mut headers = HeaderMap::new();
        CallSpan::begin("/a.B/C", &mut headers, Some(&parent)).end(Code::Ok);
        assert_eq!(headers["traceparent"], other);
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static(GIVEN));
        CallSpan::begin("/a.B/C", &mut headers, None).end(Code::Ok);
        assert_eq!(headers["traceparent"], GIVEN);
    }

    #[test]
    fn without_a_trace_nothing_is_told() {
        let mut headers = HeaderMap::new();
        CallSpan::begin("/a.B/C", &mut headers, None).end(Code::Ok);
        assert!(headers.is_empty());
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let later = GIVEN.replacen("00", "01", 1) + "-more";
        assert!(parse(&later).is_some());
        for text in [
            String::new(),
            GIVEN.to_uppercase(),
            GIVEN.replacen("00", "ff", 1),
            format!("{GIVEN}-more"),
            GIVEN.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GIVEN.replace("b7ad6b7169203331", "b7ad"),
            GIVEN.replace("-01", "-é"),
        ] {
            assert!(parse(&text).is_none(), "{text}");
        }
    }
}
