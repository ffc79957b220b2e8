//! Where every call passes, whichever generated client makes it: a server is chosen, the call is signed and gets its
//! deadline, and what is safe to repeat is repeated on another server if one is unavailable or its answer is lost.
//!
//! Repeating is safe because reads change nothing, and every call that changes something carries a `request_id`, which
//! is made here if the caller gave none: the server gives the first answer again (E7). What a server refused is final.

mod attempt;
mod stream;

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::BodyExt as _;
use opentelemetry::trace::SpanContext;
use tokio::time::{Instant, sleep};
use tonic::{
    body::Body,
    codegen::{BoxFuture, Bytes, Service, StdError, http},
};

use crate::{
    Consistency, Options, RetryBudget,
    deadline::Deadline,
    frame,
    identity::Identity,
    method::Method,
    request_id::request_id,
    retry::Backoff,
    revisions::Revisions,
    servers::Servers,
    trace::{self, CallSpan},
};
use attempt::{Call, Outcome};

/// Transport of the generated service clients.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    servers: Servers,
    identity: Identity,
    deadline: Duration,
    retry: RetryBudget,
    consistency: Consistency,
    revisions: Revisions,
    /// The trace of calls whose caller is in none.
    trace_parent: Option<SpanContext>,
}

impl Transport {
    pub(crate) fn new(servers: Servers, identity: Identity, options: &Options) -> Self {
        Self {
            shared: Arc::new(Shared {
                servers,
                identity,
                deadline: options.deadline,
                retry: options.retry,
                consistency: options.consistency,
                revisions: Revisions::default(),
                trace_parent: options.trace_parent.as_deref().and_then(trace::parse),
            }),
        }
    }

    pub(crate) fn retry_budget(&self) -> RetryBudget {
        self.shared.retry
    }

    pub(crate) fn newest_revision(&self, organization: &str) -> i64 {
        self.shared.revisions.newest(organization)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("servers", &self.shared.servers.len())
            .finish_non_exhaustive()
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<Self::Response, StdError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = self.shared.clone();
        let (mut parts, body) = request.into_parts();
        // Here and not in the future, which may be polled anywhere.
        let span = CallSpan::begin(
            parts.uri.path(),
            &mut parts.headers,
            shared.trace_parent.as_ref(),
        );
        Box::pin(async move {
            shared.identity.sign(&mut parts.headers);
            let body = body.collect().await?.to_bytes();
            let method = Method::find(parts.uri.path());
            if method.is_some_and(|method| method.streams) {
                return shared.open(Call { parts, body }, span).await;
            }
            shared.unary(parts, body, method, span).await
        })
    }
}

impl Shared {
    async fn unary(
        &self,
        parts: http::request::Parts,
        body: Bytes,
        method: Option<&Method>,
        span: CallSpan,
    ) -> Result<http::Response<Body>, StdError> {
        let asked = frame::message(&body);
        let asked = asked.zip(method);
        let body = asked
            .as_ref()
            .and_then(|(request, method)| self.complete(method, request))
            .unwrap_or(body);
        let deadline = Deadline::of(&parts.headers, self.deadline);
        // Of what is not known here nobody can say whether it may be repeated.
        let can_repeat = asked.is_some();
        let outcome = self
            .attempts(Call { parts, body }, deadline, can_repeat, &span)
            .await;
        span.end(outcome.code());
        match outcome {
            Outcome::Answered(answer) => {
                if let Some((request, method)) = &asked
                    && let Some(message) = answer.message()
                {
                    self.note(method, request, &message);
                }
                Ok(answer.into_response())
            }
            Outcome::Failed { response, .. } => response,
        }
    }

    /// One attempt after the other, until one is answered or there is no time for another: over all servers that are
    /// not left aside, then after a wait once more.
    async fn attempts(
        &self,
        call: Call,
        deadline: Deadline,
        can_repeat: bool,
        span: &CallSpan,
    ) -> Outcome {
        let started = Instant::now();
        let mut backoff = Backoff::new(self.retry);
        let mut server = self.servers.first();
        let mut tried = Vec::new();
        let mut asked: Option<Duration> = None;
        loop {
            tried.push(server);
            let limit = deadline.next_attempt(self.servers.len());
            let outcome = call.attempt(self.servers.channel(server), limit).await;
            let Outcome::Failed { retry_delay, .. } = &outcome else {
                self.servers.answered(server);
                return outcome;
            };
            self.servers.failed(server, *retry_delay);
            if !can_repeat || !deadline.allows(Duration::ZERO) {
                return outcome;
            }
            // The first of them to ask is the first to be back.
            asked = match (asked, *retry_delay) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            if let Some(other) = self.servers.another(&tried) {
                server = other;
                span.repeat(outcome.code());
                continue;
            }
            let wait = backoff.next(asked.take());
            if !deadline.allows(wait) || started.elapsed() + wait > self.retry.within {
                return outcome;
            }
            span.repeat(outcome.code());
            sleep(wait).await;
            tried.clear();
            server = self.servers.first();
        }
    }

    /// Adds what makes a request safe to repeat and what makes a read reflect what was written; none if it has all.
    fn complete(&self, method: &Method, request: &Bytes) -> Option<Bytes> {
        let key = method
            .request_id
            .filter(|field| frame::text(request, &[*field]).is_none());
        let revision = self.wanted_revision(method, request);
        if key.is_none() && revision.is_none() {
            return None;
        }
        let mut completed = request.to_vec();
        if let Some(field) = key {
            frame::put_text(&mut completed, field, &request_id());
        }
        if let Some((field, revision)) = revision {
            frame::put_number(&mut completed, field, revision);
        }
        frame::body(&completed)
    }

    /// The revision to ask for, and in which field, if the caller asks for none.
    fn wanted_revision(&self, method: &Method, request: &[u8]) -> Option<(u32, u64)> {
        let field = method.min_revision?;
        if self.consistency == Consistency::Eventual
            || frame::number(request, &[field]).is_some_and(|revision| revision > 0)
        {
            return None;
        }
        let revision = self.revisions.newest(method.organization(request)?);
        let revision = u64::try_from(revision)
            .ok()
            .filter(|revision| *revision > 0)?;
        Some((field, revision))
    }

    fn note(&self, method: &Method, request: &[u8], answer: &[u8]) {
        let organization = method.organization(request);
        let organization = organization.or_else(|| method.organization_of_answer(answer));
        if let Some((organization, revision)) = organization.zip(method.revision(answer)) {
            self.revisions.note(organization, revision);
        }
    }
}

#[cfg(test)]
mod tests;
