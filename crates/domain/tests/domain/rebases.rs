//! Pinning: an edit of a policy never surprises what is in flight; an explicit rebase does.

use echelon_domain::{
    blocker::{EscalationState, MarkKind, Severity},
    command::{Command, Outcome},
    escalation::Rebased,
    policy::{Action, ClockBase, Rule, Trigger},
};

use crate::support::{DAY, Desk, HOUR, after, kinds, level, moves, node, notify, policy, rule};

fn rebase(desk: &mut Desk, id: &str) -> Vec<Rebased> {
    match desk.run(Command::RebasePolicy { id: policy(id) }).outcome {
        Outcome::Rebased { blockers, .. } => blockers,
        other => panic!("{other:?}"),
    }
}

fn create(desk: &mut Desk, id: &str, at: &str, rules: Vec<Rule>) {
    desk.run(Command::CreatePolicy {
        id: policy(id),
        node: node(at),
        display_name: None,
        rules,
    });
}

#[test]
fn a_blocker_keeps_the_version_in_force_when_it_came_to_its_level() {
    let mut desk = Desk::with_rules(vec![rule("slow", "", after(5 * DAY, ClockBase::Progress))]);
    let number = desk.raise("team-a1", Severity::Low);
    desk.set_rules(vec![rule("fast", "", after(HOUR, ClockBase::Progress))]);
    desk.after(DAY);
    assert_eq!(desk.holder(number), "team-a1");
    desk.after(4 * DAY);
    let status = desk.blocker(number).status;
    assert_eq!(
        (status.holder.as_str(), status.policy_version),
        ("sos-a", 3)
    );
    desk.after(HOUR);
    assert_eq!(desk.holder(number), "train");
}

#[test]
fn a_rebase_tells_what_moves_now_and_its_timer_moves_it() {
    let mut desk = Desk::with_rules(vec![rule("slow", "", after(5 * DAY, ClockBase::Progress))]);
    let old = desk.raise("team-a1", Severity::Low);
    desk.pass(DAY);
    let new = desk.raise("team-a1", Severity::Low);
    let closed = desk.raise("team-a1", Severity::Low);
    desk.resolve(closed);
    desk.set_rules(vec![rule("fast", "", after(2 * HOUR, ClockBase::Progress))]);
    let rebased = rebase(&mut desk, "default");
    let told: Vec<_> = rebased
        .iter()
        .map(|r| (r.number, r.from.1, r.moves_now))
        .collect();
    assert_eq!(told, [(old, 2, true), (new, 2, false)]);
    assert_eq!(desk.holder(old), "team-a1", "a rebase itself moves nothing");
    let moved = moves(&desk.pass_timers().events);
    assert_eq!((moved.len(), moved[0].0), (1, old));
    assert!(rebase(&mut desk, "default").is_empty());
}

#[test]
fn a_nearer_policy_replaces_the_one_above_in_its_subtree() {
    let mut desk = Desk::new();
    let before = desk.raise("team-a1", Severity::Low);
    create(
        &mut desk,
        "ours",
        "sos-a",
        vec![rule("hour", "", after(HOUR, ClockBase::Progress))],
    );
    let after_it = desk.raise("team-a1", Severity::Low);
    let elsewhere = desk.raise("team-b1", Severity::Low);
    let pinned = |desk: &Desk, number| desk.blocker(number).status.policy.to_string();
    assert_eq!(
        [before, after_it, elsewhere].map(|number| pinned(&desk, number)),
        ["default", "ours", "default"]
    );
    assert!(rebase(&mut desk, "default").is_empty());
    assert_eq!(rebase(&mut desk, "ours").len(), 1);
    assert_eq!(pinned(&desk, before), "ours");
    let message = desk.refused(Command::CreatePolicy {
        id: policy("theirs"),
        node: node("sos-a"),
        display_name: None,
        rules: vec![rule("x", "", Trigger::MeetingClosed)],
    });
    assert!(message.contains("update that one"), "{message}");
}

#[test]
fn the_policy_of_an_archived_node_is_in_force_nowhere() {
    let mut desk = Desk::new();
    create(
        &mut desk,
        "ours",
        "team-a1",
        vec![rule("hour", "", after(HOUR, ClockBase::Progress))],
    );
    let number = desk.raise("team-a1", Severity::Low);
    desk.run(Command::ArchiveNode {
        id: node("team-a1"),
        etag: None,
    });
    assert_eq!(desk.blocker(number).status.policy, policy("default"));
    assert!(rebase(&mut desk, "ours").is_empty());
}

