//! Changes of the tree: an open blocker is always held by its origin or an active ancestor of it (E1).

use echelon_domain::{
    blocker::{MoveKind, Severity, State},
    command::{Command, Outcome},
};

use crate::support::{DAY, Desk, level, moves, node};

fn relocate(id: &str, new_parent: &str) -> Command {
    Command::MoveNode {
        id: node(id),
        new_parent: node(new_parent),
        etag: None,
    }
}

fn archive(id: &str) -> Command {
    Command::ArchiveNode {
        id: node(id),
        etag: None,
    }
}

#[test]
fn e1_a_moved_node_takes_along_what_is_held_in_it_and_what_is_held_above_moves_over() {
    let mut desk = Desk::new();
    let inside = desk.raise("team-a1", Severity::Low);
    let above = desk.raise("team-a1", Severity::Low);
    let high_above = desk.raise("team-a1", Severity::Low);
    desk.escalate(above, Some("sos-a"));
    desk.escalate(high_above, Some("solution"));
    let decision = desk.run(relocate("team-a1", "sos-b"));
    let moved = moves(&decision.events);
    assert_eq!(moved.len(), 1);
    assert_eq!((moved[0].0, moved[0].1.kind), (above, MoveKind::Reheld));
    assert_eq!(
        [inside, above, high_above].map(|number| desk.holder(number)),
        ["team-a1", "train", "solution"]
    );
}

#[test]
fn a_change_of_the_tree_keeps_owner_and_pause() {
    let mut desk = Desk::new();
    let owned = desk.raise("team-a1", Severity::Low);
    let held = desk.raise("team-a1", Severity::Low);
    desk.own(owned, Some(3 * DAY));
    desk.hold(held, 3 * DAY);
    let until = desk.blocker(held).status.held_until;
    desk.run(archive("team-a1"));
    assert_eq!(desk.state(owned), State::Owned);
    assert_eq!(desk.holder(owned), "sos-a");
    assert_eq!(
        (desk.state(held), desk.blocker(held).status.timer_at),
        (State::OnHold, until)
    );
}

#[test]
fn e1_archiving_closes_the_meeting_and_hands_over_what_was_held() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    let solved = desk.raise("team-a1", Severity::Low);
    desk.own(number, Some(DAY));
    let meeting = desk.open("team-a1");
    desk.resolve(solved);
    let decision = desk.run(archive("team-a1"));
    assert_eq!(
        decision.outcome,
        Outcome::Node {
            id: node("team-a1"),
            reheld: vec![number]
        }
    );
    let meeting = desk.organization.meeting(meeting).expect("at hand");
    assert_eq!(
        (meeting.closed_at.is_some(), meeting.fates.len()),
        (true, 2)
    );
    assert_eq!(desk.holder(number), "sos-a");
    // It can come up from there, and cannot come back to who is gone.
    desk.refused(Command::ReturnBlocker {
        number,
        to: None,
        guidance: "take it".to_owned(),
        etag: None,
    });
    assert!(
        desk.run(archive("team-a1")).events.is_empty(),
        "once is enough"
    );
}

#[test]
fn what_cannot_be_done_to_the_tree_is_refused() {
    let mut desk = Desk::new();
    desk.run(archive("supplier"));
    for (command, part) in [
        (relocate("train", "team-a1"), "below it"),
        (relocate("train", "train"), "below it"),
        (relocate("solution", "train"), "root"),
        (relocate("nowhere", "train"), "does not exist"),
        (relocate("train", "nowhere"), "does not exist"),
        (relocate("team-a1", "supplier"), "archived"),
        (relocate("supplier", "train"), "archived"),
        (archive("solution"), "root"),
        (archive("train"), "active children"),
        (
            Command::CreateNode {
                id: node("train"),
                parent: node("solution"),
                level: level("TRAIN"),
                display_name: None,
                representatives: Vec::new(),
            },
            "exists already",
        ),
        (
            Command::OpenMeeting {
                node: node("supplier"),
                title: None,
            },
            "archived",
        ),
        (
            Command::RaiseBlocker {
                blocker: Box::new(crate::support::new_blocker(
                    "supplier",
                    "late",
                    Severity::Low,
                )),
                anonymous: false,
            },
            "archived",
        ),
    ] {
        let message = desk.refused(command.clone());
        assert!(message.contains(part), "{command:?}: {message}");
    }
    assert!(desk.run(relocate("team-a1", "sos-a")).events.is_empty());
}

#[test]
fn conditions_follow_the_tree() {
    // A team that gets a team below it is no team any more: two days, not one.
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    desk.run(Command::CreateNode {
        id: node("squad"),
        parent: node("team-a1"),
        level: level("TEAM"),
        display_name: None,
        representatives: Vec::new(),
    });
    desk.after(DAY);
    assert_eq!(desk.holder(number), "team-a1");
    desk.after(DAY);
    assert_eq!(desk.holder(number), "sos-a");
}
