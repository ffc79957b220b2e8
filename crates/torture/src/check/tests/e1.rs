//! Violations of E1 that are put in.

use echelon_api::v1::BlockerChange;

use super::{caught, changed, place};
use crate::check::Guarantee::E1;

#[test]
fn e1_a_holder_beside_the_path_is_caught() {
    caught(E1, |record| {
        let commented = changed(record, BlockerChange::Commented);
        commented.status.as_mut().unwrap().holder = "sos-b".to_owned();
    });
}

#[test]
fn e1_a_change_of_holder_without_a_move_is_caught() {
    caught(E1, |record| {
        let commented = changed(record, BlockerChange::Commented);
        commented.status.as_mut().unwrap().holder = "root".to_owned();
    });
}

#[test]
fn e1_a_move_from_elsewhere_is_caught() {
    caught(E1, |record| {
        let escalated = changed(record, BlockerChange::Escalated);
        let moved = escalated.r#move.as_mut().unwrap();
        moved.from = "organizations/torture/nodes/root".to_owned();
    });
}

#[test]
fn e1_a_blocker_left_behind_by_its_team_is_caught() {
    caught(E1, |record| {
        let reheld = place(record, BlockerChange::Reheld);
        record.histories[1].log.remove(reheld);
    });
}
