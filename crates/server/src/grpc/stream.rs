//! Streams that end with a reason. What waits for a slow reader is bounded: it is cut off, and resumes where it was.

use std::time::Duration;

use echelon_api::{convert::error, v1::ErrorReason};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

/// Messages that may wait for a reader.
const WAITING_MAX: usize = 4;
/// How long a reader may let a message wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of answers.
pub(super) type Answers<T> = ReceiverStream<Result<T, Status>>;

/// The writing end of a stream.
pub(super) struct Outlet<T> {
    messages: mpsc::Sender<Result<T, Status>>,
    /// Kept free for the reason of the end.
    last: mpsc::OwnedPermit<Result<T, Status>>,
}

/// That nobody reads any more, or too slowly.
pub(super) enum Refused {
    /// The reader went away.
    Gone,
    /// The reader let a message wait for too long.
    Slow,
}

impl<T: Send + 'static> Outlet<T> {
    /// A stream, and its writing end. Errors: a status that cannot occur, since the channel is new and open.
    pub(super) fn new() -> Result<(Self, Answers<T>), Status> {
        let (messages, reader) = mpsc::channel(WAITING_MAX + 1);
        let last = messages.clone().try_reserve_owned().map_err(|_| {
            error::plain(
                Code::Internal,
                ErrorReason::Internal,
                "cannot open a stream",
            )
        })?;
        Ok((Self { messages, last }, ReceiverStream::new(reader)))
    }

    /// Sends a message, waiting for the reader for as long as it may take.
    pub(super) async fn send(&self, message: T) -> Result<(), Refused> {
        match tokio::time::timeout(PATIENCE, self.messages.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Refused::Gone),
            Err(_) => Err(Refused::Slow),
        }
    }

    /// Waits until the reader has gone away.
    pub(super) async fn gone(&self) {
        self.messages.closed().await;
    }

    /// Ends the stream with a reason.
    pub(super) fn end(self, reason: Status) {
        self.last.send(Err(reason));
    }
}

/// The end of a stream because the server shuts down.
pub(super) fn shutting_down() -> Status {
    unavailable(
        "the server is shutting down: resume on another one, or when it is back",
        None,
    )
}

/// The end of a stream because its reader is too slow, with the token to resume with if there is one.
pub(super) fn too_slow(resume_token: Option<&str>) -> Status {
    unavailable(
        "the stream was read too slowly: resume with the token of the last message",
        resume_token,
    )
}

/// The refusal of a watch for which there is no room.
pub(super) fn too_many() -> Status {
    error::plain(
        Code::ResourceExhausted,
        ErrorReason::TooManyWatches,
        "the server has as many watches open as max_watches allows: watch through another server, close watches that \
         nobody reads, or raise the setting",
    )
}

fn unavailable(message: &str, resume_token: Option<&str>) -> Status {
    let facts = resume_token.map(|token| ("resume_token", token));
    error::told(Code::Unavailable, ErrorReason::Unavailable, message, facts)
}
