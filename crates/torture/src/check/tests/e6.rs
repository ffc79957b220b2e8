//! Violations of E6 that are put in.

use echelon_api::v1::BlockerChange;

use super::{caught, changed};
use crate::check::Guarantee::E6;

#[test]
fn e6_a_move_without_its_facts_is_caught() {
    caught(E6, |record| {
        let moved = changed(record, BlockerChange::Escalated).r#move.as_mut();
        moved.unwrap().matched_facts.clear();
    });
}

#[test]
fn e6_a_move_by_a_rule_that_its_version_lacks_is_caught() {
    caught(E6, |record| {
        let moved = changed(record, BlockerChange::Escalated).r#move.as_mut();
        moved.unwrap().rule = "another".to_owned();
    });
    caught(E6, |record| {
        let moved = changed(record, BlockerChange::Escalated).r#move.as_mut();
        moved.unwrap().policy_version.clear();
    });
}

#[test]
fn e6_a_return_without_guidance_is_caught() {
    caught(E6, |record| {
        let moved = changed(record, BlockerChange::Returned).r#move.as_mut();
        moved.unwrap().reason.clear();
    });
}

#[test]
fn e6_a_move_that_was_foretold_otherwise_is_caught() {
    caught(E6, |record| {
        record.foretold[0].next.target = "organizations/torture/nodes/root".to_owned();
    });
    caught(E6, |record| {
        record.foretold[0].next.time.as_mut().unwrap().seconds += 5;
    });
}
