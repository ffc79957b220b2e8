//! The attention list: most pressing first, with every reason.

use echelon_domain::{
    attention::{Item, Range, Reason, attention},
    blocker::Severity,
    policy::{Action, ClockBase, Rule, Trigger},
};

use crate::support::{DAY, Desk, HOUR, after, new_blocker, node, rule};

fn list(desk: &Desk, at: &str, subtree: bool) -> Vec<Item> {
    attention(&desk.organization, &node(at), subtree, Range::ALL, desk.now)
        .expect("the node exists")
}

/// One organization in which every reason occurs. Meetings at the root exhaust; an owner is asked for after a day.
fn busy() -> Desk {
    let mut desk = Desk::with_rules(vec![
        rule("top", "is_root", Trigger::MeetingClosed),
        Rule {
            action: Action::RequireOwner,
            ..rule(
                "owner",
                "severity == \"HIGH\"",
                after(DAY, ClockBase::Progress),
            )
        },
    ]);
    let exhausted = desk.raise("team-a1", Severity::Low);
    desk.escalate(exhausted, Some("solution"));
    desk.meet("solution");
    desk.raise("team-b1", Severity::High);
    desk.after(DAY);
    desk.raise("team-a1", Severity::Critical);
    let missed = desk.raise("team-a2", Severity::Low);
    desk.own(missed, Some(HOUR));
    let mut overdue = new_blocker("team-a2", "licence", Severity::Low);
    overdue.due_at = Some(desk.now.plus(HOUR));
    let overdue = desk.raise_new(overdue);
    let escalated = desk.raise("team-a1", Severity::Low);
    desk.escalate(escalated, None);
    let soon = desk.raise("team-b1", Severity::Low);
    desk.own(soon, Some(DAY));
    let solved = desk.raise("team-b1", Severity::Low);
    desk.resolve(solved);
    desk.raise("supplier", Severity::Medium);
    desk.after(2 * HOUR);
    assert_eq!(desk.blocker(overdue).status.owner, None);
    desk
}

#[test]
fn the_most_pressing_comes_first() {
    let desk = busy();
    let reasons: Vec<Reason> = list(&desk, "solution", true)
        .iter()
        .map(|item| item.reason)
        .collect();
    assert_eq!(
        reasons,
        [
            Reason::Exhausted,
            Reason::CriticalUnowned,
            Reason::CommitmentMissed,
            Reason::Overdue,
            Reason::OwnerRequired,
            Reason::Escalated,
            Reason::DueSoon,
            Reason::AwaitingVerification,
        ]
    );
}

#[test]
fn what_is_old_needs_attention_too() {
    let mut desk = busy();
    desk.pass(8 * DAY);
    let last = list(&desk, "supplier", false).remove(0);
    assert_eq!(
        (last.reason, last.note.as_str()),
        (Reason::Aged, "medium, unowned, open for 8d 2h")
    );
}

#[test]
fn a_note_tells_every_reason() {
    let desk = busy();
    let notes: Vec<String> = list(&desk, "solution", true)
        .into_iter()
        .map(|item| item.note)
        .collect();
    assert_eq!(notes[1], "critical, unowned");
    assert_eq!(notes[2], "low, commitment missed 1h ago");
    assert!(
        notes[3].starts_with("low, unowned, overdue for "),
        "{}",
        notes[3]
    );
    assert_eq!(notes[4], "high, unowned, a rule requires an owner");
    assert!(
        notes[5].starts_with("low, unowned, came up from team-a1 2h"),
        "{}",
        notes[5]
    );
    assert!(notes[6].starts_with("low, due in 21h 59m"), "{}", notes[6]);
    assert!(notes[7].starts_with("low, resolved 2h"), "{}", notes[7]);
}

#[test]
fn a_node_sees_its_own_and_a_subtree_all_below() {
    let desk = busy();
    let count = |at: &str, subtree| list(&desk, at, subtree).len();
    assert_eq!((count("solution", false), count("solution", true)), (1, 8));
    assert_eq!((count("sos-a", false), count("sos-a", true)), (1, 4));
    assert_eq!((count("team-b1", false), count("supplier", true)), (3, 0));
}
