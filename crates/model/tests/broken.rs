//! The protocol, broken in one way at a time: the property that it breaks must be seen to fail.

use echelon_model::{Call, Fault, Protocol, Scenario};
use stateright::{Checker as _, Model as _};

/// Explores until a property that must always hold fails, and expects it to be among these.
fn breaks(fault: Fault, scenario: Scenario, expected: &[&'static str]) {
    let checker = Protocol::broken(scenario, fault)
        .checker()
        .spawn_bfs()
        .join();
    for name in expected {
        assert!(
            checker.discovery(name).is_some(),
            "{fault:?} leaves {name} unbroken: {:?}",
            checker.discoveries().keys()
        );
    }
    let mut broken: Vec<&str> = checker.discoveries().into_keys().collect();
    broken.retain(|name| name.starts_with('E'));
    println!("{fault:?} breaks {broken:?}");
}

const RACE: Scenario = Scenario {
    calls: &[Call::Close, Call::Resolve],
    repeated: &[],
    strokes: 1,
    crashes: 0,
    losses: 0,
};
const RETRY: Scenario = Scenario {
    calls: &[Call::Resolve],
    repeated: &[Call::Resolve],
    strokes: 0,
    crashes: 0,
    losses: 1,
};
/// A call that another one rules out, and a third that moves the head.
const REFUSAL: Scenario = Scenario {
    calls: &[Call::Resolve, Call::Hold, Call::Move],
    repeated: &[],
    strokes: 0,
    crashes: 0,
    losses: 0,
};

#[test]
fn e3_e5_e10_fail_if_a_batch_is_written_wherever_the_head_is() {
    breaks(
        Fault::BlindCommit,
        RACE,
        &["E3 exactly once", "E5 no stale moves", "E10 watched"],
    );
}

#[test]
fn e1_fails_if_a_batch_is_written_wherever_the_head_is_while_a_node_moves() {
    let scenario = Scenario {
        calls: &[Call::Close, Call::Move],
        ..RACE
    };
    breaks(Fault::BlindCommit, scenario, &["E1 one holder"]);
}

#[test]
fn e2_fails_if_callers_are_answered_before_the_commit() {
    breaks(Fault::EarlyAnswer, RETRY, &["E2 nothing lost"]);
}

#[test]
fn e7_fails_if_first_answers_are_not_kept() {
    breaks(Fault::NoRequestKey, RETRY, &["E7 idempotent"]);
}

#[test]
fn e7_fails_if_a_refusal_is_given_without_a_look_for_the_first_answer() {
    breaks(Fault::UnseenRefusal, RETRY, &["E7 idempotent"]);
}

#[test]
fn e5_fails_if_a_refusal_is_given_without_a_look_at_the_head() {
    breaks(Fault::StaleRefusal, REFUSAL, &["E5 no stale moves"]);
}

#[test]
fn e5_fails_if_it_is_decided_again_without_following() {
    breaks(Fault::NothingFollowed, RACE, &["E5 no stale moves"]);
}

#[test]
fn e10_fails_if_what_was_followed_is_missing_in_the_feed() {
    breaks(Fault::GapInTheFeed, RACE, &["E10 watched"]);
}

#[test]
fn e10_fails_if_watchers_are_told_before_the_commit() {
    breaks(Fault::EarlyFeed, RACE, &["E10 watched"]);
}

#[test]
fn e4_fails_if_one_replica_alone_passes_timers() {
    breaks(Fault::OneTimekeeper, RACE, &["E4 on time"]);
}
