//! How a blocker changes: the part of an event that is about a blocker.

use std::{collections::BTreeMap, sync::Arc};

use super::{Content, Status};
use crate::{
    id::{BlockerNumber, MeetingNumber, NodeId, PolicyId, RequestId},
    time::Timestamp,
};

/// What caused a move; one cause moves a blocker at most once (E3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The close of a meeting.
    Meeting(MeetingNumber),
    /// A timer, by its due time.
    Timer(Timestamp),
    /// A call.
    Request(RequestId),
}

/// Kind of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// Up.
    Escalated,
    /// Down, with guidance.
    Returned,
    /// The tree changed around it.
    Reheld,
}

/// One change of holder, explained (E6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Kind.
    pub kind: MoveKind,
    /// Holder before.
    pub from: NodeId,
    /// Holder after.
    pub to: NodeId,
    /// What caused it.
    pub cause: Cause,
    /// Rule that fired; none if moved by hand or by a change of the tree.
    pub rule: Option<String>,
    /// Policy version of the rule; none as above.
    pub policy_version: Option<(PolicyId, i64)>,
    /// Facts that the rule's condition read, as CEL literals.
    pub facts: BTreeMap<String, String>,
    /// Reason or guidance given by hand; may be empty.
    pub reason: String,
    /// How late a timer fired, in microseconds.
    pub late_us: i64,
    /// When it moved.
    pub at: Timestamp,
    /// Revision of the commit; 0 until it is recorded.
    pub revision: i64,
}

/// Kind of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Raised.
    Raised,
    /// Content edited.
    Updated,
    /// Acknowledged.
    Acknowledged,
    /// The acknowledgement expired.
    AcknowledgementLapsed,
    /// Owned.
    Owned,
    /// Put on hold.
    Held,
    /// The hold ended.
    HoldEnded,
    /// Resolved.
    Resolved,
    /// Verified.
    Verified,
    /// Reopened, and why.
    Reopened(String),
    /// Withdrawn.
    Withdrawn,
    /// Merged.
    Merged,
    /// Changed its holder.
    Moved(Move),
    /// Survived a meeting, and why it stays.
    CarriedOver(String),
    /// Exhausted, and why.
    Exhausted(String),
    /// Commented on.
    Commented(String),
    /// Pinned to another policy version.
    Rebased,
    /// A rule requires an owner.
    OwnerRequired {
        /// Name of the rule.
        rule: String,
    },
    /// A rule notifies.
    Notified {
        /// Name of the rule.
        rule: String,
        /// Roles to tell.
        roles: Vec<String>,
        /// What to tell them.
        message: String,
    },
    /// A timed rule came due and did not act.
    RulePassed {
        /// Name of the rule.
        rule: String,
        /// Why not.
        reason: String,
    },
    /// Brought in from elsewhere, with what it was there.
    Imported,
}

/// A change of one blocker: what happened, and the blocker after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Number of the blocker.
    pub number: BlockerNumber,
    /// What happened.
    pub kind: ChangeKind,
    /// Content after it; set exactly by [`ChangeKind::Raised`], [`ChangeKind::Updated`] and [`ChangeKind::Imported`].
    pub content: Option<Arc<Content>>,
    /// Status after it.
    pub status: Status,
}
