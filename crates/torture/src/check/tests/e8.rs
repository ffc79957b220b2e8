//! Violations of E8 that are put in.

use super::caught;
use crate::check::Guarantee::E8;

#[test]
fn e8_other_bytes_in_the_other_database_are_caught() {
    caught(E8, |record| {
        record.twin.as_mut().unwrap()[3].fingerprint += 1;
    });
}

#[test]
fn e8_a_missing_event_in_the_other_database_is_caught() {
    caught(E8, |record| {
        record.twin.as_mut().unwrap().pop();
    });
}

#[test]
fn e8_a_history_that_a_restore_rewrites_is_caught() {
    caught(E8, |record| {
        record.histories[0].log[2].actor = "somebody".to_owned();
    });
}
