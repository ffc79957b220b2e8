//! Blockers: what stops somebody now. The content is what people wrote; the status is what the engine knows.

mod change;
pub mod check;
mod few;
mod labels;
mod mark;

use std::sync::Arc;

pub use change::{Cause, Change, ChangeKind, Move, MoveKind};
pub use few::Few;
pub use labels::Labels;
pub use mark::{MarkKind, Marks, RuleMark};

use crate::{
    id::{BlockerNumber, NodeId, PolicyId},
    text::Text,
    time::Timestamp,
};

/// How bad a blocker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A nuisance.
    Low,
    /// Work slows down.
    Medium,
    /// A team's work stops, or a date is at risk.
    High,
    /// Several teams or a release stop.
    Critical,
}

impl Severity {
    /// Every severity, from least to worst.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its place among the severities, from 1 for the least: so that lists and tables sort.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// The name, as in conditions and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// Where a blocker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Open; nobody has said anything yet.
    Raised,
    /// Open; the holder has seen it.
    Acknowledged,
    /// Open; somebody acts on it.
    Owned,
    /// Open; paused with an end.
    OnHold,
    /// Closed; not verified yet.
    Resolved,
    /// Closed; the origin is unblocked.
    Verified,
    /// Closed; taken back.
    Withdrawn,
    /// Closed; part of the blocker that is its cause.
    Merged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Raised,
        Self::Acknowledged,
        Self::Owned,
        Self::OnHold,
        Self::Resolved,
        Self::Verified,
        Self::Withdrawn,
        Self::Merged,
    ];

    /// True while the blocker is unresolved.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Raised | Self::Acknowledged | Self::Owned | Self::OnHold
        )
    }

    /// The name, as in conditions and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "RAISED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Owned => "OWNED",
            Self::OnHold => "ON_HOLD",
            Self::Resolved => "RESOLVED",
            Self::Verified => "VERIFIED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Merged => "MERGED",
        }
    }
}

/// What the escalation engine is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EscalationState {
    /// Nothing: the blocker is closed.
    Closed,
    /// A rule's timer, at `Status::timer_at`.
    Armed,
    /// The next close of the holder's meeting.
    WaitingForMeeting,
    /// The end of an acknowledgement or a hold, at `Status::timer_at`.
    Paused,
    /// Nothing: no rule can move it any more, and nobody acted. A visible alarm.
    Exhausted,
}

impl EscalationState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Closed,
        Self::Armed,
        Self::WaitingForMeeting,
        Self::Paused,
        Self::Exhausted,
    ];

    /// The name, as in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Armed => "ARMED",
            Self::WaitingForMeeting => "WAITING_FOR_MEETING",
            Self::Paused => "PAUSED",
            Self::Exhausted => "EXHAUSTED",
        }
    }
}

/// How a blocker came to its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was raised there.
    Raised,
    /// It came up from below.
    Escalated,
    /// It came back from above.
    Returned,
    /// The tree changed around it.
    Reheld,
    /// It was reopened there.
    Reopened,
}

impl Arrival {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::Raised,
        Self::Escalated,
        Self::Returned,
        Self::Reheld,
        Self::Reopened,
    ];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Returned => "returned",
            Self::Reheld => "reheld",
            Self::Reopened => "reopened",
        }
    }
}

/// What people wrote about a blocker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The node that raised it; immutable.
    pub origin: NodeId,
    /// What is wrong, in one line.
    pub title: Text,
    /// Details; may be empty.
    pub description: Text,
    /// How bad it is.
    pub severity: Severity,
    /// Kind of blocker; may be empty.
    pub category: Text,
    /// Nodes that it blocks; at least the origin.
    pub blocked_nodes: Box<[NodeId]>,
    /// Nodes that cause it.
    pub causing_nodes: Few<NodeId>,
    /// When it must be solved.
    pub due_at: Option<Timestamp>,
    /// Free labels.
    pub labels: Labels,
    /// Address in a tracker; may be empty.
    pub external_reference: Text,
    /// Unique among the open blockers of the organization; may be empty.
    pub dedupe_key: Text,
    /// Who raised it; none if anonymous or unknown.
    pub reporter: Option<Text>,
    /// When it was first raised.
    pub raised_at: Timestamp,
}

/// What the engine knows about a blocker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where it is in its life.
    pub state: State,
    /// What the escalation engine is waiting for.
    pub escalation: EscalationState,
    /// The one node that must act on it now (E1).
    pub holder: NodeId,
    /// How it came to its holder.
    pub arrival: Arrival,
    /// 1, plus 1 for every reopening.
    pub episode: i32,
    /// When this episode began.
    pub episode_at: Timestamp,
    /// Who acts on it.
    pub owner: Option<Text>,
    /// By when the owner commits to solve it.
    pub committed_at: Option<Timestamp>,
    /// When the acknowledgement expires; set exactly in [`State::Acknowledged`].
    pub acknowledged_until: Option<Timestamp>,
    /// When the hold ends; set exactly in [`State::OnHold`].
    pub held_until: Option<Timestamp>,
    /// Who approved the hold; set exactly in [`State::OnHold`].
    pub hold_approver: Option<Text>,
    /// What solved it, or why it was withdrawn or held; may be empty.
    pub resolution: Text,
    /// The blocker it was merged into.
    pub merged_into: Option<BlockerNumber>,
    /// Guidance of the last return; may be empty.
    pub guidance: Text,
    /// Escalations in this episode.
    pub escalations: i32,
    /// Meetings of the present holder survived.
    pub meetings_survived: i32,
    /// Pinned policy.
    pub policy: PolicyId,
    /// Pinned version, in force when it entered its present level.
    pub policy_version: i64,
    /// When it came to its present holder.
    pub level_entered_at: Timestamp,
    /// When real progress was last made; at least `level_entered_at`.
    pub progressed_at: Timestamp,
    /// When it was closed; set exactly while closed.
    pub closed_at: Option<Timestamp>,
    /// When the engine must look at it next.
    pub timer_at: Option<Timestamp>,
    /// True if a rule requires an owner and there is none.
    pub owner_required: bool,
    /// Rules that are spent since real progress was last made.
    pub marks: Marks,
}

/// What stops somebody now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Number.
    pub number: BlockerNumber,
    /// What people wrote; shared, since most changes leave it as it is.
    pub content: Arc<Content>,
    /// What the engine knows.
    pub status: Status,
    /// Revision of its last change; its etag.
    pub revision: i64,
}

impl Blocker {
    /// True while it is unresolved.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.state.is_open()
    }

    /// True while it is open, or solved and not verified: what the service keeps at hand.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_open() || self.status.state == State::Resolved
    }

    /// True if it is owned, with a committed date that has not passed.
    #[must_use]
    pub fn is_on_track(&self, now: Timestamp) -> bool {
        self.status.owner.is_some() && self.status.committed_at.is_some_and(|at| at > now)
    }

    /// The nearer of due and committed date.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match (self.content.due_at, self.status.committed_at) {
            (Some(due), Some(committed)) => Some(due.min(committed)),
            (due, committed) => due.or(committed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service keeps a hundred thousand of these at hand. Whoever adds a field pays for each of them: a text, an id or
    /// an instant is 8 bytes, also where it is optional, and the allocator rounds up to the next of 128, 160, 192 and 224.
    #[test]
    fn a_blocker_takes_little_room() {
        const COUNTS: usize = 2 * size_of::<usize>();
        assert!(COUNTS + size_of::<Content>() <= 128);
        assert!(COUNTS + size_of::<Blocker>() <= 192);
    }
}
