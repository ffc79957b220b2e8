//! Escalation: which rule moves a blocker, when, and why. Pure functions over the organization and the blocker.

mod edit;
mod react;
mod rebase;

use std::time::Duration;

pub use edit::note_edit;
pub use react::{Stimulus, react};
pub use rebase::{Rebased, rebase};

use crate::{
    blocker::{Arrival, Content, EscalationState, MarkKind, RuleMark, State, Status},
    error::Error,
    id::{NodeId, PolicyId},
    organization::Organization,
    policy::{Action, ClockBase, Rule, Trigger, Verdict, fact::Subject},
    time::Timestamp,
};

/// Revisions have strictly increasing times, this far apart at least.
const TICK: Duration = Duration::from_micros(1);

/// A timer that fires later than this after its due time is late.
pub const LATE_AFTER: Duration = Duration::from_secs(60);

/// The newest version of the policy in force at a node. Errors: [`Error::Internal`] if there is none, which the
/// default policy at the root rules out.
pub fn in_force(organization: &Organization, holder: &NodeId) -> Result<(PolicyId, i64), Error> {
    organization
        .policy_in_force(holder)
        .map(|policy| (policy.id.clone(), policy.latest))
        .ok_or_else(|| Error::internal(format!("no policy is in force at `{holder}`")))
}

/// The status after a change of holder: clocks restart, and the version in force at the new level is pinned. What the
/// old holder said of it (owner, commitment, acknowledgement, hold) ends, unless only the tree changed around it.
#[must_use]
pub fn arrive(
    organization: &Organization,
    content: &Content,
    before: &Status,
    to: &NodeId,
    arrival: Arrival,
    now: Timestamp,
) -> Status {
    let mut status = before.clone();
    status.holder = to.clone();
    status.arrival = arrival;
    status.level_entered_at = now;
    status.progressed_at = now;
    status.meetings_survived = 0;
    status.marks.clear();
    status.owner_required = false;
    status.escalation = EscalationState::WaitingForMeeting;
    if let Some(policy) = organization.policy_in_force(to) {
        status.policy = policy.id.clone();
        status.policy_version = policy.latest;
    }
    if arrival != Arrival::Reheld {
        status.state = State::Raised;
        status.owner = None;
        status.committed_at = None;
        status.acknowledged_until = None;
        status.held_until = None;
        status.hold_approver = None;
    }
    if arrival == Arrival::Escalated {
        status.escalations += 1;
    }
    pass_over_raised(organization, content, &mut status, now);
    arm(organization, content, &mut status);
    status
}

/// Restarts the clocks, as only real progress does. What rules about arrivals did stays done until the next arrival;
/// an alarm ends, because somebody acted.
pub fn progress(organization: &Organization, status: &mut Status, at: Timestamp) {
    status.progressed_at = at.max(status.level_entered_at);
    let timed = |name: &str| {
        organization
            .version(&status.policy, status.policy_version)
            .is_ok_and(|version| {
                version.rules().any(|(_, rule)| {
                    rule.name == name && matches!(rule.trigger, Trigger::After { .. })
                })
            })
    };
    status.marks.retain(|mark| !timed(&mark.rule));
    for mark in &mut status.marks {
        if mark.kind == MarkKind::Restarted {
            mark.at = status.progressed_at;
        }
    }
    if status.escalation == EscalationState::Exhausted {
        status.escalation = EscalationState::WaitingForMeeting;
    }
}

/// Marks the rules about arrivals that would look now and whose condition is not met, so that no timer is set for them.
fn pass_over_raised(
    organization: &Organization,
    content: &Content,
    status: &mut Status,
    now: Timestamp,
) {
    let Ok(version) = organization.version(&status.policy, status.policy_version) else {
        return;
    };
    let mut marks = Vec::new();
    for (index, rule) in version.rules() {
        let subject = Subject {
            organization,
            content,
            status,
            now,
        };
        if rule.trigger == Trigger::Raised
            && due(rule, content, status).is_some()
            && matches!(version.verdict(index, &subject), Verdict::NotMet(_))
        {
            marks.push(RuleMark {
                rule: rule.name.as_str().into(),
                kind: MarkKind::Unmatched,
                at: now,
            });
        }
    }
    status.marks.extend(marks);
}

