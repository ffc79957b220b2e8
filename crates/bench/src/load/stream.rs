//! A stream of replies.

use bytes::{Buf as _, Bytes, BytesMut};
use h2::RecvStream;

use super::connection::{Failure, PREFIX, finish, release};

/// Replies that come one after the other. What is not read makes the server wait.
pub struct Stream {
    body: RecvStream,
    pending: BytesMut,
}

impl Stream {
    pub(super) fn new(body: RecvStream) -> Self {
        Self {
            body,
            pending: BytesMut::new(),
        }
    }

    /// The next message; none at the end with status OK.
    ///
    /// # Errors
    /// [`Failure`] with the status that ended it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            match self.body.data().await {
                Some(chunk) => {
                    let chunk = chunk.map_err(Failure::stream)?;
                    release(&mut self.body, chunk.len())?;
                    self.pending.extend_from_slice(&chunk);
                }
                None => {
                    let trailers = self.body.trailers().await.map_err(Failure::stream)?;
                    finish(trailers.as_ref())?;
                    return Ok(None);
                }
            }
        }
    }

    /// A message that has come in whole.
    fn take(&mut self) -> Option<Bytes> {
        let length = self.pending.get(1..PREFIX)?.try_into().ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        if self.pending.len() < PREFIX + length {
            return None;
        }
        self.pending.advance(PREFIX);
        Some(self.pending.split_to(length).freeze())
    }
}