#[test]
fn a_rule_of_the_same_name_has_had_its_say() {
    let tell = |when: &str| Rule {
        action: notify(),
        ..rule("tell", when, Trigger::Raised)
    };
    let meeting = || rule("meeting", "", Trigger::MeetingClosed);
    let mut desk = Desk::with_rules(vec![tell(""), meeting()]);
    desk.raise("team-a1", Severity::Low);
    desk.set_rules(vec![tell("severity_rank >= 1"), meeting()]);
    rebase(&mut desk, "default");
    assert_eq!(kinds(&desk.pass_timers().events), []);
}

#[test]
fn a_rule_whose_condition_was_not_met_looks_again_if_it_is_another_now() {
    let day = |when: &str| rule("day", when, after(DAY, ClockBase::Progress));
    let meeting = || rule("meeting", "", Trigger::MeetingClosed);
    let mut desk = Desk::with_rules(vec![day("owned"), meeting()]);
    let number = desk.raise("team-a1", Severity::Low);
    desk.after(DAY);
    let marked = |desk: &Desk| {
        desk.blocker(number)
            .status
            .marks
            .iter()
            .map(|m| m.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(marked(&desk), [MarkKind::Unmatched]);
    // The same rule has nothing new to say.
    desk.set_rules(vec![
        day("owned"),
        meeting(),
        rule("other", "", Trigger::Changed),
    ]);
    assert!(!rebase(&mut desk, "default")[0].moves_now);
    desk.set_rules(vec![day("!owned"), meeting()]);
    assert!(rebase(&mut desk, "default")[0].moves_now);
    desk.pass_timers();
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn a_rebase_ends_an_alarm_only_if_a_rule_can_move_it_now() {
    let to_portfolio = Rule {
        action: Action::EscalateToLevel(level("PORTFOLIO")),
        ..rule("up", "", Trigger::MeetingClosed)
    };
    let mut desk = Desk::with_rules(vec![to_portfolio]);
    let low = desk.raise("team-a1", Severity::Low);
    let top = desk.raise("solution", Severity::Low);
    desk.meet("team-a1");
    desk.meet("solution");
    desk.set_rules(vec![rule("up", "", Trigger::MeetingClosed)]);
    rebase(&mut desk, "default");
    assert_eq!(desk.waits(low), EscalationState::WaitingForMeeting);
    assert_eq!(desk.waits(top), EscalationState::Exhausted);
}

#[test]
fn equal_rules_make_no_version() {
    let mut desk = Desk::new();
    let rules = echelon_domain::policy::default::rules();
    let update = |rules| Command::UpdatePolicy {
        id: policy("default"),
        display_name: None,
        rules: Some(rules),
        etag: None,
    };
    assert!(desk.run(update(rules)).events.is_empty());
    assert!(desk.refused(update(Vec::new())).contains("0 rules"));
}

#[test]
fn every_fault_of_a_policy_is_named_with_rule_and_column() {
    let mut desk = Desk::new();
    let mut late = rule("x", "severty == \"LOW\"", Trigger::Changed);
    late.late = echelon_domain::policy::Late::Skip;
    let message = desk.refused(Command::UpdatePolicy {
        id: policy("default"),
        display_name: None,
        rules: Some(vec![
            late,
            rule("x", "owned && category.matches(\"[\")", Trigger::Raised),
            rule("Big Name", "", after(400 * DAY, ClockBase::Raised)),
            Rule {
                action: Action::Notify {
                    roles: Vec::new(),
                    message: String::new(),
                },
                ..rule("tell", "", Trigger::Raised)
            },
        ]),
        etag: None,
    });
    for part in [
        "rules[0].when: rule `x`, column 1: `severty` is no fact: did you mean `severity`?",
        "rules[0].late",
        "rules[1].name: `x` is the name of an earlier rule",
        "rules[1].when: rule `x`, column 27: is no usable pattern",
        "rules[2].name",
        "rules[2].trigger.after.duration",
        "rules[3].action.notify.roles",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
