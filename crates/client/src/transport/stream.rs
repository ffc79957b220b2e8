//! Streams: opened on any server that takes them, and looked at while they last, so that the next is opened elsewhere
//! if their server fails. Going on where one broke off is the watch's own work.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::time::timeout;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Bytes, StdError, http},
};

use super::{
    CallSpan, Shared,
    attempt::{Call, retry_delay, send, status, too_late},
};

impl Shared {
    /// Opens a stream: on the server whose turn it is, or on the next one that is there.
    pub(super) async fn open(
        self: Arc<Self>,
        call: Call,
        span: CallSpan,
    ) -> Result<http::Response<Body>, StdError> {
        let mut tried = Vec::new();
        let mut server = self.servers.first();
        loop {
            tried.push(server);
            let sent = send(self.servers.channel(server), call.request());
            let opened = timeout(self.deadline, sent).await;
            let opened = opened.unwrap_or_else(|_| Err(too_late().into()));
            let opened = opened.map(http::Response::into_parts);
            let refusal = match &opened {
                Ok((parts, _)) => status(parts, None),
                Err(_) => Some(Status::unavailable("")),
            };
            let unavailable = refusal
                .as_ref()
                .filter(|status| status.code() == Code::Unavailable);
            if let Some(unavailable) = unavailable {
                self.servers.failed(server, retry_delay(unavailable));
                if let Some(other) = self.servers.another(&tried) {
                    server = other;
                    span.repeat(Code::Unavailable);
                    continue;
                }
                span.end(Code::Unavailable);
                return opened.map(|(parts, body)| http::Response::from_parts(parts, body));
            }
            span.end(refusal.map_or(Code::Ok, |status| status.code()));
            return opened.map(|(parts, body)| {
                let watched = Watched {
                    body,
                    server,
                    shared: self,
                };
                http::Response::from_parts(parts, Body::new(watched))
            });
        }
    }
}

/// A stream whose server is known by how it goes.
struct Watched {
    body: Body,
    server: usize,
    shared: Arc<Shared>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        let servers = &self.shared.servers;
        match &polled {
            Some(Ok(frame)) => {
                let ended = frame.trailers_ref().and_then(Status::from_header_map);
                match ended {
                    Some(status) if status.code() == Code::Unavailable => {
                        servers.failed(self.server, retry_delay(&status));
                    }
                    _ => servers.answered(self.server),
                }
            }
            Some(Err(_)) => servers.failed(self.server, None),
            None => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
