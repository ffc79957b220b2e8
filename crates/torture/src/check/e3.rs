//! E3, exactly once: no cause moves a blocker twice, and no meeting closes twice.

use std::collections::BTreeMap;

use echelon_api::v1::{self, cause, event::Payload};

use super::{at, change, micros, replay};
use crate::record::Record;

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut causes: BTreeMap<(usize, i64, String), i64> = BTreeMap::new();
    let mut closed: BTreeMap<(usize, i64), i64> = BTreeMap::new();
    replay(record, |history, event, _, _| {
        if let Some(Payload::MeetingClosed(meeting)) = &event.payload {
            let first = closed.insert((history, meeting.number), event.revision);
            return first.map(|first| {
                format!(
                    "{}: M-{} closes, as it did at revision {first}",
                    at(history, event),
                    meeting.number
                )
            });
        }
        let changed = change(event)?;
        let moved = changed.r#move.as_ref()?;
        // A change of the tree may move a blocker on its way more than once, by one call.
        if moved.kind() == v1::r#move::Kind::Reheld {
            return None;
        }
        let Some(cause) = cause_of(moved) else {
            return Some(format!(
                "{}: B-{} moves without a cause",
                at(history, event),
                changed.number
            ));
        };
        let first = causes.insert((history, changed.number, cause.clone()), event.revision);
        first.map(|first| {
            format!(
                "{}: B-{} is moved by {cause}, as it was at revision {first}",
                at(history, event),
                changed.number
            )
        })
    })
}

/// What identifies the cause of a move.
pub(super) fn cause_of(moved: &v1::Move) -> Option<String> {
    Some(match moved.cause.as_ref()?.kind.as_ref()? {
        cause::Kind::Meeting(meeting) => format!("meeting:{meeting}"),
        cause::Kind::Timer(due) => format!("timer:{}", micros(Some(due))?),
        cause::Kind::Request(request) => format!("request:{request}"),
    })
}
