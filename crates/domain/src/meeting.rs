//! Meetings, check-ins and what becomes of blockers.

use crate::{
    blocker::{Move, Severity},
    id::{BlockerNumber, MeetingNumber, NodeId},
    time::Timestamp,
};

/// A node's guess that it may be blocking another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockingClaim {
    /// The node that may be blocked.
    pub node: NodeId,
    /// What about; may be empty.
    pub note: String,
}

/// One participant's answers to the five questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckIn {
    /// The node that answers.
    pub node: NodeId,
    /// What did your team accomplish since the last meeting?
    pub accomplished: String,
    /// What will it do before the next?
    pub planned: String,
    /// What blocks you?
    pub blockers: Vec<BlockerNumber>,
    /// What might you be blocking for others?
    pub may_block: Vec<BlockingClaim>,
    /// Which cross-team decisions need deeper discussion?
    pub decisions: Vec<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
}

/// What a meeting did to a blocker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FateKind {
    /// Closed between the open and the close of the meeting.
    Solved,
    /// Stays.
    CarriedOver,
    /// Moved up.
    Escalated,
    /// Moved down during the meeting.
    Returned,
    /// At the top, and nobody acted.
    Exhausted,
}

impl FateKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Solved,
        Self::CarriedOver,
        Self::Escalated,
        Self::Returned,
        Self::Exhausted,
    ];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::CarriedOver => "carried_over",
            Self::Escalated => "escalated",
            Self::Returned => "returned",
            Self::Exhausted => "exhausted",
        }
    }
}

/// What became of one blocker in one meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The blocker.
    pub blocker: BlockerNumber,
    /// Its title at the close.
    pub title: String,
    /// Its severity at the close.
    pub severity: Severity,
    /// What became of it.
    pub kind: FateKind,
    /// For people: why.
    pub reason: String,
    /// The move, if the close escalated it.
    pub moved: Option<Move>,
}

/// One occurrence of a node's meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Number.
    pub number: MeetingNumber,
    /// The node that meets.
    pub node: NodeId,
    /// What it is called.
    pub title: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed; none while open.
    pub closed_at: Option<Timestamp>,
    /// Answers, by node.
    pub check_ins: Vec<CheckIn>,
    /// What became of the blockers; empty while open.
    pub fates: Vec<Fate>,
    /// Blockers that left the node during the meeting (solved or returned), in order, while it is open.
    pub departed: Vec<BlockerNumber>,
}
