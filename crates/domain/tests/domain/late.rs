//! Downtime: what is overdue is caught up in due order, at most one level per pass, each with its lateness (E4).

use std::time::Duration;

use echelon_domain::{
    BlockerNumber,
    blocker::{Cause, ChangeKind, EscalationState, Severity},
    policy::{Action, ClockBase, Late, Rule, Trigger},
};

use crate::support::{DAY, Desk, HOUR, after, kinds, moves, rule};

fn timed(late: Late) -> Rule {
    Rule {
        late,
        ..rule("day", "", after(DAY, ClockBase::Progress))
    }
}

#[test]
fn e4_overdue_timers_are_caught_up_in_due_order_one_level_per_pass_with_their_lateness() {
    let mut desk = Desk::new();
    let late = desk.raise("team-b1", Severity::Low);
    desk.pass(HOUR);
    let later = desk.raise("team-a1", Severity::Low);
    desk.pass(HOUR);
    let latest = desk.raise("team-a2", Severity::Low);
    // The newest is due first: somebody made the others progress.
    desk.own(late, None);
    desk.pass(HOUR);
    desk.own(later, None);
    let due: Vec<(BlockerNumber, _)> = [latest, late, later]
        .map(|number| {
            (
                number,
                desk.blocker(number).status.timer_at.expect("a timer"),
            )
        })
        .into();
    let passed = desk.after(10 * DAY);
    let moved = moves(&passed.events);
    let order: Vec<BlockerNumber> = moved.iter().map(|(number, _)| *number).collect();
    assert_eq!(order, [latest, late, later]);
    for ((_, moved), (_, due)) in moved.iter().zip(&due) {
        assert_eq!(moved.cause, Cause::Timer(*due));
        assert_eq!(
            Duration::from_micros(moved.late_us.unsigned_abs()),
            desk.now.since(*due)
        );
        assert!(moved.late_us > 8 * 86_400_000_000);
    }
    // One level only; the new level has its whole time.
    assert_eq!(desk.holder(late), "sos-b");
    assert_eq!(moves(&desk.pass_timers().events), []);
    assert_eq!(moves(&desk.after(2 * DAY).events).len(), 3);
}

#[test]
fn e4_a_limit_leaves_the_rest_for_the_next_pass() {
    let mut desk = Desk::new();
    let numbers: Vec<BlockerNumber> = (0..5)
        .map(|_| desk.raise("team-a1", Severity::Low))
        .collect();
    desk.pass(DAY);
    for pair in numbers.chunks(2) {
        let passed = desk.run(echelon_domain::command::Command::PassTimers {
            limit: 2,
            apart: std::collections::BTreeSet::new(),
        });
        let moved: Vec<BlockerNumber> = moves(&passed.events).iter().map(|(n, _)| *n).collect();
        assert_eq!(moved, pair);
    }
}

#[test]
fn a_late_rule_fires_all_the_same() {
    let mut desk = Desk::with_rules(vec![timed(Late::Fire)]);
    let number = desk.raise("team-a1", Severity::Low);
    desk.after(5 * DAY);
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn a_late_rule_skips_until_real_progress() {
    let mut desk = Desk::with_rules(vec![timed(Late::Skip)]);
    let number = desk.raise("team-a1", Severity::Low);
    let passed = desk.after(5 * DAY);
    assert!(
        matches!(&kinds(&passed.events)[..], [ChangeKind::RulePassed { rule, reason }]
        if rule == "day" && reason == "was due 4d ago and skips")
    );
    // Nothing else can move it: that is shown, not silent.
    assert_eq!(desk.waits(number), EscalationState::Exhausted);
    desk.own(number, None);
    assert_eq!(desk.waits(number), EscalationState::Armed);
    desk.after(DAY);
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn a_late_rule_starts_anew() {
    let mut desk = Desk::with_rules(vec![timed(Late::Restart)]);
    let number = desk.raise("team-a1", Severity::Low);
    desk.after(5 * DAY);
    assert_eq!(desk.holder(number), "team-a1");
    assert_eq!(
        desk.blocker(number).status.timer_at,
        Some(desk.now.plus(DAY))
    );
    desk.after(DAY);
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn a_minute_is_not_late() {
    for (late, seconds, moves) in [
        (Late::Skip, 60, true),
        (Late::Skip, 61, false),
        (Late::Restart, 60, true),
        (Late::Restart, 61, false),
    ] {
        let mut desk = Desk::with_rules(vec![timed(late)]);
        let number = desk.raise("team-a1", Severity::Low);
        desk.after(DAY + Duration::from_secs(seconds));
        assert_eq!(desk.holder(number) == "sos-a", moves, "{late:?} {seconds}");
    }
}

#[test]
fn time_spent_on_another_level_or_on_hold_is_not_lateness() {
    let skips = Rule {
        late: Late::Skip,
        ..rule("old", "height > 0", after(DAY, ClockBase::Raised))
    };
    let mut desk = Desk::with_rules(vec![
        skips.clone(),
        rule("meeting", "", Trigger::MeetingClosed),
    ]);
    let arrived = desk.raise("team-a1", Severity::Low);
    desk.after(5 * DAY);
    desk.meet("team-a1");
    assert_eq!(desk.holder(arrived), "sos-a");
    let passed = desk.pass_timers();
    assert_eq!(moves(&passed.events)[0].1.rule.as_deref(), Some("old"));
    assert!(moves(&passed.events)[0].1.late_us < 1_000);

    let mut desk = Desk::with_rules(vec![timed(Late::Skip)]);
    let held = desk.raise("team-a1", Severity::Low);
    desk.hold(held, 3 * DAY);
    desk.after(3 * DAY);
    desk.after(DAY);
    assert_eq!(desk.holder(held), "sos-a");
}

#[test]
fn rules_due_together_have_their_turns_in_their_order() {
    let first = Rule {
        action: Action::RequireOwner,
        ..rule("first", "", after(DAY, ClockBase::Raised))
    };
    let mut desk = Desk::with_rules(vec![first, timed(Late::Fire)]);
    desk.raise("team-a1", Severity::Low);
    let passed = desk.after(5 * DAY);
    assert!(matches!(
        &kinds(&passed.events)[..],
        [ChangeKind::OwnerRequired { .. }, ChangeKind::Moved(_)]
    ));
}
