//! Reading event logs.

use std::collections::{BTreeMap, BTreeSet};

use echelon_api::{
    convert::time::parse_timestamp,
    v1::{self, BlockerChange, BlockerState, event::Payload},
};
use echelon_domain::Timestamp;

/// A change of a blocker, as the log tells it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Resource name of the blocker.
    pub(crate) blocker: String,
    /// What happened.
    pub(crate) kind: BlockerChange,
    /// The record.
    pub(crate) record: v1::BlockerRecord,
    /// Revision of the commit.
    pub(crate) revision: i64,
}

/// The changes of blockers among events, in order.
pub(crate) fn changes(events: &[v1::Event]) -> Vec<Change> {
    events
        .iter()
        .filter_map(|event| match &event.payload {
            Some(Payload::BlockerChanged(record)) => Some(Change {
                blocker: event.blocker.clone(),
                kind: record.change(),
                record: record.clone(),
                revision: event.revision,
            }),
            _ => None,
        })
        .collect()
}

/// The moves upward among events, in order: each with the blocker it moved.
pub(crate) fn escalations(events: &[v1::Event]) -> Vec<(String, v1::Move)> {
    changes(events)
        .into_iter()
        .filter(|change| change.kind == BlockerChange::Escalated)
        .map(|change| {
            let moved = change.record.r#move;
            (change.blocker, moved.expect("an escalation has its move"))
        })
        .collect()
}

/// What caused a move, as a text that identifies it.
pub(crate) fn cause(moved: &v1::Move) -> String {
    use v1::cause::Kind;
    match moved.cause.as_ref().and_then(|cause| cause.kind.as_ref()) {
        Some(Kind::Meeting(meeting)) => format!("meeting:{meeting}"),
        Some(Kind::Timer(due)) => format!("timer:{}", time(Some(due)).as_micros()),
        Some(Kind::Request(request)) => format!("request:{request}"),
        None => panic!("a move has no cause: {moved:?}"),
    }
}

/// An instant that must be set.
#[track_caller]
pub(crate) fn time(timestamp: Option<&prost_types::Timestamp>) -> Timestamp {
    parse_timestamp("time", timestamp.expect("the time is set")).expect("the time is in range")
}

/// Checks that revisions have no gaps, that indexes count from 0 within each, and that time never runs backward.
#[track_caller]
pub(crate) fn assert_whole(events: &[v1::Event], after: i64) {
    let (mut revision, mut index, mut at) = (after, 0, Timestamp::MIN);
    for event in events {
        if event.revision == revision {
            index += 1;
        } else {
            (revision, index) = (revision + 1, 0);
        }
        assert_eq!((event.revision, event.index), (revision, index));
        let now = time(event.time.as_ref());
        assert!(now >= at, "time runs backward at revision {revision}");
        at = now;
    }
}

/// Checks that no cause moved a blocker twice (E3), and that each move began where the one before ended (E1).
#[track_caller]
pub(crate) fn assert_each_cause_moves_once(events: &[v1::Event]) {
    let mut causes = BTreeSet::new();
    let mut holders: BTreeMap<String, String> = BTreeMap::new();
    for change in changes(events) {
        let Some(moved) = &change.record.r#move else {
            continue;
        };
        assert!(
            causes.insert((change.blocker.clone(), cause(moved))),
            "{} was moved twice by {}",
            change.blocker,
            cause(moved)
        );
        if let Some(holder) = holders.insert(change.blocker.clone(), moved.to.clone()) {
            assert_eq!(holder, moved.from, "{}", change.blocker);
        }
    }
}

/// Checks that no rule moved a blocker that was acknowledged, on hold or closed (E5).
#[track_caller]
pub(crate) fn assert_no_stale_moves(events: &[v1::Event]) {
    let mut states: BTreeMap<String, BlockerState> = BTreeMap::new();
    for change in changes(events) {
        let status = change
            .record
            .status
            .as_ref()
            .expect("a change has the status after it");
        let before = states.insert(change.blocker.clone(), status.state());
        let by_rule = change
            .record
            .r#move
            .as_ref()
            .is_some_and(|moved| !moved.rule.is_empty());
        if by_rule {
            assert!(
                matches!(before, Some(BlockerState::Raised | BlockerState::Owned)),
                "{} was moved at revision {} though it was {before:?}",
                change.blocker,
                change.revision
            );
        }
    }
}
