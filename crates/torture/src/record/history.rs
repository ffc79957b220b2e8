//! Event logs, one for each history: a restore begins a new one.

use std::hash::Hasher as _;

use echelon_api::v1;
use fnv::FnvHasher;
use prost::Message as _;

/// One history, with the whole log that it ended with.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Its events from the first on. Those up to `since` are of the history before.
    pub log: Vec<v1::Event>,
    /// The revision that it was restored at; 0 for the first history.
    pub since: i64,
    /// When it ended, in microseconds of the servers' clock.
    pub ended_us: i64,
}

/// One event, by its place and the fingerprint of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its revision.
    pub revision: i64,
    /// Its place in the revision.
    pub index: i32,
    /// Of its bytes.
    pub fingerprint: u64,
}

impl From<&v1::Event> for Logged {
    fn from(event: &v1::Event) -> Self {
        Self {
            revision: event.revision,
            index: event.index,
            fingerprint: fingerprint(&event.encode_to_vec()),
        }
    }
}

/// A number that differs for different bytes, as good as surely.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}
