//! A call's message is taken as it comes. tonic makes room for a message as soon as its length is told, and a length of four
//! megabytes is told in five bytes: a thousand calls that say so and no more would take gigabytes. So the message is read here
//! first, and handed on when it is there, or when it is clear that it will be refused.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http_body::{Body as _, Frame};

use super::{Layers, hold::Begun};

/// Flag and length before a message.
const PREFIX: usize = 5;

pub(super) async fn gather(
    State(layers): State<Arc<Layers>>,
    request: Request,
    next: Next,
) -> Response {
    if layers.methods.find(request.uri().path()).takes_stream {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = gathered(body, layers.max_message_bytes).await;
    next.run(Request::from_parts(head, Body::new(body))).await
}

/// Reads until the first message is there, or is longer than allowed, or the body has ended.
async fn gathered(mut body: Body, most_bytes: usize) -> Begun {
    let mut gathered = VecDeque::new();
    let mut length = Length::default();
    while !length.is_reached(most_bytes) {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(frame) = frame else { break };
        if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
            length.note(data);
        } else {
            // Trailers, or an error: nothing more comes.
            gathered.push_back(frame);
            break;
        }
        gathered.push_back(frame);
    }
    Begun {
        pieces: gathered,
        rest: body,
    }
}

/// How long the first message is, and how much has come.
#[derive(Default)]
struct Length {
    prefix: Vec<u8>,
    received: usize,
}

impl Length {
    fn note(&mut self, data: &[u8]) {
        let missing = PREFIX - self.prefix.len();
        self.prefix.extend(data.iter().take(missing));
        self.received = self.received.saturating_add(data.len());
    }

    /// Whether all of it has come, or it is too long to be taken.
    fn is_reached(&self, most_bytes: usize) -> bool {
        let [_, length @ ..] = self.prefix.as_slice() else {
            return false;
        };
        let Ok(length) = length.try_into().map(u32::from_be_bytes) else {
            return false;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        length > most_bytes || self.received >= length.saturating_add(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of these pieces, after which nothing comes and no end either.
    fn open(pieces: &'static [&'static [u8]]) -> Body {
        let pieces = stream::iter(pieces).map(|piece| Ok::<_, axum::Error>(*piece));
        Body::from_stream(pieces.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_message_is_handed_on_when_it_is_there_or_will_be_refused() {
        const CASES: [(&[&[u8]], usize); 5] = [
            (&[b"\0\0\0\0\x03abc"], 1),
            (&[b"\0\0\0", b"\0\x03a", b"bc"], 3),
            (&[b"\0\0\0\0\0"], 1),
            (&[b"\0\xff\xff\xff\xff"], 1),
            (&[b"\0\0\0\0\x03abc and more", b"never read"], 1),
        ];
        for (pieces, count) in CASES {
            let gathered = gathered(open(pieces), 100).await;
            assert_eq!(gathered.pieces.len(), count, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn what_ends_early_is_handed_on_as_it_is() {
        for body in [&b""[..], b"\0\0", b"\0\0\0\0\x09abc"] {
            let gathered = gathered(Body::from(body), 100).await;
            assert_eq!(gathered.collect().await.unwrap().to_bytes(), body);
        }
    }
}
