//! Violations of E4 that are put in.

use echelon_api::v1::{self, BlockerChange};
use prost_types::Timestamp;

use super::{caught, changed, good, place};
use crate::{
    check::{Guarantee::E4, check},
    record::{Excuse, Record, Spell},
};

/// Lets everything from the first move by a timer on happen later than it did.
fn delay(record: &mut Record, seconds: i64) {
    let first = place(record, BlockerChange::Escalated);
    for event in &mut record.histories[1].log[first..] {
        let late = |time: &mut Option<Timestamp>| time.as_mut().unwrap().seconds += seconds;
        late(&mut event.time);
        if let Some(v1::event::Payload::BlockerChanged(changed)) = &mut event.payload
            && let Some(moved) = &mut changed.r#move
        {
            late(&mut moved.time);
            let lateness = moved.lateness.get_or_insert_default();
            lateness.seconds += seconds;
        }
    }
}

#[test]
fn e4_a_move_that_is_late_is_caught_unless_there_was_an_excuse() {
    caught(E4, |record| delay(record, 2));
    let mut record = good::record();
    delay(&mut record, 3);
    let first = place(&record, BlockerChange::Escalated);
    record.histories[1].log.truncate(first + 1);
    let told = |record: &Record| {
        let found = check(record);
        found.into_iter().any(|one| {
            one.guarantee == E4 && one.message.contains("nothing kept servers from acting")
        })
    };
    assert!(told(&record));
    let excused = |excuse, began_us| {
        let mut record = record.clone();
        record.spells.push(Spell {
            name: "SIGSTOP".to_owned(),
            began_us,
            ended_us: i64::MAX / 2,
            excuse,
        });
        !told(&record)
    };
    assert!(excused(Excuse::Everything, 0));
    assert!(!excused(Excuse::Nothing, 0));
    // Nothing was committed between the due time and the move.
    assert!(excused(Excuse::NobodyWrites, 0));
    let mut record = record.clone();
    let log = &mut record.histories[1].log;
    let mut other = log[first - 1].clone();
    other.time.as_mut().unwrap().seconds += 3;
    log.insert(first, other);
    record.spells.push(Spell {
        name: "SIGSTOP".to_owned(),
        began_us: 0,
        ended_us: i64::MAX / 2,
        excuse: Excuse::NobodyWrites,
    });
    assert!(told(&record));
}

#[test]
fn e4_a_move_that_is_early_is_caught() {
    caught(E4, |record| {
        let at = place(record, BlockerChange::Escalated);
        let event = &mut record.histories[1].log[at];
        event.time.as_mut().unwrap().seconds -= 1;
    });
}

#[test]
fn e4_a_lateness_that_is_not_told_is_caught() {
    caught(E4, |record| {
        let moved = changed(record, BlockerChange::Escalated).r#move.as_mut();
        moved.unwrap().lateness = Some(prost_types::Duration {
            seconds: 9,
            nanos: 0,
        });
    });
}

#[test]
fn e4_timers_out_of_order_are_caught() {
    caught(E4, |record| {
        // Two that are passed together.
        let log = &mut record.histories[1].log;
        let both = (1..log.len()).find(|index| {
            let is_move = |event: &v1::Event| {
                event.actor.is_empty()
                    && crate::check::change(event)
                        .is_some_and(|changed| changed.change() == BlockerChange::Escalated)
            };
            let (one, other) = (&log[index - 1], &log[*index]);
            is_move(one) && is_move(other) && one.revision == other.revision
        });
        let both = both.expect("two timers are passed at once");
        let (one, other) = (log[both - 1].payload.clone(), log[both].payload.clone());
        (log[both - 1].payload, log[both].payload) = (other, one);
    });
}

#[test]
fn e4_two_levels_in_one_pass_are_caught() {
    caught(E4, |record| {
        let at = place(record, BlockerChange::Escalated);
        let again = record.histories[1].log[at].clone();
        record.histories[1].log.insert(at, again);
    });
}

#[test]
fn e4_a_timer_that_nobody_acts_on_is_caught() {
    caught(E4, |record| {
        let raised = place(record, BlockerChange::Raised);
        let history = &mut record.histories[1];
        history.log.truncate(raised + 1);
        history.ended_us += 60_000_000;
    });
}
