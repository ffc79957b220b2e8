//! Folding one event into the state.

use std::sync::Arc;

use super::Organization;
use crate::{
    aging::Stage,
    blocker::{Blocker, Change, ChangeKind, Move, MoveKind},
    counters::{Counters, HeldAt, Repair},
    error::Error,
    event::{Event, Payload},
    id::{BlockerNumber, NodeId},
    meeting::Meeting,
    node::Node,
    profile::Profile,
    tree::Tree,
};

impl Organization {
    /// Folds one event into the state. Revisions, and the times of creation and change, are the event's: those inside
    /// a payload do not count. Errors: [`Error::Internal`] if the event cannot follow this state.
    pub fn apply(&mut self, event: &Event) -> Result<(), Error> {
        let expected = if event.index == 0 {
            self.revision + 1
        } else {
            self.revision
        };
        if event.revision != expected {
            return Err(Error::internal(format!(
                "event {}/{} cannot follow revision {}",
                event.revision, event.index, self.revision
            )));
        }
        self.revision = event.revision;
        self.time = event.at;
        match &event.payload {
            Payload::OrganizationCreated(profile) | Payload::OrganizationUpdated(profile) => {
                let created_at = self
                    .profile
                    .as_ref()
                    .map_or(event.at, |before| before.created_at);
                let before = self.settings();
                self.profile = Some(Arc::new(Profile {
                    created_at,
                    updated_at: event.at,
                    revision: event.revision,
                    ..profile.clone()
                }));
                if self.settings() != before {
                    self.restand_all();
                }
            }
            Payload::NodeCreated(node)
            | Payload::NodeUpdated(node)
            | Payload::NodeMoved { node, from: _ }
            | Payload::NodeArchived(node)
            | Payload::NodeRestored(node) => self.apply_node(node, event),
            Payload::PolicyCreated { policy, version }
            | Payload::PolicyUpdated { policy, version } => {
                let mut policy = policy.clone();
                policy.revision = event.revision;
                let mut version = version.clone();
                version.created_at = event.at;
                self.put_policy(policy);
                self.put_version(version);
            }
            Payload::BlockerChanged(change) => self.apply_change(change, event)?,
            Payload::MeetingOpened(meeting) => {
                self.next_meeting = self.next_meeting.max(meeting.number.get() + 1);
                self.put_meeting(meeting.clone());
            }
            Payload::CheckInSubmitted { meeting, check_in } => {
                let mut meeting = (**self.meeting(*meeting).map_err(Error::internal)?).clone();
                match meeting
                    .check_ins
                    .iter_mut()
                    .find(|before| before.node == check_in.node)
                {
                    Some(before) => before.clone_from(check_in),
                    None => meeting.check_ins.push(check_in.clone()),
                }
                self.put_meeting(meeting);
            }
            Payload::MeetingClosed(closed) => {
                let before = self.meeting(closed.number).map_err(Error::internal)?;
                let meeting = Meeting {
                    check_ins: before.check_ins.clone(),
                    departed: Vec::new(),
                    ..closed.clone()
                };
                self.put_meeting(meeting);
                self.tally(&closed.node).counters.meetings_held += 1;
                self.touch(Some(&closed.node));
            }
            Payload::CountersRepaired(repaired) => {
                for Repair {
                    node,
                    counted,
                    logged,
                } in repaired
                {
                    let counters = &mut self.tally(node).counters;
                    let logged = logged.unwrap_or_else(|| counters.logged());
                    *counters = counted.clone().with_logged(logged);
                    self.touch(Some(node));
                }
                self.restand_all();
            }
        }
        Ok(())
    }

    fn apply_node(&mut self, node: &Node, event: &Event) {
        let before = self.tree.get(&node.id).cloned();
        let node = Node {
            created_at: before.as_ref().map_or(event.at, |before| before.created_at),
            updated_at: event.at,
            revision: event.revision,
            ..node.clone()
        };
        let id = node.id.clone();
        let Some(before) = before else {
            self.tree.put(node);
            self.touch(Some(&id));
            return;
        };
        let day = event.at.day();
        self.touch(Some(&id));
        if before.parent == node.parent {
            // Only the label of the holder's level can matter to the counters.
            let held: Vec<Arc<Blocker>> = if before.level == node.level {
                Vec::new()
            } else {
                self.held_by(&node.id).cloned().collect()
            };
            for blocker in &held {
                self.count(Some(blocker), None, day);
            }
            self.tree.put(node);
            for blocker in &held {
                self.count(None, Some(blocker), day);
            }
            return;
        }
        let moved: Vec<Arc<Blocker>> = self
            .tree
            .whole_subtree(&node.id)
            .iter()
            .flat_map(|origin| self.raised_at_hand(origin))
            .filter_map(|number| self.blockers.get(number))
            .cloned()
            .collect();
        // Blockers that are closed for good are not at hand; their sum moves along.
        let totals = self.counters(&node.id);
        let closed_at_hand = moved.iter().filter(|blocker| !blocker.is_open()).count();
        let retired_raised = totals.raised_total - i64::try_from(moved.len()).unwrap_or(i64::MAX);
        let retired_closed =
            totals.closed_total - i64::try_from(closed_at_hand).unwrap_or(i64::MAX);
        for blocker in &moved {
            self.count(Some(blocker), None, day);
        }
        self.transfer(before.parent.as_ref(), -retired_raised, -retired_closed);
        let parent = node.parent.clone();
        self.tree.put(node);
        self.transfer(parent.as_ref(), retired_raised, retired_closed);
        for blocker in &moved {
            self.count(None, Some(blocker), day);
        }
        self.touch(Some(&id));
        for parent in [&before.parent, &parent] {
            self.settle(parent.as_ref());
        }
    }

