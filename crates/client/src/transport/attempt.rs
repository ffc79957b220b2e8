//! One attempt of a call on one server, and what came of it.

use std::{
    future::{poll_fn, ready},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use tokio::time::{Instant, timeout};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Bytes, Service as _, StdError, http},
    transport::Channel,
};
use tonic_types::StatusExt as _;

use crate::{
    deadline::{self, Limit},
    frame,
};

/// A server ends a call a little before its deadline, so that its answer comes in time.
const EARLY: Duration = Duration::from_millis(50);

/// A call that can be sent again.
pub(super) struct Call {
    pub(super) parts: http::request::Parts,
    pub(super) body: Bytes,
}

/// What came of an attempt.
pub(super) enum Outcome {
    /// The server answered, if only to refuse.
    Answered(Answer),
    /// The server is unavailable, its answer is lost, or it took too long.
    Failed {
        /// What went wrong.
        code: Code,
        /// What the caller is told if there is no further attempt.
        response: Result<http::Response<Body>, StdError>,
        /// How long the server asks to wait before the next one.
        retry_delay: Option<Duration>,
    },
}

/// A whole answer.
pub(super) struct Answer {
    parts: http::response::Parts,
    body: Bytes,
    trailers: Option<http::HeaderMap>,
}

impl Outcome {
    /// How it went.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Answered(answer) => answer.status().map_or(Code::Ok, |status| status.code()),
            Self::Failed { code, .. } => *code,
        }
    }
}

impl Answer {
    /// The message, if there is one.
    pub(super) fn message(&self) -> Option<Bytes> {
        frame::message(&self.body)
    }

    pub(super) fn into_response(self) -> http::Response<Body> {
        let trailers = ready(self.trailers.map(Ok));
        let body = Full::new(self.body).with_trailers(trailers);
        http::Response::from_parts(self.parts, Body::new(body))
    }

    fn status(&self) -> Option<Status> {
        status(&self.parts, self.trailers.as_ref())
    }
}

impl Call {
    /// Sends the call to a server and waits for the whole answer.
    pub(super) async fn attempt(&self, channel: Channel, limit: Limit) -> Outcome {
        let began = Instant::now();
        let mut request = self.request();
        let headers = request.headers_mut();
        headers.insert(deadline::TIMEOUT, deadline::write(limit.span));
        let answered = timeout(limit.span, answer(channel, request)).await;
        let late = began.elapsed() + EARLY >= limit.span;
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            // tonic's own timer may be first.
            Ok(Err(_)) if began.elapsed() >= limit.span => {
                return failed(Code::DeadlineExceeded, Err(too_late().into()), None);
            }
            Ok(Err(error)) => return failed(Code::Unavailable, Err(error), None),
            Err(_) => return failed(Code::DeadlineExceeded, Err(too_late().into()), None),
        };
        let status = answer.status();
        let cut = limit.leaves_time && late;
        match status.as_ref().map(Status::code) {
            Some(code @ Code::Unavailable) => {
                let delay = status.as_ref().and_then(retry_delay);
                failed(code, Ok(answer.into_response()), delay)
            }
            // Another server may be faster.
            Some(code @ Code::DeadlineExceeded) if cut => {
                failed(code, Ok(answer.into_response()), None)
            }
            _ => Outcome::Answered(answer),
        }
    }

    pub(super) fn request(&self) -> http::Request<Body> {
        let body = Body::new(Full::new(self.body.clone()));
        http::Request::from_parts(self.parts.clone(), body)
    }
}

/// Sends a request to a server, and gives the beginning of what it answers.
pub(super) async fn send(
    mut channel: Channel,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, StdError> {
    poll_fn(|context| channel.poll_ready(context)).await?;
    Ok(channel.call(request).await?)
}

async fn answer(channel: Channel, request: http::Request<Body>) -> Result<Answer, StdError> {
    let (parts, body) = send(channel, request).await?.into_parts();
    let collected = body.collect().await?;
    Ok(Answer {
        parts,
        trailers: collected.trailers().cloned(),
        body: collected.to_bytes(),
    })
}

/// The status of an answer; none if it goes well, or says nothing.
pub(super) fn status(
    parts: &http::response::Parts,
    trailers: Option<&http::HeaderMap>,
) -> Option<Status> {
    let told = Status::from_header_map(&parts.headers);
    let told = told.or_else(|| trailers.and_then(Status::from_header_map));
    if told.is_some() {
        return told.filter(|status| status.code() != Code::Ok);
    }
    // What stands between, and not the server, has answered.
    let unavailable = [
        http::StatusCode::TOO_MANY_REQUESTS,
        http::StatusCode::BAD_GATEWAY,
        http::StatusCode::SERVICE_UNAVAILABLE,
        http::StatusCode::GATEWAY_TIMEOUT,
    ];
    unavailable
        .contains(&parts.status)
        .then(|| Status::unavailable(parts.status.to_string()))
}

/// How long a server asks to wait.
pub(super) fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// That a server did not answer in time.
pub(super) fn too_late() -> Status {
    Status::deadline_exceeded("the call took longer than its deadline")
}

fn failed(
    code: Code,
    response: Result<http::Response<Body>, StdError>,
    retry_delay: Option<Duration>,
) -> Outcome {
    Outcome::Failed {
        code,
        response,
        retry_delay,
    }
}
