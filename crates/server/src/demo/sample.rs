//! The sample organization and the script of its morning. Roles, no people.

use std::collections::HashMap;

use echelon_api::v1;
use prost_types::Duration;

use super::node;

/// Id of the organization.
pub(super) const ORGANIZATION: &str = "acme";
/// Id of its root.
pub(super) const ROOT: &str = "shop";
/// The levels that meet after the teams, in order.
pub(super) const LEVELS: [&str; 3] = ["SOS", "TRAIN", "SOLUTION"];

/// Every node: id, parent, level, name.
pub(super) const NODES: &[(&str, &str, &str, &str)] = &[
    ("shop", "", "SOLUTION", "Shop"),
    ("storefront", "shop", "TRAIN", "Storefront Train"),
    ("platform", "shop", "TRAIN", "Platform Train"),
    ("buying", "storefront", "SOS", "Buying Scrum of Scrums"),
    ("finding", "storefront", "SOS", "Finding Scrum of Scrums"),
    ("running", "platform", "SOS", "Running Scrum of Scrums"),
    ("data", "platform", "SOS", "Data Scrum of Scrums"),
    ("checkout", "buying", "TEAM", "Checkout"),
    ("payments", "buying", "TEAM", "Payments"),
    ("returns", "buying", "TEAM", "Returns"),
    ("search", "finding", "TEAM", "Search"),
    ("catalog", "finding", "TEAM", "Catalog"),
    ("ratings", "finding", "TEAM", "Ratings"),
    ("clusters", "running", "TEAM", "Clusters"),
    ("delivery", "running", "TEAM", "Delivery"),
    ("observability", "running", "TEAM", "Observability"),
    ("pipelines", "data", "TEAM", "Pipelines"),
    ("warehouse", "data", "TEAM", "Warehouse"),
    ("reporting", "data", "TEAM", "Reporting"),
];

/// A blocker that a team names in its Daily Scrum.
pub(super) struct Problem {
    pub(super) team: &'static str,
    title: &'static str,
    severity: v1::Severity,
    category: &'static str,
    causing: &'static [&'static str],
}

impl Problem {
    pub(super) fn named(&self) -> v1::CheckInBlocker {
        v1::CheckInBlocker {
            title: self.title.to_owned(),
            severity: self.severity.into(),
            category: self.category.to_owned(),
            causing_nodes: self.causing.iter().map(|id| node(id)).collect(),
            ..v1::CheckInBlocker::default()
        }
    }
}

/// What blocks the teams this morning.
pub(super) const PROBLEMS: &[Problem] = &[
    Problem {
        team: "checkout",
        title: "Payment sandbox rejects test cards",
        severity: v1::Severity::High,
        category: "environment",
        causing: &["payments"],
    },
    Problem {
        team: "checkout",
        title: "Staging cluster is out of memory",
        severity: v1::Severity::Critical,
        category: "environment",
        causing: &["clusters"],
    },
    Problem {
        team: "payments",
        title: "No decision on the fraud rules",
        severity: v1::Severity::Medium,
        category: "decision",
        causing: &[],
    },
    Problem {
        team: "returns",
        title: "Label printer contract is unsigned",
        severity: v1::Severity::High,
        category: "supplier",
        causing: &[],
    },
    Problem {
        team: "search",
        title: "Index rebuild blocks releases",
        severity: v1::Severity::Medium,
        category: "technical",
        causing: &["pipelines"],
    },
    Problem {
        team: "ratings",
        title: "Review texts need a legal check",
        severity: v1::Severity::Low,
        category: "decision",
        causing: &[],
    },
    Problem {
        team: "delivery",
        title: "Signing keys expire on Friday",
        severity: v1::Severity::High,
        category: "security",
        causing: &["clusters"],
    },
    Problem {
        team: "reporting",
        title: "Warehouse schema changes without notice",
        severity: v1::Severity::Medium,
        category: "dependency",
        causing: &["warehouse"],
    },
];

