//! Trying a policy: what would happen if nobody acted and every meeting were held once a day.

use std::time::Duration;

use super::effect;
use crate::{
    blocker::{Blocker, Change, ChangeKind, EscalationState},
    escalation::{Stimulus, react},
    id::MeetingNumber,
    organization::Organization,
    policy::Action,
    time::Timestamp,
};

const DAY: Duration = Duration::from_secs(86_400);
/// Most steps told.
const STEPS_MAX: usize = 100;
/// Most days looked ahead.
const DAYS_MAX: usize = 400;

/// One step of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedStep {
    /// When.
    pub at: Timestamp,
    /// What sets it off.
    pub trigger: String,
    /// Rule that fires.
    pub rule: String,
    /// What it does.
    pub effect: String,
}

/// What happens to a blocker from `now` on under the rules of `organization`, if nobody acts and its holder meets
/// once a day. See [`Organization::with_only_policy`] for rules that are not in force. At most 100 steps.
#[must_use]
pub fn simulate(
    organization: &Organization,
    blocker: &Blocker,
    now: Timestamp,
) -> Vec<SimulatedStep> {
    let mut copy = blocker.clone();
    let mut steps = Vec::new();
    let mut at = now;
    let mut meeting_at = now.plus(DAY);
    let mut days = 0;
    while steps.len() < STEPS_MAX
        && days < DAYS_MAX
        && copy.is_open()
        && copy.status.escalation != EscalationState::Exhausted
    {
        let timer = copy.status.timer_at.filter(|timer| *timer <= meeting_at);
        let (stimulus, trigger) = if let Some(timer) = timer {
            at = at.max(timer);
            (Stimulus::Timer, format!("timer of {timer}"))
        } else {
            at = at.max(meeting_at);
            days += 1;
            meeting_at = meeting_at.plus(DAY);
            (
                Stimulus::MeetingClosed(MeetingNumber::new(0)),
                format!("meeting of {} closes", copy.status.holder),
            )
        };
        for change in react(organization, &copy, &stimulus, at) {
            if let Some((rule, effect)) = told(&change) {
                steps.push(SimulatedStep {
                    at,
                    trigger: trigger.clone(),
                    rule,
                    effect,
                });
            }
            copy.status = change.status;
        }
        // Revisions have strictly increasing times.
        at = at.plus(Duration::from_micros(1));
    }
    steps.truncate(STEPS_MAX);
    steps
}

fn told(change: &Change) -> Option<(String, String)> {
    match &change.kind {
        ChangeKind::Moved(moved) => Some((
            moved.rule.clone().unwrap_or_default(),
            effect(&Action::EscalateToParent, Some(&moved.to)),
        )),
        ChangeKind::Exhausted(reason) => Some((String::new(), format!("exhausted: {reason}"))),
        ChangeKind::OwnerRequired { rule } => {
            Some((rule.clone(), effect(&Action::RequireOwner, None)))
        }
        ChangeKind::Notified {
            rule,
            roles,
            message,
        } => Some((
            rule.clone(),
            effect(
                &Action::Notify {
                    roles: roles.clone(),
                    message: message.clone(),
                },
                None,
            ),
        )),
        ChangeKind::RulePassed { rule, reason } => {
            Some((rule.clone(), format!("does not act: {reason}")))
        }
        ChangeKind::AcknowledgementLapsed => {
            Some((String::new(), "the acknowledgement expires".to_owned()))
        }
        ChangeKind::HoldEnded => Some((String::new(), "the hold ends".to_owned())),
        _ => None,
    }
}
