//! The checker can fail: a good record passes, and each kind of violation that is put into it is caught under its number.

mod e1;
mod e10;
mod e2;
mod e3;
mod e4;
mod e5;
mod e6;
mod e7;
mod e8;
mod e9;
mod good;

use echelon_api::v1::{self, BlockerChange, event::Payload};

use super::{Guarantee, check};
use crate::record::{Call, History, Record};

#[test]
fn a_good_record_passes() {
    assert_eq!(check(&good::record()), []);
}

#[test]
fn a_complaint_is_a_violation() {
    caught(Guarantee::Service, |record| {
        record.complaints.push("replica 1 panicked".to_owned());
    });
}

#[test]
fn an_answer_as_of_another_time_is_caught() {
    caught(Guarantee::Service, |record| {
        record.times[0].as_of_us += 72 * 3_600 * 1_000_000;
    });
}

/// Puts something wrong into a good record and looks that it is found under its number.
#[track_caller]
fn caught(guarantee: Guarantee, wrong: impl FnOnce(&mut Record)) {
    let mut record = good::record();
    wrong(&mut record);
    let found = check(&record);
    assert!(
        found.iter().any(|one| one.guarantee == guarantee),
        "{guarantee} does not see it: {found:#?}"
    );
}

/// The first change of a kind after the restore.
#[track_caller]
fn changed(record: &mut Record, kind: BlockerChange) -> &mut v1::BlockerRecord {
    let place = place(record, kind);
    match &mut record.histories[1].log[place].payload {
        Some(Payload::BlockerChanged(changed)) => changed,
        other => panic!("it is {other:?}"),
    }
}

/// Where the first change of a kind after the restore stands in the log.
#[track_caller]
fn place(record: &Record, kind: BlockerChange) -> usize {
    let History { log, since, .. } = &record.histories[1];
    log.iter()
        .position(|event| {
            event.revision > *since
                && super::change(event).is_some_and(|changed| changed.change() == kind)
        })
        .expect("the good record has one of each")
}

/// The first call of a method.
#[track_caller]
fn called<'a>(record: &'a mut Record, method: &str) -> &'a mut Call {
    let mut calls = record.calls.iter_mut();
    calls
        .find(|call| call.method == method)
        .expect("the good record has one of each")
}
