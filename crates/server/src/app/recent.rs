//! The newest end of an organization's log, in memory: a thousand watchers do not read the same events from the database a
//! thousand times. A copy of the log and nothing more: what is not here is read there.

use std::{
    collections::VecDeque,
    sync::{PoisonError, RwLock},
};

use echelon_domain::{NodeId, Timestamp, event::Event};
use echelon_store::EventRow;
use prost::bytes::Bytes;

/// Most bytes of events that are kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// An event as it stands in the log.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) revision: i64,
    pub(super) at: Timestamp,
    pub(super) payload: Bytes,
    /// The nodes it is about and all above them.
    nodes: Vec<NodeId>,
}

impl Recorded {
    /// True if it is about the subtree of a node.
    pub(super) fn is_about(&self, node: &NodeId) -> bool {
        self.nodes.contains(node)
    }
}

#[derive(Debug, Default)]
struct Ring {
    epoch: String,
    /// Every event after this revision is here.
    after: i64,
    /// Up to this one.
    newest: i64,
    events: VecDeque<Recorded>,
    bytes: usize,
}

/// The newest events of one organization.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ring: RwLock<Ring>,
}

impl Recent {
    /// Begins anew after a revision of a history.
    pub(super) fn begin(&self, epoch: &str, revision: i64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *ring = Ring {
            epoch: epoch.to_owned(),
            after: revision,
            newest: revision,
            ..Ring::default()
        };
    }

    /// Adds what was committed after the newest revision here. A gap makes it begin anew behind the gap.
    pub(super) fn push(&self, epoch: &str, rows: Vec<EventRow>, events: &[Event]) {
        let Some(first) = rows.first() else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.epoch != epoch || ring.newest + 1 != first.revision {
            *ring = Ring {
                epoch: epoch.to_owned(),
                after: first.revision - 1,
                ..Ring::default()
            };
        }
        for (row, event) in rows.into_iter().zip(events) {
            ring.newest = row.revision;
            ring.bytes += row.payload.len();
            ring.events.push_back(Recorded {
                revision: row.revision,
                at: row.at,
                payload: row.payload.into(),
                nodes: event.nodes.clone(),
            });
        }
        // Whole revisions go, the newest stays.
        while ring.bytes > BYTES_MAX
            && let Some(oldest) = ring.events.front().map(|event| event.revision)
            && oldest < ring.newest
        {
            while let Some(event) = ring.events.pop_front_if(|event| event.revision == oldest) {
                ring.bytes -= event.payload.len();
            }
            ring.after = oldest;
        }
    }

    /// About `limit` events after a revision, and at most about `bytes`: whole revisions. None if they are not all here.
    pub(super) fn after(
        &self,
        epoch: &str,
        revision: i64,
        limit: usize,
        bytes: usize,
    ) -> Option<Vec<Recorded>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        if ring.epoch != epoch || revision < ring.after || revision > ring.newest {
            return None;
        }
        let start = ring
            .events
            .partition_point(|event| event.revision <= revision);
        let mut found: Vec<Recorded> = Vec::new();
        let mut size = 0;
        for event in ring.events.range(start..) {
            let is_full = found.len() >= limit || size > bytes;
            if is_full
                && found
                    .last()
                    .is_some_and(|last| last.revision != event.revision)
            {
                break;
            }
            size += event.payload.len();
            found.push(event.clone());
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use echelon_domain::{
        MeetingNumber,
        event::Payload,
        meeting::{CheckIn, Meeting},
    };

    fn commit(recent: &Recent, revision: i64, count: i32, size: usize) {
        let node = NodeId::new("node", "a").unwrap();
        let rows = (0..count).map(|index| EventRow {
            revision,
            index,
            at: Timestamp::from_micros(revision),
            kind: String::new(),
            blocker: None,
            payload: vec![0; size],
        });
        let events: Vec<Event> = (0..count)
            .map(|index| Event {
                revision,
                index,
                at: Timestamp::from_micros(revision),
                actor: None,
                nodes: vec![node.clone()],
                payload: Payload::MeetingOpened(Meeting {
                    number: MeetingNumber::new(1),
                    node: node.clone(),
                    title: String::new(),
                    opened_at: Timestamp::from_micros(0),
                    closed_at: None,
                    check_ins: Vec::<CheckIn>::new(),
                    fates: Vec::new(),
                    departed: Vec::new(),
                }),
            })
            .collect();
        recent.push("e", rows.collect(), &events);
    }

    fn revisions(recent: &Recent, after: i64, limit: usize) -> Option<Vec<i64>> {
        let found = recent.after("e", after, limit, usize::MAX)?;
        Some(found.iter().map(|event| event.revision).collect())
    }

    #[test]
    fn e10_gives_whole_revisions_or_nothing() {
        let recent = Recent::default();
        recent.begin("e", 4);
        for revision in 5..8 {
            commit(&recent, revision, 2, 10);
        }
        assert_eq!(revisions(&recent, 3, 100), None);
        assert_eq!(revisions(&recent, 4, 3), Some(vec![5, 5, 6, 6]));
        assert_eq!(revisions(&recent, 6, 100), Some(vec![7, 7]));
        assert_eq!(revisions(&recent, 7, 100), Some(vec![]));
        assert_eq!(revisions(&recent, 8, 100), None);
        assert!(recent.after("another", 5, 1, 1).is_none());
    }

    #[test]
    fn e10_a_gap_is_never_bridged() {
        let recent = Recent::default();
        commit(&recent, 5, 1, 10);
        commit(&recent, 7, 1, 10);
        assert_eq!(revisions(&recent, 4, 100), None);
        assert_eq!(revisions(&recent, 6, 100), Some(vec![7]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let recent = Recent::default();
        for revision in 1..=10 {
            commit(&recent, revision, 2, BYTES_MAX / 8);
        }
        let ring = recent.ring.read().unwrap();
        assert!(ring.bytes <= BYTES_MAX);
        assert_eq!((ring.after, ring.newest), (6, 10));
    }
}
