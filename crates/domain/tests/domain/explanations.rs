//! Explanations (E6): why it is where it is, what each rule says, what happens next and when.

use echelon_domain::{
    BlockerNumber, Timestamp,
    blocker::Severity,
    explain::{Explanation, Outcome, explain, simulate},
    policy::{Action, ClockBase, Rule, Trigger},
    trial::{Description, described, trial},
};

use crate::support::{Desk, HOUR, after, level, new_blocker, node, rule};

fn of(desk: &Desk, number: BlockerNumber) -> Explanation {
    explain(&desk.organization, &desk.blocker(number), desk.now)
}

fn verdict(explanation: &Explanation, rule: &str) -> (Outcome, String) {
    let verdict = explanation
        .verdicts
        .iter()
        .find(|verdict| verdict.rule == rule)
        .expect("it is a rule");
    (verdict.outcome, verdict.reason.clone())
}

#[test]
fn e6_an_explanation_says_why_and_what_comes_next() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.pass(HOUR);
    let told = of(&desk, number);
    assert!(
        told.summary[0].starts_with("B-1 is at team-a1 since 1h"),
        "{:?}",
        told.summary
    );
    assert_eq!(told.summary[1], "nobody has acknowledged it yet");
    assert!(
        told.summary
            .last()
            .is_some_and(|line| line.ends_with("default@1"))
    );
    let next = told.next.expect("something comes next");
    assert_eq!(next.rule.as_deref(), Some("team-day"));
    assert_eq!(next.target, Some(node("sos-a")));
    assert_eq!(next.at, desk.blocker(number).status.timer_at);
    assert!(
        next.description.ends_with(
            "it moves to sos-a (rule team-day); before that, the close of the next meeting of team-a1 moves it to \
             sos-a (rule team-meeting)"
        ),
        "{}",
        next.description
    );
    assert_eq!(told.facts["severity"], "\"MEDIUM\"");
}

#[test]
fn e6_each_rule_is_judged_as_of_when_it_looks() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    let told = of(&desk, number);
    // The closing meeting counts as survived.
    assert_eq!(
        verdict(&told, "team-meeting"),
        (
            Outcome::Holds,
            "acts when the next meeting closes".to_owned()
        )
    );
    assert_eq!(
        verdict(&told, "team-day"),
        (Outcome::Waiting, "is due in 1d".to_owned())
    );
    assert_eq!(verdict(&told, "critical").0, Outcome::Spent);
    let (outcome, reason) = verdict(&told, "sos-days");
    assert_eq!(outcome, Outcome::NotMet);
    assert_eq!(
        reason,
        "when it is due in 2d, `height == 1 && !on_track` does not hold: height is 0, on_track is false"
    );
    let (outcome, reason) = verdict(&told, "commitment-missed");
    assert_eq!(
        (outcome, reason.contains("commitment_missed is false")),
        (Outcome::NotMet, true)
    );
    // An owner who is on track today and late when the rule looks.
    desk.own(number, Some(HOUR));
    assert_eq!(verdict(&of(&desk, number), "team-day").0, Outcome::Waiting);
    assert_eq!(
        verdict(&of(&desk, number), "commitment-missed").0,
        Outcome::Waiting
    );
}

#[test]
fn e6_a_pause_an_end_and_an_alarm_are_explained() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    desk.acknowledge(number);
    let told = of(&desk, number);
    assert!(
        told.summary[1].contains("no rule moves it before"),
        "{:?}",
        told.summary
    );
    assert!(
        told.verdicts
            .iter()
            .all(|verdict| verdict.outcome == Outcome::Suspended)
    );
    // Looked through the pause: it lapses when the day is over, and the team's time with it.
    let next = told.next.expect("something comes next");
    assert_eq!(
        (next.at, next.rule.as_deref()),
        (desk.blocker(number).status.timer_at, Some("team-day"))
    );
    desk.resolve(number);
    assert_eq!(of(&desk, number).next, None);

    let top = desk.raise("solution", Severity::Medium);
    desk.meet("solution");
    let told = of(&desk, top);
    assert!(
        told.summary
            .iter()
            .any(|line| line.starts_with("it is exhausted"))
    );
    assert!(
        told.next
            .as_ref()
            .is_some_and(|next| next.description.starts_with("it stays exhausted"))
    );
    assert_eq!(verdict(&told, "above-meeting").0, Outcome::NoTarget);
}

#[test]
fn e6_a_rule_that_cannot_act_says_why() {
    let mut desk = Desk::with_rules(vec![
        rule("due", "", after(HOUR, ClockBase::DueTime)),
        rule("never", "1 / height == 1", Trigger::MeetingClosed),
        Rule {
            action: Action::EscalateToLevel(level("PORTFOLIO")),
            ..rule("too-high", "", Trigger::MeetingClosed)
        },
        rule("edited", "", Trigger::Changed),
    ]);
    let number = desk.raise("team-a1", Severity::Medium);
    let told = of(&desk, number);
    assert_eq!(
        verdict(&told, "due"),
        (
            Outcome::NotMet,
            "the date that it counts from is not set".to_owned()
        )
    );
    let (outcome, reason) = verdict(&told, "never");
    assert_eq!(outcome, Outcome::NotMet);
    assert!(reason.contains("cannot be decided"), "{reason}");
    assert_eq!(verdict(&told, "too-high").0, Outcome::NoTarget);
    assert_eq!(
        verdict(&told, "edited"),
        (Outcome::Holds, "acts on the next edit".to_owned())
    );
}

#[test]
fn a_policy_can_be_tried() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Medium);
    let steps = simulate(&desk.organization, &desk.blocker(number), desk.now);
    let told: Vec<(String, String)> = steps
        .into_iter()
        .filter(|step| !step.effect.starts_with("does not act"))
        .map(|step| (step.rule, step.effect))
        .collect();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(rule, effect)| (rule.as_str(), effect.as_str()))
        .collect();
    assert_eq!(told[0], ("team-day", "escalates to sos-a"));
    assert_eq!(told[1], ("sos-meetings", "escalates to train"));
    assert_eq!(told[2], ("above-meeting", "escalates to solution"));
    assert!(told[3].1.starts_with("exhausted"), "{told:?}");
    assert_eq!(told.len(), 4);
    assert_eq!(desk.holder(number), "team-a1", "a try changes nothing");
}

#[test]
fn rules_can_be_tried_on_a_described_blocker_however_old() {
    let desk = Desk::new();
    let describe = |raised_at, meetings_survived| {
        let description = Description {
            content: new_blocker("team-a1", "stuck", Severity::Critical),
            holder: Some(node("train")),
            owner: None,
            committed_at: None,
            acknowledged_until: None,
            held_until: None,
            raised_at: Some(raised_at),
            level_entered_at: None,
            progressed_at: None,
            meetings_survived,
        };
        described(&desk.organization, &description, desk.now)
    };
    let policy = &desk
        .organization
        .policies()
        .next()
        .expect("the default policy")
        .id;
    let version = desk
        .organization
        .version(policy, 1)
        .expect("it exists")
        .version
        .clone();
    for raised_at in [Timestamp::from_micros(i64::MIN), Timestamp::MIN, desk.now] {
        for survived in [0, i32::MAX] {
            let blocker = describe(raised_at, survived).expect("it is in the past");
            let trial = trial(&desk.organization, version.clone(), &blocker, desk.now);
            assert_eq!(trial.verdicts.len(), 8);
            assert_eq!(trial.steps[0].rule, "critical");
        }
    }
    assert!(describe(Timestamp::MAX, 0).is_err());
    assert!(describe(desk.now, i32::MIN).is_err());
}
