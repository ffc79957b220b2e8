//! Explanations (E6): why a blocker is where it is, what each rule says, and what moves it next. What is foretold is
//! found by letting [`react`] run on a copy, so that it cannot differ from what happens then.

mod simulate;

use std::collections::BTreeMap;

pub use simulate::{SimulatedStep, simulate};

use crate::{
    blocker::{Arrival, Blocker, ChangeKind, EscalationState, MarkKind, State},
    escalation::{Stimulus, due, react, target},
    id::{MeetingNumber, NodeId},
    organization::Organization,
    policy::{
        Action, Trigger, Verdict as Condition,
        fact::{FACTS, Subject},
    },
    time::{Timestamp, humanize},
};

/// Most timer passes looked ahead: each spends a rule, or ends a pause.
const LOOK_AHEAD: usize = 120;

/// What a rule says about a blocker now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It would act if its trigger came.
    Holds,
    /// Its condition is not met.
    NotMet,
    /// Its condition is met and its timer runs.
    Waiting,
    /// It has acted or been passed over since real progress was last made.
    Spent,
    /// It cannot act while the blocker is acknowledged, on hold or closed.
    Suspended,
    /// It would move the blocker up, and there is no such level above.
    NoTarget,
}

/// What a rule says about a blocker now, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Name of the rule.
    pub rule: String,
    /// What it says.
    pub outcome: Outcome,
    /// For people: why.
    pub reason: String,
    /// When its timer is due.
    pub due: Option<Timestamp>,
    /// Where it would move the blocker to.
    pub target: Option<NodeId>,
}

/// What happens next if nobody does anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// For people.
    pub description: String,
    /// When; none if it waits for a meeting.
    pub at: Option<Timestamp>,
    /// Rule that acts.
    pub rule: Option<String>,
    /// Where it moves to.
    pub target: Option<NodeId>,
}

/// An explanation of one blocker.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Why it is where it is: one sentence a line.
    pub summary: Vec<String>,
    /// What each rule of the pinned version says.
    pub verdicts: Vec<Verdict>,
    /// What happens next; none for a closed blocker.
    pub next: Option<NextStep>,
    /// The facts, as CEL literals.
    pub facts: BTreeMap<String, String>,
}

/// Explains a blocker as of a time.
#[must_use]
pub fn explain(organization: &Organization, blocker: &Blocker, now: Timestamp) -> Explanation {
    let subject = Subject {
        organization,
        content: &blocker.content,
        status: &blocker.status,
        now,
    };
    Explanation {
        summary: summary(blocker, now),
        verdicts: verdicts(organization, blocker, now),
        next: next_step(organization, blocker, now),
        facts: FACTS
            .iter()
            .map(|fact| (fact.name.to_owned(), fact.read(&subject).literal()))
            .collect(),
    }
}

fn summary(blocker: &Blocker, now: Timestamp) -> Vec<String> {
    let number = blocker.number;
    let status = &blocker.status;
    let since = humanize(now.since(status.level_entered_at));
    let arrival = match status.arrival {
        Arrival::Raised => "was raised there",
        Arrival::Escalated => "came up from below",
        Arrival::Returned => "came back from above with guidance",
        Arrival::Reheld => "came there when the tree changed",
        Arrival::Reopened => "was reopened there",
    };
    let mut lines = vec![format!(
        "{number} is at {} since {since}: it {arrival}",
        status.holder
    )];
    let at = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    lines.push(match status.state {
        State::Raised => "nobody has acknowledged it yet".to_owned(),
        State::Acknowledged => format!(
            "it is acknowledged until {}: no rule moves it before",
            at(status.acknowledged_until)
        ),
        State::Owned => {
            let owner = status.owner.as_deref().unwrap_or_default();
            match status.committed_at {
                Some(date) if date > now => format!("{owner} owns it and committed to {date}"),
                Some(date) => format!("{owner} owns it and missed the commitment of {date}"),
                None => format!("{owner} owns it without a committed date"),
            }
        }
        State::OnHold => format!(
            "it is on hold until {}, approved by {}",
            at(status.held_until),
            status.hold_approver.as_deref().unwrap_or_default()
        ),
        State::Resolved => "it is resolved and waits for the origin to verify".to_owned(),
        State::Verified => "it is closed: the origin is unblocked".to_owned(),
        State::Withdrawn => "it is closed: it was withdrawn".to_owned(),
        State::Merged => status.merged_into.map_or_else(
            || "it is closed: it was merged".to_owned(),
            |into| format!("it is closed: it was merged into {into}"),
        ),
    });
    if status.escalation == EscalationState::Exhausted {
        lines.push("it is exhausted: no rule can move it any more, and nobody acted".to_owned());
    }
    lines.push(format!(
        "it survived {} of this level's meetings, and the rules are those of {}@{}",
        status.meetings_survived, status.policy, status.policy_version
    ));
    lines
}

