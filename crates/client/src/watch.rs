//! Streams that live longer than a connection: they reconnect and go on where they were.

mod event;
mod rollup;

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use tokio::time;
use tonic::Status;

pub use event::{EventWatch, Start};

use crate::{Error, RetryBudget, retry::Backoff};

/// What a watch tells.
#[derive(Debug)]
pub enum Update<M> {
    /// Something new.
    Message(M),
    /// The connection is lost. The watch goes on by itself after the wait; what is shown meanwhile may be stale.
    Lost {
        /// Why.
        error: Error,
        /// Wait before the next attempt.
        retry_in: Duration,
    },
    /// The connection is there again, and nothing was missed.
    Resumed,
}

/// A watch: it ends only with an error that another attempt would not cure.
pub type Updates<M> = Pin<Box<dyn Stream<Item = Result<Update<M>, Error>> + Send>>;

/// What can be watched over one connection at a time.
trait Source: Send + 'static {
    type Message: Send;

    /// Opens a stream where the last one ended.
    fn open(&mut self) -> impl Future<Output = Result<(), Status>> + Send;

    /// The next message; none if there is nothing to tell.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Message>, Status>> + Send;
}

fn updates<S: Source>(source: S, budget: RetryBudget) -> Updates<S::Message> {
    let watch = Watch {
        source,
        backoff: Backoff::new(budget),
        state: State::Closed,
    };
    Box::pin(stream::unfold(watch, |mut watch| async move {
        watch.next().await.map(|update| (update, watch))
    }))
}

struct Watch<S> {
    source: S,
    backoff: Backoff,
    state: State,
}

enum State {
    /// Nothing was tried yet.
    Closed,
    Open,
    Lost {
        retry_in: Duration,
    },
    Ended,
}

impl<S: Source> Watch<S> {
    async fn next(&mut self) -> Option<Result<Update<S::Message>, Error>> {
        loop {
            match self.state {
                State::Ended => return None,
                State::Closed => match self.source.open().await {
                    Ok(()) => self.state = State::Open,
                    Err(status) => return Some(self.lose(status)),
                },
                State::Lost { retry_in } => {
                    time::sleep(retry_in).await;
                    match self.source.open().await {
                        Ok(()) => {
                            self.state = State::Open;
                            return Some(Ok(Update::Resumed));
                        }
                        Err(status) => return Some(self.lose(status)),
                    }
                }
                State::Open => match self.source.next().await {
                    Ok(message) => {
                        self.backoff.reset();
                        if let Some(message) = message {
                            return Some(Ok(Update::Message(message)));
                        }
                    }
                    Err(status) => return Some(self.lose(status)),
                },
            }
        }
    }

    fn lose(&mut self, status: Status) -> Result<Update<S::Message>, Error> {
        let error = Error::from(status);
        if !error.is_retryable() {
            self.state = State::Ended;
            return Err(error);
        }
        let asked = error.failure().and_then(|failure| failure.retry_delay);
        let retry_in = self.backoff.next(asked);
        self.state = State::Lost { retry_in };
        Ok(Update::Lost { error, retry_in })
    }
}

/// Status of a stream that the server ended without one.
fn ended() -> Status {
    Status::unavailable("the server ended the stream")
}

#[cfg(test)]
mod tests;
