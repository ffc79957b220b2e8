//! Agendas: what came up, what was carried over, what only one side says.

use std::collections::BTreeMap;

use echelon_domain::{
    agenda::{Agenda, Section, Side, agenda},
    blocker::Severity,
    command::{Command, NewCheckIn},
    meeting::BlockingClaim,
};

use crate::support::{DAY, Desk, HOUR, new_blocker, node};

fn agenda_of(desk: &Desk, at: &str) -> Agenda {
    let meeting = desk
        .organization
        .open_meeting_of(&node(at))
        .map(|meeting| &**meeting);
    agenda(&desk.organization, &node(at), meeting, desk.now).expect("the node exists")
}

fn check_in(desk: &mut Desk, at: &str, from: &str, may_block: &[&str]) {
    let meeting = desk
        .organization
        .open_meeting_of(&node(at))
        .expect("it meets")
        .number;
    desk.run(Command::SubmitCheckIn {
        meeting,
        check_in: NewCheckIn {
            node: node(from),
            accomplished: "a release".to_owned(),
            planned: "another".to_owned(),
            blockers: Vec::new(),
            may_block: may_block
                .iter()
                .map(|id| BlockingClaim {
                    node: node(id),
                    note: "the interface".to_owned(),
                })
                .collect(),
            decisions: vec![format!("what does {from} do?")],
        },
    });
}

fn blocked_by(desk: &mut Desk, origin: &str, causing: &str) {
    let mut blocker = new_blocker(
        origin,
        &format!("{origin} waits for {causing}"),
        Severity::Low,
    );
    blocker.causing_nodes = vec![node(causing)];
    desk.raise_new(blocker);
}

#[test]
fn an_agenda_begins_with_what_came_up_worst_first() {
    let mut desk = Desk::new();
    let own = desk.raise("sos-a", Severity::High);
    let carried = desk.raise("team-a1", Severity::Low);
    desk.escalate(carried, None);
    desk.meet("sos-a");
    let low = desk.raise("team-a1", Severity::Low);
    desk.escalate(low, None);
    let high = desk.raise("team-a2", Severity::High);
    desk.escalate(high, None);
    let returned = desk.raise("sos-a", Severity::Low);
    desk.escalate(returned, None);
    desk.send_back(returned, None);
    let solved = desk.raise("sos-a", Severity::Low);
    desk.resolve(solved);
    let new = desk.raise("sos-a", Severity::Low);
    let agenda = agenda_of(&desk, "sos-a");
    let order: Vec<_> = agenda
        .items
        .iter()
        .map(|item| (item.section, item.blocker.number))
        .collect();
    assert_eq!(
        order,
        [
            (Section::Escalated, high),
            (Section::Escalated, low),
            (Section::CarriedOver, own),
            (Section::CarriedOver, carried),
            (Section::Own, new),
            (Section::Returned, returned),
            (Section::ToVerify, solved),
        ]
    );
    assert!(
        agenda.items[3].note.contains("survived 1 meeting"),
        "{}",
        agenda.items[3].note
    );
    assert!(
        agenda.items[5]
            .note
            .contains("guidance: try the other supplier")
    );
    assert!(agenda.items[6].note.contains("verify or reopen"));
}

#[test]
fn claims_that_only_one_side_makes_are_on_the_agenda() {
    let mut desk = Desk::new();
    desk.open("train");
    // Both say it: nothing to talk about. A deeper node counts as the participant it is in.
    blocked_by(&mut desk, "team-a1", "team-b1");
    check_in(&mut desk, "train", "sos-b", &["team-a2"]);
    assert_eq!(agenda_of(&desk, "train").claims, []);
    // Only the blocked side says it, and who has not checked in has not failed to mention it.
    blocked_by(&mut desk, "team-b1", "sos-a");
    assert_eq!(agenda_of(&desk, "train").claims, []);
    check_in(&mut desk, "train", "sos-a", &[]);
    let claims = agenda_of(&desk, "train").claims;
    assert_eq!(claims.len(), 1);
    assert_eq!(
        (
            claims[0].side,
            claims[0].blocked.as_str(),
            claims[0].causing.as_str()
        ),
        (Side::Blocked, "sos-b", "sos-a")
    );
    assert_eq!(claims[0].note, "team-b1 waits for sos-a");
    assert!(claims[0].blocker.is_some());
}

#[test]
fn a_guess_that_nobody_confirms_is_on_the_agenda() {
    let mut desk = Desk::new();
    desk.open("sos-a");
    // What it may block below itself, or outside the meeting, is no matter of this meeting.
    check_in(&mut desk, "sos-a", "team-a1", &["team-a2", "team-b1"]);
    let claims = agenda_of(&desk, "sos-a").claims;
    assert_eq!(claims.len(), 1);
    assert_eq!(
        (
            claims[0].side,
            claims[0].blocked.as_str(),
            claims[0].note.as_str()
        ),
        (Side::Causing, "team-a2", "the interface")
    );
    blocked_by(&mut desk, "team-a2", "team-a1");
    assert_eq!(agenda_of(&desk, "sos-a").claims, []);

    desk.open("train");
    check_in(&mut desk, "train", "sos-a", &["team-a1"]);
    assert_eq!(agenda_of(&desk, "train").claims, []);
}

#[test]
fn an_agenda_tells_who_has_not_checked_in_and_what_needs_a_decision() {
    let mut desk = Desk::new();
    assert_eq!(
        agenda_of(&desk, "sos-a").missing,
        [node("team-a1"), node("team-a2")]
    );
    desk.open("sos-a");
    check_in(&mut desk, "sos-a", "team-a2", &[]);
    desk.pass(HOUR);
    check_in(&mut desk, "sos-a", "team-a2", &[]);
    let agenda = agenda_of(&desk, "sos-a");
    assert_eq!(agenda.missing, [node("team-a1")]);
    let decisions: BTreeMap<_, _> = agenda.decisions.into_iter().collect();
    assert_eq!(decisions[&node("team-a2")], "what does team-a2 do?");
    assert_eq!(decisions.len(), 1, "a second check-in replaces the first");
}

#[test]
fn what_has_left_is_on_no_agenda() {
    let mut desk = Desk::new();
    let gone = desk.raise("team-a1", Severity::Low);
    desk.after(DAY);
    assert!(agenda_of(&desk, "team-a1").items.is_empty());
    assert_eq!(agenda_of(&desk, "sos-a").items[0].blocker.number, gone);
}
