//! Where rules move a blocker, and what happens where there is nowhere to go.

use echelon_domain::{
    BlockerNumber,
    blocker::{ChangeKind, EscalationState, Severity},
    command::{Command, ContentPatch},
    policy::{Action, ClockBase, Rule, Trigger},
};

use crate::support::{
    DAY, Desk, HOUR, after, kinds, level, moves, new_blocker, node, notify, rule,
};

fn at_meetings(name: &str, action: Action) -> Rule {
    Rule {
        action,
        ..rule(name, "", Trigger::MeetingClosed)
    }
}

#[test]
fn a_rule_moves_to_the_parent_a_level_the_common_ancestor_or_the_root() {
    for (action, causing, to) in [
        (Action::EscalateToParent, "team-b1", "sos-a"),
        (Action::EscalateToLevel(level("TRAIN")), "team-b1", "train"),
        (Action::EscalateToCommonAncestor, "team-a2", "sos-a"),
        (Action::EscalateToCommonAncestor, "team-b1", "train"),
        (Action::EscalateToCommonAncestor, "supplier", "solution"),
        // What would be below or at the holder leads to the parent.
        (Action::EscalateToCommonAncestor, "team-a1", "sos-a"),
        (Action::EscalateToRoot, "team-b1", "solution"),
    ] {
        let mut desk = Desk::with_rules(vec![at_meetings("up", action.clone())]);
        let mut blocker = new_blocker("team-a1", "no test data", Severity::High);
        blocker.causing_nodes = vec![node(causing)];
        let number = desk.raise_new(blocker);
        desk.meet("team-a1");
        assert_eq!(desk.holder(number), to, "{action:?} {causing}");
    }
}

#[test]
fn a_level_that_is_not_above_lets_the_other_rules_have_their_turns() {
    let to_train = Action::EscalateToLevel(level("TRAIN"));
    let mut desk = Desk::with_rules(vec![
        Rule {
            action: to_train.clone(),
            ..rule("urgent", "", Trigger::Raised)
        },
        Rule {
            action: to_train.clone(),
            ..rule("to-train", "", after(HOUR, ClockBase::Progress))
        },
        at_meetings("to-train-too", to_train),
        rule("day", "", after(DAY, ClockBase::Progress)),
        rule("meeting", "meetings_survived >= 2", Trigger::MeetingClosed),
    ]);
    let number = desk.raise("team-a1", Severity::Low);
    assert_eq!(desk.holder(number), "train");
    // On the train the first rules lead nowhere, which is no alarm: others will move it.
    assert!(
        matches!(&kinds(&desk.pass_timers().events)[..], [ChangeKind::RulePassed { rule, reason }]
        if rule == "urgent" && reason.contains("no level above `train`"))
    );
    assert_eq!(desk.waits(number), EscalationState::Armed);
    let carried = kinds(&desk.meet("train").events);
    assert!(
        matches!(&carried[..], [ChangeKind::CarriedOver(reason)] if reason.ends_with("moves to solution by rule meeting"))
    );
    desk.after(HOUR);
    desk.after(DAY - HOUR);
    assert_eq!(desk.holder(number), "solution");
}

#[test]
fn where_no_rule_leads_anywhere_it_is_exhausted_and_shown_so() {
    let mut desk = Desk::with_rules(vec![at_meetings(
        "up",
        Action::EscalateToLevel(level("PORTFOLIO")),
    )]);
    let number = desk.raise("team-a1", Severity::Low);
    let closed = desk.meet("team-a1");
    assert!(
        matches!(&kinds(&closed.events)[..], [ChangeKind::Exhausted(reason)]
        if reason == "rule up would move it up, and there is no level above `team-a1` for it")
    );
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
    assert_eq!(desk.organization.counters(&node("solution")).exhausted, 1);
}