fn verdicts(organization: &Organization, blocker: &Blocker, now: Timestamp) -> Vec<Verdict> {
    let status = &blocker.status;
    let Ok(version) = organization.version(&status.policy, status.policy_version) else {
        return Vec::new();
    };
    version
        .rules()
        .map(|(index, rule)| {
            let due = due(rule, &blocker.content, status);
            // Each rule is judged as of when it looks: by its timer, or at a close that counts as a meeting survived.
            let mut then = status.clone();
            if rule.trigger == Trigger::MeetingClosed {
                then.meetings_survived = then.meetings_survived.saturating_add(1);
            }
            let subject = Subject {
                organization,
                content: &blocker.content,
                status: &then,
                now: due.map_or(now, |due| due.max(now)),
            };
            let target = target(organization, &blocker.content, status, &rule.action);
            let mark = status
                .marks
                .iter()
                .find(|mark| mark.rule == rule.name && mark.kind != MarkKind::Restarted);
            let (outcome, reason) = if !blocker.is_open() {
                (Outcome::Suspended, "the blocker is closed".to_owned())
            } else if matches!(status.state, State::Acknowledged | State::OnHold) {
                let until = status.timer_at.unwrap_or(now);
                (
                    Outcome::Suspended,
                    format!("nothing moves it before {until}"),
                )
            } else if let Some(mark) = mark {
                (Outcome::Spent, spent(mark.kind, mark.at))
            } else {
                match version.verdict(index, &subject) {
                    Condition::NotMet(reason) => match due {
                        Some(due) if due > now => (
                            Outcome::NotMet,
                            format!("when it is due in {}, {reason}", humanize(due.since(now))),
                        ),
                        _ => (Outcome::NotMet, reason),
                    },
                    Condition::Met(_) if rule.action.moves() && target.is_none() => (
                        Outcome::NoTarget,
                        format!("there is no such level above {}", status.holder),
                    ),
                    Condition::Met(_) => match (&rule.trigger, due) {
                        (_, Some(due)) if due > now => (
                            Outcome::Waiting,
                            format!("is due in {}", humanize(due.since(now))),
                        ),
                        (Trigger::MeetingClosed, _) => (
                            Outcome::Holds,
                            "acts when the next meeting closes".to_owned(),
                        ),
                        (Trigger::Changed, _) => {
                            (Outcome::Holds, "acts on the next edit".to_owned())
                        }
                        (Trigger::Raised | Trigger::After { .. }, Some(_)) => {
                            (Outcome::Holds, "is due now".to_owned())
                        }
                        (Trigger::Raised, None) => (
                            Outcome::Spent,
                            "looks only when a blocker is raised or comes up".to_owned(),
                        ),
                        (Trigger::After { .. }, None) => (
                            Outcome::NotMet,
                            "the date that it counts from is not set".to_owned(),
                        ),
                    },
                }
            };
            Verdict {
                rule: rule.name.clone(),
                outcome,
                reason,
                due,
                target,
            }
        })
        .collect()
}

fn spent(kind: MarkKind, at: Timestamp) -> String {
    match kind {
        MarkKind::Fired => format!("acted at {at}"),
        MarkKind::Skipped => format!("was late and skipped at {at}"),
        MarkKind::Unmatched => format!("its condition was not met at {at}"),
        MarkKind::Restarted => format!("was late and started anew at {at}"),
    }
}

