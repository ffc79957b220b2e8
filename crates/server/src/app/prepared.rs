//! Messages whose bytes are prepared once and sent many times.

use prost::{
    Message,
    bytes::{BufMut, Bytes},
};

/// An encoded message, in parts of which the large one may be shared.
#[derive(Clone, Debug)]
pub struct Prepared {
    parts: [Bytes; 3],
}

impl Prepared {
    /// A message that is these parts, one after the other.
    #[must_use]
    pub const fn new(parts: [Bytes; 3]) -> Self {
        Self { parts }
    }

    /// A message, encoded now.
    #[must_use]
    pub fn of(message: &impl Message) -> Self {
        Self::new([message.encode_to_vec().into(), Bytes::new(), Bytes::new()])
    }

    /// Writes the message out.
    pub fn put(&self, buffer: &mut impl BufMut) {
        for part in &self.parts {
            buffer.put_slice(part);
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// True if there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
