//! Indexes over all blockers and meetings at hand; those of one node are in its tally. Derived: equal states have equal indexes.

use imbl::{HashMap, OrdSet};

use crate::{
    blocker::Blocker,
    id::{BlockerNumber, MeetingNumber, NodeId},
    meeting::Meeting,
    text::Text,
    time::Timestamp,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    by_key: HashMap<Text, BlockerNumber>,
    timers: OrdSet<(Timestamp, BlockerNumber)>,
    /// The open blockers that say who causes them.
    with_causes: OrdSet<BlockerNumber>,
    open_meetings: HashMap<NodeId, MeetingNumber>,
}

impl Index {
    pub(super) fn insert(&mut self, blocker: &Blocker) {
        let number = blocker.number;
        if blocker.is_open() {
            if !blocker.content.dedupe_key.is_empty() {
                self.by_key
                    .insert(blocker.content.dedupe_key.clone(), number);
            }
            if !blocker.content.causing_nodes.is_empty() {
                self.with_causes.insert(number);
            }
        }
        if let Some(at) = blocker.status.timer_at {
            self.timers.insert((at, number));
        }
    }

    pub(super) fn remove(&mut self, blocker: &Blocker) {
        let number = blocker.number;
        if self.by_key.get(&blocker.content.dedupe_key) == Some(&number) {
            self.by_key.remove(&blocker.content.dedupe_key);
        }
        if !blocker.content.causing_nodes.is_empty() {
            self.with_causes.remove(&number);
        }
        if let Some(at) = blocker.status.timer_at {
            self.timers.remove(&(at, number));
        }
    }

    pub(super) fn insert_meeting(&mut self, meeting: &Meeting) {
        if meeting.closed_at.is_none() {
            self.open_meetings
                .insert(meeting.node.clone(), meeting.number);
        }
    }

    pub(super) fn remove_meeting(&mut self, meeting: &Meeting) {
        if self.open_meetings.get(&meeting.node) == Some(&meeting.number) {
            self.open_meetings.remove(&meeting.node);
        }
    }

    pub(super) fn with_key(&self, key: &str) -> Option<BlockerNumber> {
        self.by_key.get(key).copied()
    }

    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, BlockerNumber)> {
        self.timers
            .iter()
            .take_while(move |(at, _)| *at <= now)
            .copied()
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.get_min().map(|(at, _)| *at)
    }

    pub(super) fn with_causes(&self) -> impl ExactSizeIterator<Item = &BlockerNumber> {
        self.with_causes.iter()
    }

    pub(super) fn open_meeting_of(&self, node: &NodeId) -> Option<MeetingNumber> {
        self.open_meetings.get(node).copied()
    }
}
