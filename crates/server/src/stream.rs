//! Event streams: the logs of whole organizations in a file, to move them between databases or to bring them in from
//! elsewhere. `stream.proto` is the format.

mod export;
mod fold;
mod frame;
mod import;

pub use export::{ExportError, Exported, export};
pub use frame::{FrameError, FrameReader, Record, write_event, write_header, write_trailer};
pub use import::{ImportError, Imported, import};

use std::hash::Hasher as _;

/// Version of the format that is written and read.
pub const FORMAT: i32 = 1;

/// How far an export or an import has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The organization at work.
    pub organization: String,
    /// Events of it so far.
    pub events: u64,
    /// How many it has; 0 if the stream does not say.
    pub total: u64,
}

/// What is told while it goes on; from any thread.
pub type OnProgress = Box<dyn FnMut(&Progress) + Send>;

/// The checksum of a trailer: FNV-1a over the bytes of all events.
#[derive(Default)]
pub(crate) struct Checksum(fnv::FnvHasher);

impl Checksum {
    pub(crate) fn add(&mut self, event: &[u8]) {
        self.0.write(event);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.finish()
    }
}
