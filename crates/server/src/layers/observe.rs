//! Every call has an id, a span, its metrics and one line in the log.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::{Code, Status, body::Body};
use tracing::{Instrument as _, Span, field::Empty};

use super::{Layers, Request, Response, method::Method, request_id, trace};

pub(super) async fn observe<F: Future<Output = Response>>(
    layers: &Arc<Layers>,
    method: &Arc<Method>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = request_id::of(request.headers());
    let span = span(layers, method, &id);
    trace::continue_trace(&span, request.headers());
    let mut call = Call::start(layers.clone(), method.clone(), span.clone());
    let mut response = next(request).instrument(span).await;
    response.headers_mut().insert(request_id::HEADER, id);
    if let Some(code) = code(response.headers()) {
        call.end(code);
        return response;
    }
    response.map(|body| Body::new(Observed { body, call }))
}

/// What only traces tell is left out where none are exported: the log writes every field of a span when it begins.
fn span(layers: &Layers, method: &Method, id: &HeaderValue) -> Span {
    let traced = layers.traced;
    tracing::info_span!(
        "rpc",
        otel.name = traced.then_some(&*method.full_name),
        otel.kind = traced.then_some("server"),
        otel.status_code = Empty,
        rpc.system = traced.then_some("grpc"),
        rpc.service = method.service,
        rpc.method = method.name,
        rpc.grpc.status_code = Empty,
        request.id = id.to_str().unwrap_or_default(),
        trace.id = Empty,
    )
}

/// A call at work. One that is dropped before its end was given up by the caller.
struct Call {
    layers: Arc<Layers>,
    method: Arc<Method>,
    span: Span,
    started: Instant,
    ended: bool,
}

impl Call {
    fn start(layers: Arc<Layers>, method: Arc<Method>, span: Span) -> Self {
        layers.metrics.rpc().started(&method.service, &method.name);
        Self {
            layers,
            method,
            span,
            started: Instant::now(),
            ended: false,
        }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.started.elapsed();
        let Method {
            takes_stream: _,
            service,
            name,
            full_name: _,
            streams,
            is_product: _,
        } = &*self.method;
        self.layers
            .metrics
            .rpc()
            .ended(service, name, code_name(code), (!streams).then_some(took));
        let fault = fault(code);
        if self.layers.traced {
            self.span.record("rpc.grpc.status_code", i32::from(code));
            if fault != Fault::None {
                self.span.record("otel.status_code", "ERROR");
            }
        }
        let code = code_name(code);
        let latency_ms = took.as_secs_f64() * 1000.0;
        let span = &self.span;
        match fault {
            Fault::None => {
                tracing::debug!(parent: span, rpc.code = code, latency_ms, "call ended");
            }
            Fault::Busy => {
                tracing::info!(parent: span, rpc.code = code, latency_ms, "call ended");
            }
            // The cause is logged where it arose.
            Fault::Server => {
                tracing::warn!(parent: span, rpc.code = code, latency_ms, "call ended");
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The code in headers or trailers; none if they do not end the call.
fn code(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get(Status::GRPC_STATUS)?;
    Some(Code::from_bytes(code.as_bytes()))
}

/// Whose fault a code is.
#[derive(PartialEq, Eq)]
enum Fault {
    /// Nobody's, or the caller's: expected.
    None,
    /// The server could not answer in time.
    Busy,
    /// The server's.
    Server,
}

const fn fault(code: Code) -> Fault {
    match code {
        Code::Unknown | Code::Internal | Code::DataLoss => Fault::Server,
        Code::Unavailable | Code::DeadlineExceeded => Fault::Busy,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => Fault::None,
    }
}

const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An answer's body, watched for the trailers that tell how the call ended.
struct Observed {
    body: Body,
    call: Call,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, call } = self.get_mut();
        // An answer that is no stream is there already, and nothing more happens in its span.
        let entered = call.method.streams.then(|| call.span.enter());
        let polled = Pin::new(body).poll_frame(context);
        drop(entered);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(code) = frame.trailers_ref().and_then(code)
        {
            call.end(code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
