//! Violations of E10 that are put in.

use super::caught;
use crate::{
    check::Guarantee::E10,
    record::{Opening, Verdict},
};

#[test]
fn e10_an_event_that_a_watcher_missed_is_caught() {
    caught(E10, |record| {
        record.sights[1].events.remove(4);
    });
    caught(E10, |record| {
        record.sights[1].events.pop();
    });
    caught(E10, |record| {
        record.sights[2].events.remove(1);
    });
}

#[test]
fn e10_an_event_that_came_twice_is_caught() {
    caught(E10, |record| {
        let again = record.sights[1].events[4];
        record.sights[1].events.insert(5, again);
    });
}

#[test]
fn e10_events_out_of_order_are_caught() {
    caught(E10, |record| {
        record.sights[1].events.swap(3, 4);
    });
}

#[test]
fn e10_an_event_that_the_log_does_not_hold_is_caught() {
    caught(E10, |record| {
        record.sights[1].events[2].event.fingerprint += 1;
    });
}

#[test]
fn e10_an_event_of_another_subtree_is_caught() {
    caught(E10, |record| {
        record.sights[2].events = record.sights[1].events.clone();
    });
}

#[test]
fn e10_half_a_revision_is_caught() {
    caught(E10, |record| {
        let events = &mut record.sights[1].events;
        let second = events.windows(2).position(|pair| {
            let [one, next] = pair else { return false };
            one.event.revision == next.event.revision
        });
        events[second.unwrap() + 1].message += 1_000;
    });
}

#[test]
fn e10_a_watcher_that_stays_behind_is_caught() {
    caught(E10, |record| {
        record.sights[1].due += 1;
    });
}

#[test]
fn e10_a_token_of_another_history_that_is_accepted_is_caught() {
    caught(E10, |record| {
        record.sights[1].openings.push(Opening {
            token_of: 0,
            shown_in: 1,
            replica: 2,
            verdict: Verdict::Accepted,
        });
    });
}

#[test]
fn e10_a_good_token_that_is_refused_is_caught() {
    caught(E10, |record| {
        let refused = Verdict::Refused("FOREIGN_RESUME_TOKEN".to_owned());
        record.sights[1].openings[0].verdict = refused;
    });
}