/// Sets the escalation state and the timer from all else: every open blocker is armed, waits for a meeting, is paused
/// with an end, or is exhausted (E2). What is exhausted stays so until real progress, unless a rule can move it again.
pub fn arm(organization: &Organization, content: &Content, status: &mut Status) {
    (status.escalation, status.timer_at) = match status.state {
        State::Resolved | State::Verified | State::Withdrawn | State::Merged => {
            (EscalationState::Closed, None)
        }
        State::Acknowledged => (EscalationState::Paused, status.acknowledged_until),
        State::OnHold => (EscalationState::Paused, status.held_until),
        State::Raised | State::Owned
            if status.escalation == EscalationState::Exhausted
                && !can_move(organization, content, status) =>
        {
            (EscalationState::Exhausted, None)
        }
        State::Raised | State::Owned => waiting(organization, content, status),
    };
}

fn waiting(
    organization: &Organization,
    content: &Content,
    status: &Status,
) -> (EscalationState, Option<Timestamp>) {
    let Ok(version) = organization.version(&status.policy, status.policy_version) else {
        return (EscalationState::Exhausted, None);
    };
    let next = version
        .rules()
        .filter_map(|(_, rule)| due(rule, content, status))
        .min();
    if next.is_some() {
        return (EscalationState::Armed, next);
    }
    let meeting_decides = version
        .rules()
        .any(|(_, rule)| rule.trigger == Trigger::MeetingClosed && rule.action.moves());
    if meeting_decides {
        (EscalationState::WaitingForMeeting, None)
    } else {
        (EscalationState::Exhausted, None)
    }
}

/// True if a rule may yet move it from where it is, by a timer or at a meeting.
fn can_move(organization: &Organization, content: &Content, status: &Status) -> bool {
    organization
        .version(&status.policy, status.policy_version)
        .is_ok_and(|version| {
            version.rules().any(|(_, rule)| {
                (rule.trigger == Trigger::MeetingClosed || due(rule, content, status).is_some())
                    && target(organization, content, status, &rule.action).is_some()
            })
        })
}

/// When a rule with a timer is due; none if it has no timer, or is spent. Never before the blocker came to this level:
/// what counts from an older time is due on arrival, and not late then.
#[must_use]
pub fn due(rule: &Rule, content: &Content, status: &Status) -> Option<Timestamp> {
    let mark = status.marks.iter().find(|mark| mark.rule == rule.name);
    let at = match (&rule.trigger, mark) {
        // It was edited during a pause: see `note_edit`.
        (
            Trigger::Changed,
            Some(RuleMark {
                kind: MarkKind::Restarted,
                at,
                ..
            }),
        ) => Some(*at),
        (Trigger::MeetingClosed | Trigger::Changed, _) => None,
        (
            Trigger::After { duration, .. },
            Some(RuleMark {
                kind: MarkKind::Restarted,
                at,
                ..
            }),
        ) => Some(at.plus(*duration)),
        (_, Some(_)) => None,
        // It looks when the blocker was raised or came up, not when it came back down or the tree changed.
        (Trigger::Raised, None) => matches!(
            status.arrival,
            Arrival::Raised | Arrival::Escalated | Arrival::Reopened
        )
        .then_some(status.level_entered_at),
        (Trigger::After { duration, since }, None) => {
            let base = match since {
                ClockBase::Progress => Some(status.progressed_at),
                ClockBase::Raised => Some(status.episode_at),
                ClockBase::LevelEntered => Some(status.level_entered_at),
                ClockBase::CommitTime => status.committed_at,
                ClockBase::DueTime => content.due_at,
            };
            base.map(|base| base.plus(*duration))
        }
    };
    at.map(|at| at.max(status.level_entered_at))
}

/// Where an action moves a blocker to; none if it moves nothing or there is no such node above.
#[must_use]
pub fn target(
    organization: &Organization,
    content: &Content,
    status: &Status,
    action: &Action,
) -> Option<NodeId> {
    let tree = organization.tree();
    let holder = &status.holder;
    let parent = || tree.parent(holder).cloned();
    match action {
        Action::EscalateToParent => parent(),
        Action::EscalateToLevel(level) => tree
            .path_up(holder)
            .skip(1)
            .find(|id| tree.get(id).is_some_and(|node| node.level == *level))
            .cloned(),
        Action::EscalateToCommonAncestor => tree
            .common_ancestor(
                content
                    .blocked_nodes
                    .iter()
                    .chain(&content.causing_nodes)
                    .chain([&content.origin]),
            )
            .filter(|common| common != holder && tree.is_self_or_ancestor(common, holder))
            .or_else(parent),
        Action::EscalateToRoot => tree.root().filter(|root| *root != holder).cloned(),
        Action::RequireOwner | Action::Notify { .. } => None,
    }
}
