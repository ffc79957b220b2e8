//! The protocol as it is, explored to its end: nothing that must hold is broken in any order of steps, and the races that
//! it is about do occur.

use echelon_model::{Call, Protocol, Scenario};
use stateright::{Checker as _, Expectation, Model as _};

/// Explores everything. What must always hold does, and what is named does occur.
fn explore(scenario: Scenario, occur: &[&str]) {
    let checker = Protocol::new(scenario)
        .checker()
        .threads(2)
        .spawn_dfs()
        .join();
    println!(
        "{} states, {} of them different, at most {} steps",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    assert!(checker.is_done(), "it ended before its end");
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        if property.expectation == Expectation::Always {
            let path = discoveries.get(property.name);
            let steps = path.map(|path| path.clone().into_actions());
            assert!(steps.is_none(), "{} is broken: {steps:?}", property.name);
        }
    }
    for name in occur {
        assert!(
            discoveries.contains_key(name),
            "it never occurs that {name}"
        );
    }
}

#[test]
fn e1_e2_e3_e4_e5_e7_e9_e10_hold_while_close_timer_resolution_and_move_race_through_a_crash() {
    explore(
        Scenario {
            calls: &[Call::Close, Call::Resolve, Call::Move],
            repeated: &[Call::Close],
            strokes: 1,
            crashes: 1,
            losses: 0,
        },
        &[
            "a race is lost",
            "a key that is there already undoes a batch",
            "a retry meets itself in one batch",
            "a first answer is found under the lock",
            "nobody can answer what was committed",
            "nobody can answer what was not committed",
            "a timer loses against a resolution",
        ],
    );
}

#[test]
fn e2_e4_e5_e7_hold_while_a_call_is_repeated_through_crashes_and_lost_connections() {
    explore(
        Scenario {
            calls: &[Call::Resolve],
            repeated: &[Call::Resolve],
            strokes: 2,
            crashes: 2,
            losses: 1,
        },
        &[
            "a refusal is found to be a repetition",
            "a first answer is found under the lock",
            "nobody can answer what was committed",
            "nobody can answer what was not committed",
        ],
    );
}

#[test]
fn e2_e3_e5_e7_hold_while_close_acknowledgement_hold_and_two_timers_race() {
    explore(
        Scenario {
            calls: &[Call::Close, Call::Acknowledge, Call::Hold],
            repeated: &[],
            strokes: 2,
            crashes: 0,
            losses: 0,
        },
        &["a race is lost"],
    );
}

#[test]
fn e5_e7_hold_while_a_resolution_and_a_repeated_hold_race_through_a_lost_connection() {
    explore(
        Scenario {
            calls: &[Call::Resolve, Call::Hold],
            repeated: &[Call::Hold],
            strokes: 1,
            crashes: 0,
            losses: 1,
        },
        &["a race is lost", "a refusal is found to be a repetition"],
    );
}