    /// Adds to the totals of a node and of all above it.
    fn transfer(&mut self, from: Option<&NodeId>, raised: i64, closed: i64) {
        let mut path = from.cloned();
        while let Some(node) = path {
            let counters = &mut self.tally(&node).counters;
            counters.raised_total += raised;
            counters.closed_total += closed;
            path = self.tree.parent(&node).cloned();
        }
    }

    fn apply_change(&mut self, change: &Change, event: &Event) -> Result<(), Error> {
        let day = event.at.day();
        let before = self.blockers.get(&change.number).cloned();
        let content = match (&change.content, &before) {
            (Some(content), _) => content.clone(),
            (None, Some(before)) => before.content.clone(),
            (None, None) => {
                return Err(Error::internal(format!(
                    "event {}/{} changes {}, which is not at hand",
                    event.revision, event.index, change.number
                )));
            }
        };
        let after = Arc::new(Blocker {
            number: change.number,
            content,
            status: change.status.clone(),
            revision: event.revision,
        });
        self.count(before.as_deref(), Some(&after), day);
        self.index_as(before.as_deref(), Some(&after));
        self.blockers.insert(change.number, after.clone());
        self.restand(before.as_deref(), &after);
        self.next_blocker = self.next_blocker.max(change.number.get() + 1);
        if let ChangeKind::Moved(moved) = &change.kind {
            self.count_move(moved);
        }
        if let Some(before) = &before
            && before.is_open()
            && (!after.is_open() || after.status.holder != before.status.holder)
        {
            self.note_departure(&before.status.holder, change.number);
        }
        Ok(())
    }

    /// An open meeting remembers what left its node, so that its close can tell every fate.
    fn note_departure(&mut self, holder: &NodeId, number: BlockerNumber) {
        if let Some(meeting) = self.open_meeting_of(holder)
            && !meeting.departed.contains(&number)
        {
            let mut meeting = (**meeting).clone();
            meeting.departed.push(number);
            self.put_meeting(meeting);
        }
    }

    fn count_move(&mut self, moved: &Move) {
        if moved.kind != MoveKind::Escalated {
            return;
        }
        let left: Vec<NodeId> = self
            .tree
            .path_up(&moved.from)
            .take_while(|step| **step != moved.to)
            .cloned()
            .collect();
        for node in left {
            self.tally(&node).counters.escalated_out += 1;
        }
        self.tally(&moved.to).counters.escalated_in += 1;
    }

    /// Replaces a blocker by its next version in what is counted for its origin and for all above.
    fn count(&mut self, before: Option<&Blocker>, after: Option<&Blocker>, day: i64) {
        let Some(blocker) = after.or(before) else {
            return;
        };
        let settings = self.settings();
        let as_of = self.as_of();
        let stage = |blocker: Option<&Blocker>| {
            blocker.map_or_else(Stage::default, |blocker| {
                Stage::of(blocker, &settings, as_of)
            })
        };
        let stages = (stage(before), stage(after));
        let revision = self.revision;
        let mut taken = before.and_then(|blocker| Seen::of(&self.tree, blocker, -1));
        let mut added = after.and_then(|blocker| Seen::of(&self.tree, blocker, 1));
        let mut path = Some(blocker.content.origin.clone());
        while let Some(node) = path {
            let tally = self.tally(&node);
            for seen in taken.iter_mut().chain(&mut added) {
                seen.count(&node, &mut tally.counters, day);
            }
            tally.standing.recount(stages.0, stages.1);
            tally.standing.changed = revision;
            path = self.tree.parent(&node).cloned();
        }
    }

    fn put_meeting(&mut self, meeting: Meeting) {
        self.index.remove_meeting(&meeting);
        self.index.insert_meeting(&meeting);
        self.meetings.insert(meeting.number, Arc::new(meeting));
    }
}

/// A blocker as it is counted on the way up from its origin: the holder lies above until it is met, and below afterwards.
struct Seen<'a> {
    blocker: &'a Blocker,
    holder: Arc<Node>,
    held_at: HeldAt,
    sign: i64,
}

impl<'a> Seen<'a> {
    fn of(tree: &Tree, blocker: &'a Blocker, sign: i64) -> Option<Self> {
        Some(Self {
            blocker,
            holder: tree.get(&blocker.status.holder)?.clone(),
            held_at: HeldAt::Above,
            sign,
        })
    }

    fn count(&mut self, node: &NodeId, counters: &mut Counters, day: i64) {
        if self.held_at == HeldAt::Here {
            self.held_at = HeldAt::Below;
        }
        if *node == self.holder.id {
            self.held_at = HeldAt::Here;
        }
        counters.count(
            self.blocker,
            self.held_at,
            &self.holder.level,
            self.sign,
            day,
        );
    }
}
