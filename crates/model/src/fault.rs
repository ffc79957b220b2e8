//! Ways to break the protocol, so that tests see that the properties can fail.

/// A step that is left out or done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A batch is written wherever the head is.
    BlindCommit,
    /// Callers are answered when a batch takes off.
    EarlyAnswer,
    /// First answers are neither stored nor looked up.
    NoRequestKey,
    /// A refusal is given without a look for the first answer.
    UnseenRefusal,
    /// A refusal is given without a look at the head where nothing is written that would prove it.
    StaleRefusal,
    /// After a lost race the head is locked, and everything is decided again on the state that was known before.
    NothingFollowed,
    /// What others wrote is folded in, and is missing in what watchers are given.
    GapInTheFeed,
    /// What is given to watchers is added when a batch takes off.
    EarlyFeed,
    /// One replica alone passes timers.
    OneTimekeeper,
}
