//! What a batch of decisions changes, found from its events.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use echelon_domain::{
    BlockerNumber, MeetingNumber, NodeId, Organization, PolicyId, Timestamp,
    blocker::Blocker,
    counters::Counters,
    event::{Event, Payload},
    meeting::Meeting,
    node::Node,
    policy::{CompiledVersion, Policy},
    profile::Profile,
};

use crate::{event::EventRow, request::StoredRequest};

/// What is to be written: the rows that changed between two states, and what the app adds.
#[derive(Clone, Debug)]
pub struct Changes {
    pub(crate) base_revision: i64,
    pub(crate) head: Option<HeadChange>,
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) versions: Vec<Arc<CompiledVersion>>,
    pub(crate) blockers: Vec<BlockerChange>,
    pub(crate) meetings: Vec<Arc<Meeting>>,
    /// Of the nodes that count something else than before.
    pub(crate) counters: Vec<(NodeId, Counters)>,
    /// The events, encoded.
    pub events: Vec<EventRow>,
    /// Answers to keep for retries.
    pub requests: Vec<StoredRequest>,
}

/// The head after the changes.
#[derive(Clone, Debug)]
pub(crate) struct HeadChange {
    pub(crate) profile: Arc<Profile>,
    /// False if the profile is as it was.
    pub(crate) profile_changed: bool,
    pub(crate) revision: i64,
    pub(crate) time: Timestamp,
    pub(crate) next_blocker: BlockerNumber,
    pub(crate) next_meeting: MeetingNumber,
}

/// A blocker after the changes.
#[derive(Clone, Debug)]
pub(crate) struct BlockerChange {
    pub(crate) blocker: Arc<Blocker>,
    pub(crate) extent: Extent,
}

/// How much of a blocker changed: what need not be written, and above all what indexes need not be touched, is cheap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// What the engine knows; what people wrote stayed as it was.
    Status,
    /// Anything.
    Content,
    /// It was not there before.
    New,
}

impl BlockerChange {
    fn since(base: &Organization, blocker: &Arc<Blocker>) -> Self {
        let extent = match base.blocker(blocker.number) {
            Err(_) => Extent::New,
            Ok(before) if before.content == blocker.content => Extent::Status,
            Ok(_) => Extent::Content,
        };
        Self {
            blocker: blocker.clone(),
            extent,
        }
    }
}

/// What the events name.
#[derive(Default)]
struct Touched<'a> {
    nodes: BTreeSet<&'a NodeId>,
    policies: BTreeSet<&'a PolicyId>,
    versions: BTreeSet<(&'a PolicyId, i64)>,
    blockers: BTreeSet<BlockerNumber>,
    meetings: BTreeSet<MeetingNumber>,
    /// The nodes that the events are about and all above them.
    paths: HashSet<&'a NodeId>,
    /// Nodes whose counters were put right.
    repaired: BTreeSet<&'a NodeId>,
    /// Nodes that were there and changed, and with them maybe the counters of all below: where what they raised is held
    /// looks different from there.
    subtrees: BTreeSet<&'a NodeId>,
}

impl<'a> Touched<'a> {
    fn by(events: &'a [Event]) -> Self {
        let mut touched = Self::default();
        for event in events {
            touched.paths.extend(&event.nodes);
            match &event.payload {
                // Part of the head.
                Payload::OrganizationCreated(_) | Payload::OrganizationUpdated(_) => {}
                Payload::NodeCreated(node) => {
                    touched.nodes.insert(&node.id);
                }
                Payload::NodeUpdated(node)
                | Payload::NodeMoved { node, from: _ }
                | Payload::NodeArchived(node)
                | Payload::NodeRestored(node) => {
                    touched.nodes.insert(&node.id);
                    touched.subtrees.insert(&node.id);
                }
                Payload::PolicyCreated { policy, version }
                | Payload::PolicyUpdated { policy, version } => {
                    touched.policies.insert(&policy.id);
                    touched.versions.insert((&version.policy, version.number));
                }
                Payload::BlockerChanged(change) => {
                    touched.blockers.insert(change.number);
                }
                Payload::MeetingOpened(meeting) | Payload::MeetingClosed(meeting) => {
                    touched.meetings.insert(meeting.number);
                }
                Payload::CheckInSubmitted {
                    meeting,
                    check_in: _,
                } => {
                    touched.meetings.insert(*meeting);
                }
                Payload::CountersRepaired(repaired) => {
                    touched
                        .repaired
                        .extend(repaired.iter().map(|repair| &repair.node));
                }
            }
        }
        touched
    }
}

impl Changes {
    /// What leads from one state to the next, by the events between them; without the events and answers themselves.
    #[must_use]
    pub fn between(base: &Organization, next: &Organization, events: &[Event]) -> Self {
        let mut touched = Touched::by(events);
        if !touched.blockers.is_empty() {
            // A blocker that leaves its holder is remembered by the open meeting there.
            let meetings = touched.paths.iter();
            let meetings = meetings.filter_map(|node| next.open_meeting_of(node));
            touched
                .meetings
                .extend(meetings.map(|meeting| meeting.number));
        }
        let counters = counters(base, next, &touched);
        let versions = touched.versions.into_iter();
        Self {
            base_revision: base.revision(),
            head: head(base, next),
            nodes: touched
                .nodes
                .iter()
                .filter_map(|id| next.tree().get(id).cloned())
                .collect(),
            policies: touched
                .policies
                .iter()
                .filter_map(|id| next.policy(id).ok().cloned())
                .collect(),
            versions: versions
                .filter(|(id, number)| base.version(id, *number).is_err())
                .filter_map(|(id, number)| next.version(id, number).ok().cloned())
                .collect(),
            blockers: touched
                .blockers
                .iter()
                .filter_map(|number| next.blocker(*number).ok())
                .map(|blocker| BlockerChange::since(base, blocker))
                .collect(),
            meetings: touched
                .meetings
                .iter()
                .filter_map(|number| next.meeting(*number).ok())
                .filter(|meeting| base.meeting(meeting.number).ok() != Some(meeting))
                .cloned()
                .collect(),
            counters,
            events: Vec::new(),
            requests: Vec::new(),
        }
    }
}

fn head(base: &Organization, next: &Organization) -> Option<HeadChange> {
    if next.revision() == base.revision() {
        return None;
    }
    let profile = next.profile().ok()?.clone();
    let before = base.profile().ok();
    Some(HeadChange {
        profile_changed: before.is_none_or(|before| !Arc::ptr_eq(before, &profile)),
        profile,
        revision: next.revision(),
        time: next.time(),
        next_blocker: next.next_blocker(),
        next_meeting: next.next_meeting(),
    })
}

fn counters(
    base: &Organization,
    next: &Organization,
    touched: &Touched<'_>,
) -> Vec<(NodeId, Counters)> {
    let around = touched.subtrees.iter();
    let around = around.flat_map(|top| next.tree().whole_subtree(top));
    let mut nodes: BTreeSet<NodeId> = around.collect();
    nodes.extend(touched.paths.iter().copied().cloned());
    nodes.extend(touched.repaired.iter().copied().cloned());
    nodes
        .into_iter()
        .filter_map(|node| {
            let counters = next.counters(&node);
            // What is stored of those that are put right is wrong, whatever this state says that it was.
            let changed = counters != base.counters(&node) || touched.repaired.contains(&node);
            changed.then_some((node, counters))
        })
        .collect()
}
