//! Commands: what a caller, or the engine, asks of an organization, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    blocker::Severity,
    check::Books,
    escalation::Rebased,
    id::{BlockerNumber, MeetingNumber, NodeId, PolicyId, RequestId},
    meeting::BlockingClaim,
    node::{Level, Representative},
    plan::{Declaration, Plan},
    policy::Rule,
    profile::SettingsPatch,
    time::Timestamp,
};

/// What surrounds a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Time of the commit; later than that of the newest event.
    pub now: Timestamp,
    /// Who asks; none if nobody was named.
    pub actor: Option<String>,
    /// Identifies the call (E3, E7).
    pub request: RequestId,
}

/// A blocker to raise, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlocker {
    /// The node that raises it.
    pub origin: NodeId,
    /// See [`crate::blocker::Content`].
    pub title: String,
    /// See [`crate::blocker::Content`].
    pub description: String,
    /// Default: medium.
    pub severity: Option<Severity>,
    /// See [`crate::blocker::Content`].
    pub category: String,
    /// Default: the origin.
    pub blocked_nodes: Vec<NodeId>,
    /// See [`crate::blocker::Content`].
    pub causing_nodes: Vec<NodeId>,
    /// See [`crate::blocker::Content`].
    pub due_at: Option<Timestamp>,
    /// See [`crate::blocker::Content`].
    pub labels: BTreeMap<String, String>,
    /// See [`crate::blocker::Content`].
    pub external_reference: String,
    /// See [`crate::blocker::Content`].
    pub dedupe_key: String,
}

/// New values for some of a blocker's content, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentPatch {
    /// See [`crate::blocker::Content`].
    pub title: Option<String>,
    /// See [`crate::blocker::Content`].
    pub description: Option<String>,
    /// See [`crate::blocker::Content`].
    pub severity: Option<Severity>,
    /// See [`crate::blocker::Content`].
    pub category: Option<String>,
    /// See [`crate::blocker::Content`]; the inner none takes the date away.
    pub due_at: Option<Option<Timestamp>>,
    /// See [`crate::blocker::Content`].
    pub labels: Option<BTreeMap<String, String>>,
    /// See [`crate::blocker::Content`].
    pub blocked_nodes: Option<Vec<NodeId>>,
    /// See [`crate::blocker::Content`].
    pub causing_nodes: Option<Vec<NodeId>>,
    /// See [`crate::blocker::Content`].
    pub external_reference: Option<String>,
}

/// A blocker named in a check-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedBlocker {
    /// One that is there already.
    Existing(BlockerNumber),
    /// One to raise.
    New(Box<NewBlocker>),
}

/// Answers to the five questions, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCheckIn {
    /// The node that answers.
    pub node: NodeId,
    /// See [`crate::meeting::CheckIn`].
    pub accomplished: String,
    /// See [`crate::meeting::CheckIn`].
    pub planned: String,
    /// What blocks you?
    pub blockers: Vec<NamedBlocker>,
    /// See [`crate::meeting::CheckIn`].
    pub may_block: Vec<BlockingClaim>,
    /// See [`crate::meeting::CheckIn`].
    pub decisions: Vec<String>,
}

