//! Clocks restart on real progress and on nothing else; a pause always ends; no rule acts during one (E5).

use echelon_domain::{
    BlockerNumber, Timestamp,
    blocker::{ChangeKind, EscalationState, Severity, State},
    command::{Command, ContentPatch},
    policy::{ClockBase, Rule, Trigger},
};

use crate::support::{DAY, Desk, HOUR, after, kinds, moves, notify, rule};

fn edit(desk: &mut Desk, number: BlockerNumber, patch: ContentPatch) -> Vec<ChangeKind> {
    let decision = desk.run(Command::UpdateBlocker {
        number,
        patch: Box::new(patch),
        etag: None,
    });
    kinds(&decision.events)
}

fn describe(text: &str) -> ContentPatch {
    ContentPatch {
        description: Some(text.to_owned()),
        ..ContentPatch::default()
    }
}

fn due(at: Timestamp) -> ContentPatch {
    ContentPatch {
        due_at: Some(Some(at)),
        ..ContentPatch::default()
    }
}

#[test]
fn only_real_progress_restarts_the_clocks() {
    type Act = fn(&mut Desk, BlockerNumber);
    let acts: [(&str, bool, Act); 8] = [
        ("edit", false, |desk, number| {
            drop(edit(desk, number, describe("more")))
        }),
        ("comment", false, |desk, number| {
            desk.run(Command::CommentOnBlocker {
                number,
                text: "still stuck".to_owned(),
            });
        }),
        ("meeting elsewhere", false, |desk, _| {
            drop(desk.meet("sos-b"))
        }),
        ("acknowledge", true, |desk, number| {
            drop(desk.acknowledge(number))
        }),
        ("own", true, |desk, number| drop(desk.own(number, None))),
        ("hold", true, |desk, number| drop(desk.hold(number, HOUR))),
        ("escalate", true, |desk, number| {
            drop(desk.escalate(number, None))
        }),
        ("return", true, |desk, number| {
            desk.escalate(number, None);
            desk.pass(HOUR);
            desk.send_back(number, None);
        }),
    ];
    for (name, restarts, act) in acts {
        let mut desk = Desk::new();
        let number = desk.raise("team-a1", Severity::Medium);
        let before = desk.blocker(number).status.progressed_at;
        desk.pass(HOUR);
        act(&mut desk, number);
        let after = desk.blocker(number).status.progressed_at;
        assert_eq!(after > before, restarts, "{name}");
        assert!(!restarts || after == desk.now, "{name}");
    }
}

#[test]
fn e5_no_rule_moves_what_is_acknowledged_and_an_acknowledgement_expires() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.acknowledge(number);
    assert_eq!(desk.waits(number), EscalationState::Paused);
    assert_eq!(
        desk.blocker(number).status.timer_at,
        Some(desk.now.plus(DAY))
    );
    let closed = desk.meet("team-a1");
    assert!(
        matches!(&kinds(&closed.events)[..], [ChangeKind::CarriedOver(reason)] if reason.starts_with("acknowledged until"))
    );
    desk.after(DAY - HOUR);
    assert_eq!(desk.state(number), State::Acknowledged);
    // A day after the acknowledgement, as after any progress, the team's time is over.
    let passed = desk.after(HOUR);
    assert!(matches!(
        &kinds(&passed.events)[..],
        [ChangeKind::AcknowledgementLapsed, ChangeKind::Moved(_)]
    ));
}

#[test]
fn a_second_acknowledgement_extends_and_is_no_progress() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.acknowledge(number);
    let before = desk.blocker(number).status;
    desk.pass(HOUR);
    desk.acknowledge(number);
    let after = desk.blocker(number).status;
    assert_eq!(after.progressed_at, before.progressed_at);
    assert_eq!(after.acknowledged_until, Some(desk.now.plus(DAY)));
}

#[test]
fn e5_no_rule_moves_what_is_on_hold_and_its_end_restarts_the_clocks() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.hold(number, 5 * DAY);
    let until = desk
        .blocker(number)
        .status
        .held_until
        .expect("it is on hold");
    desk.after(4 * DAY);
    desk.meet("team-a1");
    assert_eq!(
        (desk.holder(number).as_str(), desk.state(number)),
        ("team-a1", State::OnHold)
    );
    // However late the end is noticed, it was when it was approved to be.
    desk.after(DAY + HOUR);
    assert_eq!(desk.state(number), State::Raised);
    assert_eq!(desk.blocker(number).status.progressed_at, until);
    assert_eq!(desk.blocker(number).status.timer_at, Some(until.plus(DAY)));
}

#[test]
fn e5_nothing_moves_after_a_resolution() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.resolve(number);
    assert_eq!(moves(&desk.after(40 * DAY).events), []);
    assert_eq!(moves(&desk.meet("team-a1").events), []);
    assert_eq!(desk.waits(number), EscalationState::Closed);
}

