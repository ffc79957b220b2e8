//! E5, no stale moves: no rule moves what is acknowledged, on hold or closed, and nothing at all moves what is closed.

use echelon_api::v1::{BlockerChange, BlockerState};

use super::{at, change, replay};
use crate::record::Record;

pub(super) fn check(record: &Record) -> Vec<String> {
    replay(record, |history, event, before, _| {
        let changed = change(event)?;
        let then = before.blockers.get(&changed.number)?.status.state();
        let by_rule = match (changed.change(), &changed.r#move) {
            (_, Some(moved)) => !moved.rule.is_empty(),
            (BlockerChange::Exhausted, None) => true,
            (_, None) => return None,
        };
        let stale = match then {
            BlockerState::Raised | BlockerState::Owned => false,
            BlockerState::Acknowledged | BlockerState::OnHold => by_rule,
            BlockerState::Resolved
            | BlockerState::Verified
            | BlockerState::Withdrawn
            | BlockerState::Merged
            | BlockerState::Unspecified => true,
        };
        stale.then(|| {
            format!(
                "{}: B-{} is {:?} though it was {then:?}",
                at(history, event),
                changed.number,
                changed.change()
            )
        })
    })
}
