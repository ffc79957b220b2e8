//! Short ways to write rules.

use std::time::Duration;

use echelon_api::v1::{self, action, trigger};

use super::{Org, span};

/// A rule that moves to the parent.
pub(crate) fn rule(name: &str, when: &str, trigger: trigger::Kind) -> v1::EscalationRule {
    v1::EscalationRule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger: Some(v1::Trigger {
            kind: Some(trigger),
        }),
        action: Some(v1::Action {
            kind: Some(action::Kind::EscalateToParent(action::EscalateToParent {})),
        }),
        ..Default::default()
    }
}

/// The same rule with another action.
pub(crate) fn doing(rule: v1::EscalationRule, action: action::Kind) -> v1::EscalationRule {
    v1::EscalationRule {
        action: Some(v1::Action { kind: Some(action) }),
        ..rule
    }
}

/// The trigger of what is raised or comes up.
pub(crate) const fn raised() -> trigger::Kind {
    trigger::Kind::Raised(trigger::Raised {})
}

/// The trigger of a close.
pub(crate) const fn meeting_closed() -> trigger::Kind {
    trigger::Kind::MeetingClosed(trigger::MeetingClosed {})
}

/// The trigger of a span since something.
pub(crate) fn after(duration: Duration, since: v1::ClockBase) -> trigger::Kind {
    trigger::Kind::After(trigger::After {
        duration: span(duration),
        since: since.into(),
    })
}

/// Creates a policy at a node.
pub(crate) fn create(
    org: &Org,
    id: &str,
    node: &str,
    rules: Vec<v1::EscalationRule>,
) -> v1::CreateEscalationPolicyRequest {
    v1::CreateEscalationPolicyRequest {
        parent: org.name(),
        policy_id: id.to_owned(),
        policy: Some(v1::EscalationPolicy {
            node: org.node(node),
            version: Some(v1::EscalationPolicyVersion {
                rules,
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Gives a policy a new version.
pub(crate) fn update(
    org: &Org,
    id: &str,
    rules: Vec<v1::EscalationRule>,
) -> v1::UpdateEscalationPolicyRequest {
    v1::UpdateEscalationPolicyRequest {
        policy: Some(v1::EscalationPolicy {
            name: org.policy(id),
            version: Some(v1::EscalationPolicyVersion {
                rules,
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}
