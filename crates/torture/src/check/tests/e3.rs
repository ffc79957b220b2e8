//! Violations of E3 that are put in.

use echelon_api::v1::{BlockerChange, event::Payload};

use super::{caught, changed, place};
use crate::check::Guarantee::E3;

#[test]
fn e3_a_cause_that_moves_twice_is_caught() {
    caught(E3, |record| {
        let at = place(record, BlockerChange::Escalated);
        let log = &mut record.histories[1].log;
        let mut again = log[at].clone();
        again.revision = log.last().unwrap().revision + 1;
        log.push(again);
    });
}

#[test]
fn e3_a_move_without_a_cause_is_caught() {
    caught(E3, |record| {
        let moved = changed(record, BlockerChange::Escalated).r#move.as_mut();
        moved.unwrap().cause = None;
    });
}

#[test]
fn e3_a_meeting_that_closes_twice_is_caught() {
    caught(E3, |record| {
        let log = &mut record.histories[1].log;
        let is_close =
            |payload: &Option<Payload>| matches!(payload, Some(Payload::MeetingClosed(_)));
        let closed = log.iter().find(|event| is_close(&event.payload)).unwrap();
        let mut again = closed.clone();
        again.revision = log.last().unwrap().revision + 1;
        log.push(again);
    });
}
