//! Violations of E5 that are put in.

use echelon_api::v1::{BlockerChange, BlockerState, event::Payload};

use super::{caught, place};
use crate::{check::Guarantee::E5, record::Record};

/// Moves the blocker of an event, by a rule, after it has happened.
fn move_after(record: &mut Record, kind: BlockerChange) {
    let moved = place(record, BlockerChange::Escalated);
    let at = place(record, kind);
    let log = &mut record.histories[1].log;
    let mut stale = log[moved].clone();
    stale.blocker.clone_from(&log[at].blocker);
    let number = crate::check::change(&log[at]).unwrap().number;
    if let Some(Payload::BlockerChanged(changed)) = &mut stale.payload {
        changed.number = number;
    }
    log.insert(at + 1, stale);
}

#[test]
fn e5_a_rule_that_moves_what_is_acknowledged_is_caught() {
    caught(E5, |record| move_after(record, BlockerChange::Acknowledged));
}

#[test]
fn e5_a_move_of_what_is_resolved_is_caught() {
    caught(E5, |record| move_after(record, BlockerChange::Resolved));
}

#[test]
fn e5_a_rule_that_moves_what_is_on_hold_is_caught() {
    caught(E5, |record| {
        let moved = place(record, BlockerChange::Escalated);
        let number = crate::check::change(&record.histories[1].log[moved])
            .unwrap()
            .number;
        let before = record.histories[1].log[..moved].iter_mut().rev();
        let before = before
            .filter_map(|event| match &mut event.payload {
                Some(Payload::BlockerChanged(changed)) => Some(changed),
                _ => None,
            })
            .find(|changed| changed.number == number);
        let status = before.unwrap().status.as_mut().unwrap();
        status.set_state(BlockerState::OnHold);
    });
}
