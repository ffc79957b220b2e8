//! Explanations.

use echelon_domain::{
    OrganizationId,
    explain::{NextStep, Outcome, SimulatedStep, Verdict},
};

use super::{
    name,
    time::{optional_timestamp, timestamp},
};
use crate::v1;

/// What a rule says, as the API has it.
#[must_use]
pub fn verdict(id: &OrganizationId, verdict: &Verdict) -> v1::RuleVerdict {
    use v1::rule_verdict;
    let Verdict {
        rule,
        outcome,
        reason,
        due,
        target,
    } = verdict;
    let outcome = match outcome {
        Outcome::Holds => rule_verdict::Outcome::Holds,
        Outcome::NotMet => rule_verdict::Outcome::NotMet,
        Outcome::Waiting => rule_verdict::Outcome::Waiting,
        Outcome::Spent => rule_verdict::Outcome::Spent,
        Outcome::Suspended => rule_verdict::Outcome::Suspended,
        Outcome::NoTarget => rule_verdict::Outcome::NoTarget,
    };
    v1::RuleVerdict {
        rule: rule.clone(),
        outcome: outcome.into(),
        reason: reason.clone(),
        due_time: optional_timestamp(*due),
        target: target
            .as_ref()
            .map_or_else(String::new, |node| name::node(id, node)),
    }
}

/// What happens next, as the API has it.
#[must_use]
pub fn next_step(id: &OrganizationId, next: &NextStep) -> v1::NextStep {
    let NextStep {
        description,
        at,
        rule,
        target,
    } = next;
    v1::NextStep {
        description: description.clone(),
        time: optional_timestamp(*at),
        rule: rule.clone().unwrap_or_default(),
        target: target
            .as_ref()
            .map_or_else(String::new, |node| name::node(id, node)),
    }
}

/// One step of a policy test, as the API has it.
#[must_use]
pub fn simulated_step(step: &SimulatedStep) -> v1::PolicyTestStep {
    let SimulatedStep {
        at,
        trigger,
        rule,
        effect,
    } = step;
    v1::PolicyTestStep {
        time: Some(timestamp(*at)),
        trigger: trigger.clone(),
        rule: rule.clone(),
        effect: effect.clone(),
    }
}