#[test]
fn a_policy_that_cannot_move_anything_exhausts_on_arrival() {
    let tell = Rule {
        action: notify(),
        ..rule("tell", "", after(DAY, ClockBase::Raised))
    };
    let mut desk = Desk::with_rules(vec![tell]);
    let number = desk.raise("team-a1", Severity::Low);
    assert_eq!(desk.waits(number), EscalationState::Armed);
    desk.after(DAY);
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
}

/// A blocker at the root, exhausted.
fn exhausted(desk: &mut Desk) -> BlockerNumber {
    let number = desk.raise("team-a1", Severity::Medium);
    desk.escalate(number, Some("solution"));
    desk.meet("solution");
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
    number
}

#[test]
fn the_alarm_ends_when_a_person_acts() {
    type Act = fn(&mut Desk, BlockerNumber);
    let acts: [(&str, EscalationState, Act); 9] = [
        ("acknowledge", EscalationState::Paused, |desk, n| {
            drop(desk.acknowledge(n))
        }),
        ("own", EscalationState::Armed, |desk, n| {
            drop(desk.own(n, Some(DAY)))
        }),
        ("hold", EscalationState::Paused, |desk, n| {
            drop(desk.hold(n, DAY))
        }),
        ("return", EscalationState::Armed, |desk, n| {
            drop(desk.send_back(n, Some("train")))
        }),
        ("resolve", EscalationState::Closed, |desk, n| {
            drop(desk.resolve(n))
        }),
        ("withdraw", EscalationState::Closed, |desk, n| {
            desk.run(Command::WithdrawBlocker {
                number: n,
                reason: String::new(),
                etag: None,
            });
        }),
        ("merge", EscalationState::Closed, |desk, n| {
            let into = desk.raise("team-a1", Severity::Low);
            desk.run(Command::MergeBlocker {
                number: n,
                into,
                etag: None,
            });
        }),
        ("comment", EscalationState::Exhausted, |desk, n| {
            desk.run(Command::CommentOnBlocker {
                number: n,
                text: "?".to_owned(),
            });
        }),
        ("edit", EscalationState::Exhausted, |desk, n| {
            let due_at = Some(Some(desk.now.plus(DAY)));
            let patch = Box::new(ContentPatch {
                due_at,
                ..ContentPatch::default()
            });
            desk.run(Command::UpdateBlocker {
                number: n,
                patch,
                etag: None,
            });
        }),
    ];
    for (name, waits, act) in acts {
        let mut desk = Desk::new();
        let number = exhausted(&mut desk);
        desk.pass(HOUR);
        act(&mut desk, number);
        assert_eq!(desk.waits(number), waits, "{name}");
    }
}

#[test]
fn the_alarm_comes_back_if_nobody_acts_again() {
    let mut desk = Desk::new();
    let number = exhausted(&mut desk);
    desk.acknowledge(number);
    desk.after(3 * DAY);
    assert_eq!(desk.waits(number), EscalationState::WaitingForMeeting);
    desk.meet("solution");
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
    // Meetings go on looking at it, and say so.
    let closed = desk.meet("solution");
    assert!(matches!(
        &kinds(&closed.events)[..],
        [ChangeKind::Exhausted(_)]
    ));
}

#[test]
fn who_has_an_owner_is_not_asked_for_one() {
    let mut desk = Desk::with_rules(vec![
        Rule {
            action: Action::RequireOwner,
            ..rule("owner", "", after(HOUR, ClockBase::Raised))
        },
        rule("meeting", "", Trigger::MeetingClosed),
    ]);
    let unowned = desk.raise("team-a1", Severity::Low);
    let owned = desk.raise("team-a1", Severity::Low);
    desk.own(owned, None);
    desk.after(HOUR);
    assert!(desk.blocker(unowned).status.owner_required);
    assert!(!desk.blocker(owned).status.owner_required);
    desk.own(unowned, None);
    assert!(!desk.blocker(unowned).status.owner_required);
    assert_eq!(moves(&desk.meet("team-a1").events).len(), 2);
}
