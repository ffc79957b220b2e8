//! What one watcher saw of one history.

use super::Logged;

/// What one watcher saw of one history, from its first event on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Which watcher.
    pub watcher: String,
    /// Of which history.
    pub history: usize,
    /// Resource name of the node whose subtree it watches; empty: of all.
    pub subtree: String,
    /// Every event, in the order in which it came.
    pub events: Vec<Seen>,
    /// The revision up to which it was told that it has seen everything.
    pub reached: i64,
    /// The revision that it should have reached at least, because it was waited for; 0: none.
    pub due: i64,
    /// Every time that it opened a stream.
    pub openings: Vec<Opening>,
}

/// One event that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The event.
    pub event: Logged,
    /// With which message, counted over all streams.
    pub message: u64,
}

/// An attempt to open a stream with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The history that the token was given out in.
    pub token_of: usize,
    /// The history that it was shown in.
    pub shown_in: usize,
    /// Through which replica.
    pub replica: usize,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of showing a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The stream began.
    Accepted,
    /// It was refused, for a reason.
    Refused(String),
    /// Nobody knows.
    Lost,
}