#[test]
fn a_meeting_after_the_end_of_a_pause_looks_before_any_timer_does() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.acknowledge(number);
    desk.pass(DAY);
    let closed = desk.meet("team-a1");
    assert!(matches!(
        &kinds(&closed.events)[..],
        [ChangeKind::AcknowledgementLapsed, ChangeKind::Moved(_)]
    ));
}

#[test]
fn a_rule_about_arrivals_looks_once_per_arrival() {
    let tell = Rule {
        action: notify(),
        ..rule("tell", "", Trigger::Raised)
    };
    let mut desk = Desk::with_rules(vec![tell, rule("meeting", "", Trigger::MeetingClosed)]);
    let number = desk.raise("team-a1", Severity::Medium);
    let told = |desk: &Desk| desk.blocker(number).status.marks.len();
    assert_eq!(told(&desk), 1);
    desk.acknowledge(number);
    desk.own(number, None);
    desk.hold(number, HOUR);
    let passed = desk.after(HOUR);
    assert_eq!(kinds(&passed.events), [ChangeKind::HoldEnded]);
    assert_eq!(kinds(&desk.after(DAY).events), []);
    desk.meet("team-a1");
    assert!(matches!(
        &kinds(&desk.pass_timers().events)[..],
        [ChangeKind::Notified { .. }]
    ));
    // Coming back down is no arrival.
    desk.send_back(number, None);
    assert_eq!(kinds(&desk.pass_timers().events), []);
}

#[test]
fn progress_sets_no_timer_for_rules_that_had_their_say() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.pass(HOUR);
    desk.own(number, Some(2 * DAY));
    let timer = desk.blocker(number).status.timer_at;
    assert_eq!(timer, Some(desk.now.plus(DAY)), "no timer in the past");
}

#[test]
fn an_edit_lets_a_rule_look_again_whose_condition_was_not_met() {
    let mut desk = Desk::with_rules(vec![rule(
        "high-day",
        "severity == \"HIGH\"",
        after(DAY, ClockBase::Progress),
    )]);
    let number = desk.raise("team-a1", Severity::Low);
    assert!(matches!(
        &kinds(&desk.after(DAY).events)[..],
        [ChangeKind::RulePassed { .. }]
    ));
    desk.pass(DAY);
    assert_eq!(
        edit(&mut desk, number, describe("more")),
        [ChangeKind::Updated]
    );
    let patch = ContentPatch {
        severity: Some(Severity::High),
        ..ContentPatch::default()
    };
    assert!(matches!(
        &edit(&mut desk, number, patch)[..],
        [ChangeKind::Updated, ChangeKind::Moved(_)]
    ));
}

#[test]
fn a_new_due_date_sets_the_rules_that_count_from_it_anew() {
    let tell = Rule {
        action: notify(),
        ..rule("due", "", after(2 * HOUR, ClockBase::DueTime))
    };
    let mut desk = Desk::with_rules(vec![tell]);
    let number = desk.raise("team-a1", Severity::Low);
    assert_eq!(
        desk.waits(number),
        EscalationState::Exhausted,
        "no date, no timer"
    );
    let at = desk.now.plus(DAY);
    edit(&mut desk, number, due(at));
    // What only notifies cannot move it: the alarm stays.
    assert_eq!(desk.waits(number), EscalationState::Exhausted);

    let mut desk = Desk::with_rules(vec![rule("due", "", after(2 * HOUR, ClockBase::DueTime))]);
    let number = desk.raise("team-a1", Severity::Low);
    let at = desk.now.plus(DAY);
    edit(&mut desk, number, due(at));
    assert_eq!(
        desk.blocker(number).status.timer_at,
        Some(at.plus(2 * HOUR))
    );
    let later = at.plus(DAY);
    edit(&mut desk, number, due(later));
    assert_eq!(
        desk.blocker(number).status.timer_at,
        Some(later.plus(2 * HOUR))
    );
    desk.after(2 * DAY + 2 * HOUR);
    assert_eq!(desk.holder(number), "sos-a");
}

#[test]
fn what_becomes_critical_during_a_pause_moves_when_it_ends() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    desk.hold(number, DAY);
    desk.pass(HOUR);
    let patch = ContentPatch {
        severity: Some(Severity::Critical),
        ..ContentPatch::default()
    };
    assert_eq!(edit(&mut desk, number, patch), [ChangeKind::Updated], "E5");
    let passed = desk.after(DAY - HOUR);
    let moved = moves(&passed.events).remove(0).1;
    assert_eq!(moved.rule.as_deref(), Some("became-critical"));
    assert!(moved.late_us < 1_000);
}

#[test]
fn an_expiry_must_lie_ahead_and_within_the_limit() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    for until in [
        desk.now,
        Timestamp::MIN,
        desk.now.plus(31 * DAY),
        Timestamp::MAX,
    ] {
        desk.refused(Command::AcknowledgeBlocker {
            number,
            until: Some(until),
            etag: None,
        });
        desk.refused(Command::HoldBlocker {
            number,
            until,
            approver: "rte@example.com".to_owned(),
            reason: String::new(),
            etag: None,
        });
    }
}
