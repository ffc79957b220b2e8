//! A call's message is taken as it comes. tonic makes room for a message as soon as its length is told, and a length of four
//! megabytes is told in five bytes: a thousand calls that say so and no more would take gigabytes. So the message is read here
//! first, and handed on when it is there, or when it is clear that it will be refused. It is kept in one piece, because a piece
//! costs a hundred bytes however small it is. A call that streams has no deadline; its message has.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    time::Duration,
};

use echelon_api::{convert::error::plain, v1::ErrorReason};
use http_body::{Body as _, Frame};
use prost::bytes::{Bytes, BytesMut};
use tokio::time::timeout;
use tonic::{Code, body::Body};

use super::{Layers, Request, Response, hold::Begun, method::Method, status};

/// Flag and length before a message.
const PREFIX: usize = 5;

pub(super) async fn gather<F: Future<Output = Response>>(
    layers: &Layers,
    method: &Method,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if method.takes_stream {
        return next(request).await;
    }
    let (head, body) = request.into_parts();
    let gathering = gathered(body, layers.max_message_bytes);
    let body = match method.streams {
        false => gathering.await,
        // It would hold its place among the calls at work for ever.
        true => match timeout(layers.timeout, gathering).await {
            Ok(body) => body,
            Err(_) => return status::answer(late(layers.timeout)),
        },
    };
    next(Request::from_parts(head, Body::new(body))).await
}

fn late(patience: Duration) -> tonic::Status {
    plain(
        Code::DeadlineExceeded,
        ErrorReason::DeadlineExceeded,
        format!(
            "the message of the call did not come within {}: send it with the call",
            humantime::format_duration(patience)
        ),
    )
}

/// What has come of a message, in one piece; copied only if it came in several.
#[derive(Default)]
struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Whole {
    fn add(&mut self, data: Bytes) {
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.joined.extend_from_slice(&data);
    }

    fn bytes(self) -> Bytes {
        match self.joined.is_empty() {
            true => self.first,
            false => self.joined.freeze(),
        }
    }
}

/// Reads until the first message is there, or is longer than allowed, or the body has ended.
async fn gathered(mut body: Body, most_bytes: usize) -> Begun {
    let mut whole = Whole::default();
    let mut end = None;
    let mut length = Length::default();
    while !length.is_reached(most_bytes) {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(frame) = frame else { break };
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => {
                length.note(&data);
                whole.add(data);
            }
            // Trailers, or an error: nothing more comes.
            Ok(Err(trailers)) => {
                end = Some(Ok(trailers));
                break;
            }
            Err(error) => {
                end = Some(Err(error));
                break;
            }
        }
    }
    let data = whole.bytes();
    let data = (!data.is_empty()).then(|| Ok(Frame::data(data)));
    Begun {
        pieces: VecDeque::from_iter(data.into_iter().chain(end)),
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
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use tonic::Status;

    use super::*;

    /// A body of these pieces, after which nothing comes and no end either.
    fn open(pieces: &'static [&'static [u8]]) -> Body {
        let pieces = stream::iter(pieces).map(|piece| Ok(Frame::data(Bytes::from_static(piece))));
        Body::new(StreamBody::new(
            pieces.chain(stream::pending::<Result<_, Status>>()),
        ))
    }

    #[tokio::test]
    async fn a_message_is_handed_on_when_it_is_there_or_will_be_refused() {
        const CASES: [(&[&[u8]], &[u8]); 5] = [
            (&[b"\0\0\0\0\x03abc"], b"\0\0\0\0\x03abc"),
            (&[b"\0\0\0", b"\0\x03a", b"", b"bc"], b"\0\0\0\0\x03abc"),
            (&[b"\0\0\0\0\0"], b"\0\0\0\0\0"),
            (&[b"\0\xff\xff\xff\xff"], b"\0\xff\xff\xff\xff"),
            (
                &[b"\0\0\0\0\x03abc and more", b"never read"],
                b"\0\0\0\0\x03abc and more",
            ),
        ];
        for (pieces, whole) in CASES {
            let mut gathered = gathered(open(pieces), 100).await;
            // However small its pieces were, it takes the room of one.
            assert_eq!(gathered.pieces.len(), 1, "{pieces:?}");
            let piece = gathered.pieces.pop_front().unwrap().unwrap();
            assert_eq!(piece.into_data().unwrap(), whole, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn what_ends_early_is_handed_on_as_it_is() {
        for body in [&b""[..], b"\0\0", b"\0\0\0\0\x09abc"] {
            let gathered = gathered(Body::new(Full::from(body)), 100).await;
            assert_eq!(gathered.collect().await.unwrap().to_bytes(), body);
        }
    }
}