/// What happens next if nobody does anything; none for a closed blocker.
#[must_use]
pub fn next_step(
    organization: &Organization,
    blocker: &Blocker,
    now: Timestamp,
) -> Option<NextStep> {
    if !blocker.is_open() {
        return None;
    }
    let by_timer = next_by_timer(organization, blocker, now);
    let by_meeting = next_by_meeting(organization, blocker, now);
    let exhausted = blocker.status.escalation == EscalationState::Exhausted;
    match (by_timer, by_meeting) {
        (Some(timer), Some(meeting)) => Some(NextStep {
            description: format!(
                "{}; before that, {}",
                timer.description, meeting.description
            ),
            ..timer
        }),
        (Some(step), None) | (None, Some(step)) => Some(step),
        (None, None) if exhausted => Some(NextStep {
            description: format!(
                "nothing: no rule can move it above {}; own, hold or resolve it there",
                blocker.status.holder
            ),
            at: None,
            rule: None,
            target: None,
        }),
        (None, None) => Some(NextStep {
            description: format!(
                "it stays at {} through the next meeting: no rule's condition is met yet",
                blocker.status.holder
            ),
            at: None,
            rule: None,
            target: None,
        }),
    }
}

/// The first timer that moves or exhausts it, found by passing timers on a copy.
fn next_by_timer(
    organization: &Organization,
    blocker: &Blocker,
    now: Timestamp,
) -> Option<NextStep> {
    let mut copy = blocker.clone();
    let mut at = now;
    for _ in 0..LOOK_AHEAD {
        at = at.max(copy.status.timer_at?);
        for change in react(organization, &copy, &Stimulus::Timer, at) {
            match change.kind {
                ChangeKind::Moved(moved) => {
                    let rule = moved.rule.unwrap_or_default();
                    return Some(NextStep {
                        description: format!("at {at} it moves to {} (rule {rule})", moved.to),
                        at: Some(at),
                        rule: Some(rule),
                        target: Some(moved.to),
                    });
                }
                ChangeKind::Exhausted(reason) => {
                    return Some(NextStep {
                        description: format!("at {at} it is exhausted: {reason}"),
                        at: Some(at),
                        rule: None,
                        target: None,
                    });
                }
                _ => copy.status = change.status,
            }
        }
    }
    None
}

/// What the close of the next meeting does, unless it only carries it over.
fn next_by_meeting(
    organization: &Organization,
    blocker: &Blocker,
    now: Timestamp,
) -> Option<NextStep> {
    let holder = &blocker.status.holder;
    let close = Stimulus::MeetingClosed(MeetingNumber::new(0));
    react(organization, blocker, &close, now)
        .into_iter()
        .find_map(|change| match change.kind {
            ChangeKind::Moved(moved) => {
                let rule = moved.rule.unwrap_or_default();
                Some(NextStep {
                    description: format!(
                        "the close of the next meeting of {holder} moves it to {} (rule {rule})",
                        moved.to
                    ),
                    at: None,
                    rule: Some(rule),
                    target: Some(moved.to),
                })
            }
            ChangeKind::Exhausted(_) => Some(NextStep {
                description: if blocker.status.escalation == EscalationState::Exhausted {
                    format!("it stays exhausted at {holder}: own, hold or resolve it there")
                } else {
                    format!(
                        "the close of the next meeting of {holder} exhausts it: there is no level above"
                    )
                },
                at: None,
                rule: None,
                target: None,
            }),
            _ => None,
        })
}

/// What an action does, for people.
fn effect(action: &Action, target: Option<&NodeId>) -> String {
    match (action, target) {
        (Action::RequireOwner, _) => "requires an owner".to_owned(),
        (Action::Notify { roles, .. }, _) => format!("notifies {}", roles.join(", ")),
        (_, Some(target)) => format!("escalates to {target}"),
        (_, None) => "exhausts it: there is no level above".to_owned(),
    }
}
