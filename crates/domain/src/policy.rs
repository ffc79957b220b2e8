//! Escalation policies: ordered rules, attached to a node and valid for its subtree until a nearer policy replaces them.

mod check;
mod compiled;
pub mod condition;
pub mod default;
pub mod fact;

use std::time::Duration;

pub use check::check_rules;
pub use compiled::{CompiledVersion, Verdict};

use crate::{
    id::{NodeId, PolicyId},
    node::Level,
    time::Timestamp,
};

/// What a duration is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockBase {
    /// The last real progress, or the arrival at this level.
    Progress,
    /// When the blocker was raised, or reopened.
    Raised,
    /// The arrival at this level.
    LevelEntered,
    /// The owner's committed date; no timer without one.
    CommitTime,
    /// The due date; no timer without one.
    DueTime,
}

impl ClockBase {
    /// Every base.
    pub const ALL: [Self; 5] = [
        Self::Progress,
        Self::Raised,
        Self::LevelEntered,
        Self::CommitTime,
        Self::DueTime,
    ];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Raised => "raised",
            Self::LevelEntered => "level_entered",
            Self::CommitTime => "commit_time",
            Self::DueTime => "due_time",
        }
    }
}

/// What makes a rule look at a blocker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The blocker was raised at, or came to, this level.
    Raised,
    /// A meeting of the holder closed and did not solve it.
    MeetingClosed,
    /// A span of time on the wall clock passed. Business hours will be another clock here.
    After {
        /// How long.
        duration: Duration,
        /// Since when.
        since: ClockBase,
    },
    /// The content was edited.
    Changed,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Moves the blocker to the holder's parent.
    EscalateToParent,
    /// Moves it to the nearest ancestor of the holder with this level label.
    EscalateToLevel(Level),
    /// Moves it to the nearest common ancestor of blocked and causing nodes if that is above the holder, otherwise
    /// to the parent.
    EscalateToCommonAncestor,
    /// Moves it to the root.
    EscalateToRoot,
    /// Puts it on the holder's attention list until somebody owns it.
    RequireOwner,
    /// Records a notification.
    Notify {
        /// Roles to tell.
        roles: Vec<String>,
        /// What to tell them.
        message: String,
    },
}

impl Action {
    /// True if it changes the holder.
    #[must_use]
    pub const fn moves(&self) -> bool {
        match self {
            Self::EscalateToParent
            | Self::EscalateToLevel(_)
            | Self::EscalateToCommonAncestor
            | Self::EscalateToRoot => true,
            Self::RequireOwner | Self::Notify { .. } => false,
        }
    }
}

/// What a timed rule does if it fires more than [`crate::escalation::LATE_AFTER`] late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Acts all the same.
    Fire,
    /// Does not act until real progress restarts its clock.
    Skip,
    /// Starts its duration anew.
    Restart,
}

impl Late {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Fire, Self::Skip, Self::Restart];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Skip => "skip",
            Self::Restart => "restart",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name, unique in the policy.
    pub name: String,
    /// Condition in CEL; empty: always.
    pub when: String,
    /// What makes it look.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
    /// What to do when late.
    pub late: Late,
}

/// One immutable version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Policy it belongs to.
    pub policy: PolicyId,
    /// Number, from 1.
    pub number: i64,
    /// Rules, in order.
    pub rules: Vec<Rule>,
    /// Who made it; none if unknown.
    pub author: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Id.
    pub id: PolicyId,
    /// Node it is attached to; immutable.
    pub node: NodeId,
    /// Name for people.
    pub display_name: String,
    /// Number of the newest version.
    pub latest: i64,
    /// Revision of its last change; its etag.
    pub revision: i64,
}
