//! Folding one event into the state.

use std::sync::Arc;

use super::Organization;
use crate::{
    blocker::{Blocker, Change, ChangeKind, Move, MoveKind},
    counters::{Counters, HeldAt},
    error::Error,
    event::{Event, Payload},
    id::{BlockerNumber, NodeId},
    meeting::Meeting,
    node::Node,
    profile::Profile,
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
                self.profile = Some(Arc::new(Profile {
                    created_at,
                    updated_at: event.at,
                    revision: event.revision,
                    ..profile.clone()
                }));
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
                self.change_counters(&closed.node, |counters| counters.meetings_held += 1);
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
        let Some(before) = before else {
            self.tree.put(node);
            return;
        };
        let day = event.at.day();
        if before.parent == node.parent {
            // Only the label of the holder's level can matter to the counters.
            let held: Vec<Arc<Blocker>> = if before.level == node.level {
                Vec::new()
            } else {
                self.held_by(&node.id).cloned().collect()
            };
            for blocker in &held {
                self.count(blocker, -1, day);
            }
            self.tree.put(node);
            for blocker in &held {
                self.count(blocker, 1, day);
            }
            return;
        }
        let moved: Vec<Arc<Blocker>> = self
            .tree
            .whole_subtree(&node.id)
            .iter()
            .flat_map(|origin| self.index.raised_by(origin))
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
            self.count(blocker, -1, day);
        }
        self.transfer(before.parent.as_ref(), -retired_raised, -retired_closed);
        let parent = node.parent.clone();
        self.tree.put(node);
        self.transfer(parent.as_ref(), retired_raised, retired_closed);
        for blocker in &moved {
            self.count(blocker, 1, day);
        }
    }

    /// Adds to the totals of a node and of all above it.
    fn transfer(&mut self, from: Option<&NodeId>, raised: i64, closed: i64) {
        let Some(from) = from else { return };
        let path: Vec<NodeId> = self.tree.path_up(from).cloned().collect();
        for node in path {
            self.change_counters(&node, |counters| {
                counters.raised_total += raised;
                counters.closed_total += closed;
            });
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
        if let Some(before) = &before {
            self.count(before, -1, day);
            self.index.remove(before);
        }
        self.count(&after, 1, day);
        self.index.insert(&after);
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
        self.blockers.insert(change.number, after);
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
            self.change_counters(&node, |counters| counters.escalated_out += 1);
        }
        self.change_counters(&moved.to, |counters| counters.escalated_in += 1);
    }

    /// Adds a blocker to, or takes it from, the counters of its origin and of all above.
    fn count(&mut self, blocker: &Blocker, sign: i64, day: i64) {
        let holder = &blocker.status.holder;
        let Some(level) = self.tree.get(holder).map(|node| node.level.clone()) else {
            return;
        };
        // On the way up from the origin the holder lies above until it is met, and below afterwards.
        let mut held_at = HeldAt::Above;
        let path: Vec<NodeId> = self
            .tree
            .path_up(&blocker.content.origin)
            .cloned()
            .collect();
        for node in path {
            if held_at == HeldAt::Here {
                held_at = HeldAt::Below;
            }
            if node == *holder {
                held_at = HeldAt::Here;
            }
            self.change_counters(&node, |counters| {
                counters.count(blocker, held_at, &level, sign, day);
            });
        }
    }

    fn change_counters(&mut self, node: &NodeId, change: impl FnOnce(&mut Counters)) {
        change(Arc::make_mut(
            self.counters.entry(node.clone()).or_default(),
        ));
    }

    fn put_meeting(&mut self, meeting: Meeting) {
        self.index.remove_meeting(&meeting);
        self.index.insert_meeting(&meeting);
        self.meetings.insert(meeting.number, Arc::new(meeting));
    }
}
