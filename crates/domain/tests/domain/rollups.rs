//! Roll-ups: what the histories do not show well.

use echelon_domain::{
    blocker::Severity,
    command::Command,
    rollup::{Figures, rollup},
};

use crate::support::{DAY, Desk, HOUR, new_blocker, node};

fn figures(desk: &Desk, at: &str) -> Figures {
    rollup(&desk.organization, &node(at), desk.now)
        .expect("the node exists")
        .figures
}

#[test]
fn the_trend_is_counted_from_midnight() {
    // The desk opens at nine.
    let mut desk = Desk::new();
    let first = desk.raise("team-a1", Severity::Low);
    desk.raise("team-a2", Severity::Low);
    assert_eq!(figures(&desk, "sos-a").open_since_yesterday, 2);
    desk.pass(15 * HOUR);
    assert_eq!(
        figures(&desk, "sos-a").open_since_yesterday,
        0,
        "a new day, and nothing has happened"
    );
    desk.resolve(first);
    assert_eq!(figures(&desk, "sos-a").open_since_yesterday, -1);
    // What moves to another branch is new there and gone here.
    desk.run(Command::MoveNode {
        id: node("team-a2"),
        new_parent: node("sos-b"),
        etag: None,
    });
    assert_eq!(figures(&desk, "sos-a").open_since_yesterday, -2);
    assert_eq!(figures(&desk, "sos-b").open_since_yesterday, 1);
    assert_eq!(figures(&desk, "train").open_since_yesterday, -1);
}

#[test]
fn an_archived_child_counts_in_the_whole_and_in_no_child() {
    let mut desk = Desk::new();
    desk.raise("team-a1", Severity::High);
    desk.raise("team-a2", Severity::High);
    desk.run(Command::ArchiveNode {
        id: node("team-a1"),
        etag: None,
    });
    let answer = rollup(&desk.organization, &node("sos-a"), desk.now).expect("the node exists");
    assert_eq!(answer.figures.counters.open(), 2);
    assert_eq!(
        (
            answer.figures.counters.held_here,
            answer.figures.counters.held_below
        ),
        (1, 1)
    );
    assert_eq!(answer.children.len(), 1);
    assert_eq!(answer.children[0].figures.counters.open(), 1);
}

#[test]
fn dates_count_as_of_the_time_asked_for() {
    let mut desk = Desk::new();
    let mut blocker = new_blocker("team-a1", "licence", Severity::Low);
    blocker.due_at = Some(desk.now.plus(3 * DAY));
    let number = desk.raise_new(blocker);
    let counts = |desk: &Desk| {
        let figures = figures(desk, "solution");
        (figures.due_soon, figures.overdue, figures.aged)
    };
    assert_eq!(counts(&desk), (0, 0, 0));
    desk.pass(DAY);
    assert_eq!(counts(&desk), (1, 0, 0));
    desk.pass(2 * DAY);
    assert_eq!(counts(&desk), (0, 1, 0));
    desk.pass(5 * DAY);
    assert_eq!(counts(&desk), (0, 1, 1));
    desk.resolve(number);
    assert_eq!(counts(&desk), (0, 0, 0));
    assert_eq!(figures(&desk, "solution").counters.awaiting_verification, 1);
}

#[test]
fn figures_come_back_with_a_clock_that_was_far_ahead() {
    let mut desk = Desk::new();
    let mut blocker = new_blocker("team-a1", "licence", Severity::Low);
    blocker.due_at = Some(desk.now.plus(3 * DAY));
    desk.raise_new(blocker);
    desk.raise("team-b1", Severity::Critical);
    let right = desk.now.plus(HOUR);
    let mut always_right = desk.organization.clone();
    always_right.advance(right);
    let mut ahead = desk.organization.clone();
    ahead.advance(right.plus(10 * DAY));
    assert_eq!(ahead.standing(&node("solution")).aged, 2);
    ahead.advance(right);
    assert_eq!(ahead.as_of(), right);
    for at in ["solution", "train", "sos-a", "team-b1"] {
        assert_eq!(
            rollup(&ahead, &node(at), right).unwrap(),
            rollup(&always_right, &node(at), right).unwrap()
        );
    }
    // Replicas differ by a little: that changes nothing.
    ahead.advance(right.minus(HOUR / 120));
    assert_eq!(ahead.as_of(), right);
}
