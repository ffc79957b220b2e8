//! The promises of the policy that every organization starts with.

use std::time::Duration;

use echelon_domain::{
    blocker::{Cause, ChangeKind, EscalationState, MoveKind, Severity},
    command::{Command, ContentPatch},
};

use crate::support::{DAY, Desk, HOUR, kinds, moves};

const MOMENT: Duration = Duration::from_micros(1);

#[test]
fn a_team_gives_up_what_survives_one_meeting() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    let meeting = desk.open("team-a1");
    let closed = desk.close(meeting);
    let (_, moved) = moves(&closed.events).remove(0);
    assert_eq!(desk.holder(number), "sos-a");
    assert_eq!(moved.kind, MoveKind::Escalated);
    assert_eq!(moved.cause, Cause::Meeting(meeting));
    assert_eq!(moved.rule.as_deref(), Some("team-meeting"));
    assert_eq!(moved.facts["meetings_survived"], "1");
}

#[test]
fn a_team_gives_up_what_is_open_for_one_day() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    let due = desk
        .blocker(number)
        .status
        .timer_at
        .expect("a timer is set");
    assert_eq!(due, desk.now.plus(DAY));
    desk.now = due;
    desk.now = desk.now.minus(MOMENT);
    assert_eq!(desk.pass_timers().events, []);
    desk.now = due;
    let passed = desk.pass_timers();
    let (_, moved) = moves(&passed.events).remove(0);
    assert_eq!((moved.cause, moved.late_us), (Cause::Timer(due), 0));
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn a_scrum_of_scrums_gives_up_what_survives_two_meetings() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::High);
    desk.meet("team-a1");
    desk.meet("sos-a");
    assert_eq!(desk.holder(number), "sos-a");
    desk.meet("sos-a");
    assert_eq!(desk.holder(number), "train");
}

#[test]
fn a_scrum_of_scrums_gives_up_what_it_holds_for_two_days() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::High);
    desk.meet("team-a1");
    desk.after(DAY);
    desk.after(DAY - HOUR);
    assert_eq!(desk.holder(number), "sos-a");
    desk.after(HOUR);
    assert_eq!(desk.holder(number), "train");
}

#[test]
fn above_one_meeting_decides_and_no_clock() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::High);
    desk.escalate(number, Some("train"));
    desk.after(40 * DAY);
    desk.after(40 * DAY);
    assert_eq!(desk.holder(number), "train");
    assert_eq!(desk.waits(number), EscalationState::WaitingForMeeting);
    desk.meet("train");
    assert_eq!(desk.holder(number), "solution");
    desk.meet("solution");
    assert_eq!(desk.holder(number), "solution");
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
}

#[test]
fn what_is_critical_moves_at_once_one_level_per_pass() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Critical);
    assert_eq!(desk.holder(number), "sos-a");
    for level in ["train", "solution"] {
        let passed = desk.pass_timers();
        let (_, moved) = moves(&passed.events).remove(0);
        assert_eq!(moved.rule.as_deref(), Some("critical"));
        assert_eq!(moved.facts["severity"], "\"CRITICAL\"");
        assert_eq!(desk.holder(number), level);
    }
    desk.pass_timers();
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
    assert_eq!(desk.blocker(number).status.escalations, 3);
}

#[test]
fn what_becomes_critical_moves_at_once() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    let edited = edit(&mut desk, number, Severity::Critical, "worse");
    assert_eq!(moves(&edited)[0].1.rule.as_deref(), Some("became-critical"));
    assert_eq!(desk.holder(number), "sos-a");
    desk.pass_timers();
    assert_eq!(desk.holder(number), "train");
}

#[test]
fn an_edit_of_what_is_critical_already_moves_nothing() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Critical);
    desk.send_back(number, None);
    let edited = edit(
        &mut desk,
        number,
        Severity::Critical,
        "a better description",
    );
    assert_eq!(kinds(&edited), [ChangeKind::Updated]);
    assert_eq!(desk.holder(number), "team-a1");
}

#[test]
fn an_owner_who_is_on_track_is_left_alone_until_the_commitment_is_missed() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Critical);
    desk.own(number, Some(3 * DAY));
    let committed = desk.blocker(number).status.committed_at;
    for _ in 0..2 {
        desk.meet("sos-a");
        desk.after(DAY);
    }
    assert_eq!(desk.holder(number), "sos-a");
    let passed = desk.after(DAY);
    let (_, moved) = moves(&passed.events).remove(0);
    assert_eq!(moved.rule.as_deref(), Some("commitment-missed"));
    assert_eq!(Some(moved.cause), committed.map(Cause::Timer));
    assert_eq!(desk.holder(number), "train");
    assert_eq!(
        desk.blocker(number).status.owner,
        None,
        "the train has to find an owner"
    );
}

#[test]
fn an_owner_without_a_date_is_not_on_track() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.own(number, None);
    desk.meet("team-a1");
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn the_cascade_ends_at_the_root_and_loses_nothing() {
    let mut desk = Desk::new();
    for origin in ["team-a1", "team-a2", "team-b1", "supplier", "sos-a"] {
        for severity in Severity::ALL {
            desk.raise(origin, severity);
        }
    }
    for _ in 0..3 {
        for level in [
            "team-a1", "team-a2", "team-b1", "sos-a", "sos-b", "train", "supplier", "solution",
        ] {
            desk.meet(level);
        }
        desk.pass_timers();
    }
    let counters = desk
        .organization
        .counters(&crate::support::node("solution"));
    assert_eq!(
        (
            counters.raised_total,
            counters.held_here,
            counters.exhausted
        ),
        (20, 20, 20)
    );
}

fn edit(
    desk: &mut Desk,
    number: echelon_domain::BlockerNumber,
    severity: Severity,
    description: &str,
) -> Vec<echelon_domain::event::Event> {
    let patch = ContentPatch {
        severity: Some(severity),
        description: Some(description.to_owned()),
        ..ContentPatch::default()
    };
    desk.run(Command::UpdateBlocker {
        number,
        patch: Box::new(patch),
        etag: None,
    })
    .events
}
