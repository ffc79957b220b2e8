//! Violations of E9 that are put in.

use echelon_api::v1::{self, event::Payload};

use super::caught;
use crate::check::Guarantee::E9;

#[test]
fn e9_what_the_offline_check_finds_is_caught() {
    caught(E9, |record| {
        record.findings.push("E9: a counter differs".to_owned());
    });
}

#[test]
fn e9_a_roll_up_that_the_log_does_not_come_to_is_caught() {
    caught(E9, |record| {
        let figures = &mut record.rollups.last_mut().unwrap().figures;
        figures.held_here += 1;
    });
}

#[test]
fn e9_a_gap_in_the_log_is_caught() {
    caught(E9, |record| {
        record.histories[1].log.remove(5);
    });
}

#[test]
fn e9_a_step_back_in_time_is_caught() {
    caught(E9, |record| {
        let last = record.histories[1].log.last_mut().unwrap();
        last.time.as_mut().unwrap().seconds -= 3_600;
    });
}

#[test]
fn e9_counters_that_drifted_are_caught() {
    caught(E9, |record| {
        let repaired = v1::CountersRecord::default();
        let last = record.histories[1].log.last_mut().unwrap();
        last.payload = Some(Payload::CountersRepaired(repaired));
    });
}

#[test]
fn e9_a_read_that_is_older_than_asked_for_is_caught() {
    caught(E9, |record| {
        record.reads[0].asked = record.reads[0].revision + 1;
    });
}