/// What is asked of an organization. An `etag` is the expected revision of the entity's last change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the RPC of the same name, documented in the proto"
)]
pub enum Command {
    /// See the RPC of that name.
    CreateOrganization {
        display_name: String,
        settings: SettingsPatch,
        root: NodeId,
        root_level: Level,
    },
    /// See the RPC of that name.
    UpdateOrganization {
        display_name: Option<String>,
        settings: SettingsPatch,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    ApplyOrganization(Declaration),
    /// See the RPC of that name.
    CreateNode {
        id: NodeId,
        parent: NodeId,
        level: Level,
        display_name: Option<String>,
        representatives: Vec<Representative>,
    },
    /// See the RPC of that name.
    UpdateNode {
        id: NodeId,
        display_name: Option<String>,
        level: Option<Level>,
        representatives: Option<Vec<Representative>>,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    MoveNode {
        id: NodeId,
        new_parent: NodeId,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    ArchiveNode { id: NodeId, etag: Option<i64> },
    /// See the RPC of that name.
    RaiseBlocker {
        blocker: Box<NewBlocker>,
        anonymous: bool,
    },
    /// See the RPC of that name.
    UpdateBlocker {
        number: BlockerNumber,
        patch: Box<ContentPatch>,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    AcknowledgeBlocker {
        number: BlockerNumber,
        until: Option<Timestamp>,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    OwnBlocker {
        number: BlockerNumber,
        owner: String,
        committed_at: Option<Timestamp>,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    HoldBlocker {
        number: BlockerNumber,
        until: Timestamp,
        approver: String,
        reason: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    ResolveBlocker {
        number: BlockerNumber,
        resolution: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    VerifyBlocker {
        number: BlockerNumber,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    ReopenBlocker {
        number: BlockerNumber,
        reason: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    WithdrawBlocker {
        number: BlockerNumber,
        reason: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    MergeBlocker {
        number: BlockerNumber,
        into: BlockerNumber,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    EscalateBlocker {
        number: BlockerNumber,
        to: Option<NodeId>,
        reason: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    ReturnBlocker {
        number: BlockerNumber,
        to: Option<NodeId>,
        guidance: String,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    CommentOnBlocker { number: BlockerNumber, text: String },
    /// See the RPC of that name.
    OpenMeeting { node: NodeId, title: Option<String> },
    /// See the RPC of that name.
    SubmitCheckIn {
        meeting: MeetingNumber,
        check_in: NewCheckIn,
    },
    /// See the RPC of that name.
    CloseMeeting { number: MeetingNumber },
    /// See the RPC `CreateEscalationPolicy`.
    CreatePolicy {
        id: PolicyId,
        node: NodeId,
        display_name: Option<String>,
        rules: Vec<Rule>,
    },
    /// See the RPC `UpdateEscalationPolicy`.
    UpdatePolicy {
        id: PolicyId,
        display_name: Option<String>,
        rules: Option<Vec<Rule>>,
        etag: Option<i64>,
    },
    /// See the RPC of that name.
    RebasePolicy { id: PolicyId },
    /// Looks at the blockers whose timers are due, in due order, at most `limit` of them, and not at those that are set
    /// apart because they fail.
    PassTimers {
        limit: usize,
        apart: BTreeSet<BlockerNumber>,
    },
    /// Puts right the counters that differ from a recount, in memory or in the tables, of at most `limit` nodes. The
    /// books must be of the revision that it is decided at.
    RepairCounters { books: Box<Books>, limit: usize },
}

impl Command {
    /// The blockers that must be at hand to decide it.
    #[must_use]
    pub fn blockers(&self) -> Vec<BlockerNumber> {
        match self {
            Self::UpdateBlocker { number, .. }
            | Self::AcknowledgeBlocker { number, .. }
            | Self::OwnBlocker { number, .. }
            | Self::HoldBlocker { number, .. }
            | Self::ResolveBlocker { number, .. }
            | Self::VerifyBlocker { number, .. }
            | Self::ReopenBlocker { number, .. }
            | Self::WithdrawBlocker { number, .. }
            | Self::EscalateBlocker { number, .. }
            | Self::ReturnBlocker { number, .. }
            | Self::CommentOnBlocker { number, .. } => vec![*number],
            Self::MergeBlocker { number, into, .. } => vec![*number, *into],
            Self::SubmitCheckIn { check_in, .. } => check_in
                .blockers
                .iter()
                .filter_map(|named| match named {
                    NamedBlocker::Existing(number) => Some(*number),
                    NamedBlocker::New(_) => None,
                })
                .collect(),
            Self::CreateOrganization { .. }
            | Self::UpdateOrganization { .. }
            | Self::ApplyOrganization(_)
            | Self::CreateNode { .. }
            | Self::UpdateNode { .. }
            | Self::MoveNode { .. }
            | Self::ArchiveNode { .. }
            | Self::RaiseBlocker { .. }
            | Self::OpenMeeting { .. }
            | Self::CloseMeeting { .. }
            | Self::CreatePolicy { .. }
            | Self::UpdatePolicy { .. }
            | Self::RebasePolicy { .. }
            | Self::PassTimers { .. }
            | Self::RepairCounters { .. } => Vec::new(),
        }
    }

    /// The meeting that must be at hand to decide it.
    #[must_use]
    pub const fn meeting(&self) -> Option<MeetingNumber> {
        match self {
            Self::SubmitCheckIn { meeting, .. } => Some(*meeting),
            Self::CloseMeeting { number } => Some(*number),
            _ => None,
        }
    }
}

/// What came of a command; the state after it has the rest.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The organization was created or updated.
    Organization,
    /// The declaration was applied.
    Applied(Plan),
    /// A node was created or changed.
    Node {
        /// The node.
        id: NodeId,
        /// Blockers that changed their holder because of it.
        reheld: Vec<BlockerNumber>,
    },
    /// A blocker was raised or changed.
    Blocker {
        /// The blocker.
        number: BlockerNumber,
        /// True if a raise found an open blocker with the same dedupe key.
        duplicate: bool,
    },
    /// A meeting was opened or closed.
    Meeting {
        /// The meeting.
        number: MeetingNumber,
    },
    /// A check-in was submitted.
    CheckedIn {
        /// The meeting.
        meeting: MeetingNumber,
        /// The node that answered.
        node: NodeId,
        /// Blockers raised by it.
        raised: Vec<BlockerNumber>,
    },
    /// A policy was created or updated.
    Policy {
        /// The policy.
        id: PolicyId,
    },
    /// Blockers were pinned to the newest version.
    Rebased {
        /// The policy.
        policy: PolicyId,
        /// Its newest version.
        version: i64,
        /// What happened to each.
        blockers: Vec<Rebased>,
    },
    /// Due timers were looked at.
    TimersPassed {
        /// How many blockers were looked at.
        passed: usize,
        /// True if more are due.
        remaining: bool,
    },
    /// Counters were held against a recount.
    CountersRepaired {
        /// How many nodes were put right.
        nodes: usize,
        /// True if more differ.
        remaining: bool,
    },
}
