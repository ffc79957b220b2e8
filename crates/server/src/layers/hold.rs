//! Answers that nobody reads. HTTP/2 lets a peer ask a thousand times on one connection, and read nothing of what it is
//! answered, for as long as it likes. So what waits for readers is limited: large answers by their bytes, in all, and
//! each, like a stream, by how long its reader may leave it.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body as _, Frame};
use prost::bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, body::Body};

use super::{Layers, Request, Response, method::Method, status};

/// Smaller answers are handed to the connection as they are.
const LARGE: usize = 64 * 1024;
/// Larger ones go piece by piece, as the reader takes them.
const PIECE: usize = 32 * 1024;
/// How long a reader may leave a piece.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most KiB of large answers that wait for readers.
pub(super) const UNREAD_KIB_MAX: usize = 256 * 1024;
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn hold<F: Future<Output = Response>>(
    layers: &Layers,
    method: &Method,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let (head, mut body) = next(request).await.into_parts();
    if body.is_end_stream() {
        return Response::from_parts(head, body);
    }
    let mut pieces = VecDeque::new();
    let mut room = None;
    if !method.streams {
        // It is encoded already, so this waits for nothing.
        let first = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let size = first.as_ref().map_or(0, size);
        pieces.extend(first);
        if size <= LARGE {
            let body = Body::new(Begun { pieces, rest: body });
            return Response::from_parts(head, body);
        }
        let kib = u32::try_from(size / 1024).unwrap_or(u32::MAX);
        let Ok(permit) = layers.unread.clone().try_acquire_many_owned(kib) else {
            return status::answer(status::busy(
                "too many answers wait for their readers: retry later, or ask for a smaller page",
                RETRY_AFTER,
            ));
        };
        room = Some(permit);
        pieces = cut(pieces);
    }
    let held = Held::new(Begun { pieces, rest: body }, room, PATIENCE);
    Response::from_parts(head, Body::new(held))
}

type Piece = Result<Frame<Bytes>, Status>;

fn size(piece: &Piece) -> usize {
    let data = piece.as_ref().ok().and_then(Frame::data_ref);
    data.map_or(0, Bytes::len)
}

fn cut(pieces: VecDeque<Piece>) -> VecDeque<Piece> {
    let mut cut = VecDeque::new();
    for piece in pieces {
        match piece.map(Frame::into_data) {
            Ok(Ok(mut data)) => {
                while data.len() > PIECE {
                    cut.push_back(Ok(Frame::data(data.split_to(PIECE))));
                }
                cut.push_back(Ok(Frame::data(data)));
            }
            Ok(Err(other)) => cut.push_back(Ok(other)),
            Err(error) => cut.push_back(Err(error)),
        }
    }
    cut
}

/// A body whose first pieces are there already.
pub(super) struct Begun {
    pub(super) pieces: VecDeque<Piece>,
    pub(super) rest: Body,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.rest.is_end_stream()
    }
}

/// A body that is let go of when its reader leaves it for too long.
struct Held(Arc<Mutex<Inside>>);

struct Inside {
    /// None once it was let go of.
    body: Option<Begun>,
    /// How often the connection has asked for a piece.
    asked: u64,
    /// True while the connection has what it asked for, and asks no more: the reader has no room.
    waits_for_reader: bool,
    room: Option<OwnedSemaphorePermit>,
}

impl Held {
    fn new(body: Begun, room: Option<OwnedSemaphorePermit>, patience: Duration) -> Self {
        let inside = Arc::new(Mutex::new(Inside {
            body: Some(body),
            asked: 0,
            waits_for_reader: true,
            room,
        }));
        tokio::spawn(let_go(Arc::downgrade(&inside), patience));
        Self(inside)
    }
}

/// Lets go of a body that nobody has asked of for `patience` though it has something to give.
async fn let_go(inside: Weak<Mutex<Inside>>, patience: Duration) {
    let mut before = None;
    loop {
        let Some(inside) = inside.upgrade() else {
            return;
        };
        {
            let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
            let now = inside.waits_for_reader.then_some(inside.asked);
            if now.is_some() && now == before {
                inside.body = None;
                inside.room = None;
                return;
            }
            before = now;
        }
        drop(inside);
        tokio::time::sleep(patience).await;
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.asked += 1;
        let Some(body) = &mut inside.body else {
            let gone = Status::unavailable("the answer was read too slowly");
            return Poll::Ready(Some(Err(gone)));
        };
        let piece = Pin::new(body).poll_frame(context);
        inside.waits_for_reader = piece.is_ready();
        piece
    }

    fn is_end_stream(&self) -> bool {
        let inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.body.as_ref().is_some_and(Begun::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    fn begun(data: &[u8], rest: Body) -> Begun {
        let whole = VecDeque::from([Ok(Frame::data(Bytes::copy_from_slice(data)))]);
        Begun {
            pieces: cut(whole),
            rest,
        }
    }

    #[tokio::test]
    async fn what_is_cut_into_pieces_is_the_same() {
        let data: Vec<u8> = (0..=255).cycle().take(3 * PIECE + 7).collect();
        let held = Held::new(begun(&data, Body::empty()), None, SHORT);
        assert_eq!(held.collect().await.unwrap().to_bytes(), data);
    }

    #[tokio::test]
    async fn what_is_not_read_is_let_go_of() {
        let held = Held::new(begun(&[7; PIECE * 2], Body::empty()), None, SHORT);
        let inside = held.0.clone();
        while inside.lock().unwrap().body.is_some() {
            tokio::task::yield_now().await;
        }
        assert!(held.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_stream_with_nothing_to_say_is_kept() {
        let silent = StreamBody::new(futures_util::stream::pending::<Piece>());
        let mut held = Held::new(begun(b"first", Body::new(silent)), None, SHORT);
        assert!(held.frame().await.is_some());
        let more = tokio::time::timeout(SHORT * 5, held.frame()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
