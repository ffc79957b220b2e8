//! Events: everything that ever happened in an organization. Folding them gives its state (E9).

use crate::{
    blocker::Change,
    counters::Repair,
    id::{BlockerNumber, MeetingNumber, NodeId},
    meeting::{CheckIn, Meeting},
    node::Node,
    policy::{Policy, Version},
    profile::Profile,
    time::Timestamp,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Revision of the commit; without gaps.
    pub revision: i64,
    /// Position within the revision, from 0.
    pub index: i32,
    /// When.
    pub at: Timestamp,
    /// Who; none if the engine did, nobody was named, or anonymous.
    pub actor: Option<String>,
    /// The nodes it is about and all above them, as the tree was then, nearest first.
    pub nodes: Vec<NodeId>,
    /// What.
    pub payload: Payload,
}

/// What happened. Each payload holds all that is needed to fold it into the state before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// The organization was created.
    OrganizationCreated(Profile),
    /// The organization's name or settings changed.
    OrganizationUpdated(Profile),
    /// A node was created.
    NodeCreated(Node),
    /// A node's name, level or representatives changed.
    NodeUpdated(Node),
    /// A node got another parent.
    NodeMoved {
        /// The node after the move.
        node: Node,
        /// Its parent before.
        from: NodeId,
    },
    /// A node was archived.
    NodeArchived(Node),
    /// An archived node takes part again.
    NodeRestored(Node),
    /// A policy was created.
    PolicyCreated {
        /// The policy.
        policy: Policy,
        /// Its first version.
        version: Version,
    },
    /// A policy got a new version or name.
    PolicyUpdated {
        /// The policy after it.
        policy: Policy,
        /// Its newest version.
        version: Version,
    },
    /// A blocker changed.
    BlockerChanged(Box<Change>),
    /// A meeting was opened.
    MeetingOpened(Meeting),
    /// A check-in was submitted.
    CheckInSubmitted {
        /// The meeting.
        meeting: MeetingNumber,
        /// The answers.
        check_in: CheckIn,
    },
    /// A meeting was closed. Its check-ins are not repeated here.
    MeetingClosed(Meeting),
    /// The counters of nodes differed from a recount and were put right: each node once, by id. To a log that is folded
    /// from its beginning it changes nothing.
    CountersRepaired(Vec<Repair>),
}

impl Payload {
    /// The kind, as in tables and metrics: the name of the proto's payload field.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OrganizationCreated(_) => "organization_created",
            Self::OrganizationUpdated(_) => "organization_updated",
            Self::NodeCreated(_) => "node_created",
            Self::NodeUpdated(_) => "node_updated",
            Self::NodeMoved { .. } => "node_moved",
            Self::NodeArchived(_) => "node_archived",
            Self::NodeRestored(_) => "node_restored",
            Self::PolicyCreated { .. } => "policy_created",
            Self::PolicyUpdated { .. } => "policy_updated",
            Self::BlockerChanged(_) => "blocker_changed",
            Self::MeetingOpened(_) => "meeting_opened",
            Self::CheckInSubmitted { .. } => "check_in_submitted",
            Self::MeetingClosed(_) => "meeting_closed",
            Self::CountersRepaired(_) => "counters_repaired",
        }
    }

    /// The blocker it is about, if any.
    #[must_use]
    pub const fn blocker(&self) -> Option<BlockerNumber> {
        match self {
            Self::BlockerChanged(change) => Some(change.number),
            _ => None,
        }
    }
}