/// What a meeting does about a blocker.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    Resolve(&'static str),
    Own(&'static str),
    Return(&'static str),
}

/// What the meeting of a node does about the blocker with this title. None: it cannot solve it.
pub(super) fn deed(node: &str, title: &str) -> Option<Deed> {
    let deeds: HashMap<(&str, &str), Deed> = HashMap::from([
        (
            ("buying", "Payment sandbox rejects test cards"),
            Deed::Resolve("Payments turned the sandbox's card check off"),
        ),
        (
            ("finding", "Review texts need a legal check"),
            Deed::Return("Use the texts that legal approved for the old shop"),
        ),
        (
            ("running", "Signing keys expire on Friday"),
            Deed::Own("security-lead@example.com"),
        ),
        (
            ("storefront", "Label printer contract is unsigned"),
            Deed::Own("rte@example.com"),
        ),
    ]);
    deeds.get(&(node, title)).copied()
}

/// The whole tree as one declared document.
pub(super) fn declaration() -> v1::ApplyOrganizationRequest {
    v1::ApplyOrganizationRequest {
        name: format!("organizations/{ORGANIZATION}"),
        display_name: "Acme".to_owned(),
        settings: None,
        nodes: NODES
            .iter()
            .map(|(id, parent, level, name)| v1::NodeDeclaration {
                id: (*id).to_owned(),
                parent: (*parent).to_owned(),
                level: (*level).to_owned(),
                display_name: (*name).to_owned(),
                representatives: representatives(id, level),
            })
            .collect(),
        validate_only: false,
        request_id: "demo-apply".to_owned(),
    }
}

fn representatives(id: &str, level: &str) -> Vec<v1::Representative> {
    let (person, role) = match level {
        "TEAM" | "SOS" => (format!("scrum-master-{id}@example.com"), "SCRUM_MASTER"),
        "TRAIN" => (format!("rte-{id}@example.com"), "RTE"),
        _ => ("ste@example.com".to_owned(), "SOLUTION_TRAIN_ENGINEER"),
    };
    vec![v1::Representative {
        person,
        role: role.to_owned(),
        start_time: None,
        end_time: None,
    }]
}

/// The Storefront Train's own policy: one meeting at every level, critical at once.
pub(super) fn policy() -> v1::CreateEscalationPolicyRequest {
    use v1::{action, trigger};
    let to_parent = || {
        Some(v1::Action {
            kind: Some(action::Kind::EscalateToParent(action::EscalateToParent {})),
        })
    };
    let rule = |name: &str, when: &str, trigger: trigger::Kind| v1::EscalationRule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger: Some(v1::Trigger {
            kind: Some(trigger),
        }),
        action: to_parent(),
        late: v1::LateMode::Fire.into(),
    };
    v1::CreateEscalationPolicyRequest {
        parent: format!("organizations/{ORGANIZATION}"),
        policy_id: "storefront".to_owned(),
        policy: Some(v1::EscalationPolicy {
            name: String::new(),
            node: node("storefront"),
            display_name: "Storefront: one meeting a level".to_owned(),
            version: Some(v1::EscalationPolicyVersion {
                rules: vec![
                    rule(
                        "critical",
                        "severity == \"CRITICAL\" && !on_track",
                        trigger::Kind::Raised(trigger::Raised {}),
                    ),
                    rule(
                        "unsolved",
                        "meetings_survived >= 1 && !on_track",
                        trigger::Kind::MeetingClosed(trigger::MeetingClosed {}),
                    ),
                    rule(
                        "one-day",
                        "!on_track",
                        trigger::Kind::After(trigger::After {
                            duration: Some(Duration {
                                seconds: 86_400,
                                nanos: 0,
                            }),
                            since: v1::ClockBase::Progress.into(),
                        }),
                    ),
                ],
                ..v1::EscalationPolicyVersion::default()
            }),
            etag: String::new(),
        }),
        validate_only: false,
        request_id: "demo-policy".to_owned(),
    }
}
