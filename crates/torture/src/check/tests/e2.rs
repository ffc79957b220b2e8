//! Violations of E2 that are put in.

use echelon_api::v1::{BlockerChange, EscalationState};

use super::{called, caught, changed, place};
use crate::check::Guarantee::E2;

#[test]
fn e2_an_acknowledged_comment_that_is_not_in_the_log_is_caught() {
    caught(E2, |record| {
        let commented = place(record, BlockerChange::Commented);
        record.histories[1].log.remove(commented);
    });
}

#[test]
fn e2_an_acknowledged_raise_that_the_end_of_the_log_lacks_is_caught() {
    caught(E2, |record| {
        let mut call = called(record, "Raise").clone();
        call.request_id = "raise-never".to_owned();
        record.calls.push(call);
    });
}

#[test]
fn e2_a_raise_lost_before_a_restore_is_caught() {
    // The history that the restore ended must hold it, though the next one need not.
    caught(E2, |record| {
        record.histories[0].log.pop();
    });
}

#[test]
fn e2_an_open_blocker_that_waits_for_nothing_is_caught() {
    caught(E2, |record| {
        let raised = changed(record, BlockerChange::Raised);
        raised.status.as_mut().unwrap().timer_time = None;
    });
    caught(E2, |record| {
        let raised = changed(record, BlockerChange::Raised);
        let status = raised.status.as_mut().unwrap();
        status.set_escalation_state(EscalationState::Unspecified);
    });
}

#[test]
fn e2_a_number_that_is_skipped_is_caught() {
    caught(E2, |record| {
        changed(record, BlockerChange::Raised).number = 17;
    });
}

#[test]
fn e2_a_roll_up_that_does_not_add_up_is_caught() {
    caught(E2, |record| {
        record.rollups[0].figures.open += 1;
    });
}
