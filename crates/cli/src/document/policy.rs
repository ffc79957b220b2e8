//! The document of an escalation policy; `policy show` writes the form that `policy apply` reads.

mod convert;

use std::fmt;

use echelon_client::{names, v1};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IntoDeserializer as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::Span;

/// A policy.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Id of the policy.
    pub(crate) policy: String,
    /// Id of the node that it is attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) display_name: String,
    /// The rules, in order.
    pub(crate) rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    when: String,
    on: Trigger,
    #[serde(rename = "do")]
    action: Action,
    #[serde(default, skip_serializing_if = "Late::is_default")]
    late: Late,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Trigger {
    Word(TriggerWord),
    After(After),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum TriggerWord {
    Raised,
    MeetingClosed,
    Changed,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct After {
    after: Span,
    #[serde(default)]
    since: Since,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Since {
    #[default]
    Progress,
    Raised,
    LevelEntered,
    CommitTime,
    DueTime,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Action {
    Word(ActionWord),
    // YAML would write the variant as a tag.
    Full(#[serde(with = "serde_yaml_ng::with::singleton_map")] FullAction),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ActionWord {
    EscalateToParent,
    EscalateToCommonAncestor,
    EscalateToRoot,
    RequireOwner,
}

/// An action with details: exactly one of them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum FullAction {
    EscalateToLevel(String),
    Notify(Notify),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Late {
    #[default]
    Fire,
    Skip,
    Restart,
}

impl Late {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_default(&self) -> bool {
        *self == Self::Fire
    }
}

impl<'de> Deserialize<'de> for Trigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Trigger;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("raised, meeting_closed, changed, or {after: DURATION}")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Trigger, E> {
                TriggerWord::deserialize(word.into_deserializer()).map(Trigger::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Trigger, A::Error> {
                After::deserialize(MapAccessDeserializer::new(map)).map(Trigger::After)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Action;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(
                    "escalate_to_parent, escalate_to_common_ancestor, escalate_to_root, require_owner, \
                     {escalate_to_level: LEVEL} or {notify: {roles: [ROLE]}}",
                )
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Action, E> {
                ActionWord::deserialize(word.into_deserializer()).map(Action::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Action, A::Error> {
                FullAction::deserialize(MapAccessDeserializer::new(map)).map(Action::Full)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Policy {
    /// The rules as the API takes them.
    pub(crate) fn version(self) -> v1::EscalationPolicyVersion {
        v1::EscalationPolicyVersion {
            rules: self.rules.into_iter().map(convert::rule_to_proto).collect(),
            ..v1::EscalationPolicyVersion::default()
        }
    }

    /// The document of a policy; none if it holds what this version does not know.
    pub(crate) fn from_proto(policy: &v1::EscalationPolicy) -> Option<Self> {
        let rules = &policy.version.as_ref()?.rules;
        Some(Self {
            policy: names::short(&policy.name),
            node: Some(names::short(&policy.node)),
            display_name: policy.display_name.clone(),
            rules: rules
                .iter()
                .map(convert::rule_from_proto)
                .collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::example, input::Document};

    fn parsed(document: &Document) -> Policy {
        document.parse().unwrap()
    }

    #[test]
    fn the_documented_policy_uses_every_form_and_comes_back_as_it_was() {
        let document = example("policy");
        let policy = parsed(&document);
        assert_eq!(
            (policy.policy.as_str(), policy.node.as_deref()),
            ("storefront", Some("storefront"))
        );
        let version = policy.version();
        let kinds: Vec<_> = version
            .rules
            .iter()
            .map(|rule| {
                (
                    rule.name.as_str(),
                    rule.trigger.as_ref().unwrap().kind.as_ref().unwrap(),
                )
            })
            .collect();
        assert!(matches!(
            kinds[0],
            ("critical-at-once", v1::trigger::Kind::Raised(_))
        ));
        let proto = v1::EscalationPolicy {
            name: names::policy("acme", "storefront"),
            node: names::node("acme", "storefront"),
            display_name: "Storefront".to_owned(),
            version: Some(version.clone()),
            etag: String::new(),
        };
        let written = serde_yaml_ng::to_string(&Policy::from_proto(&proto).unwrap()).unwrap();
        let again = parsed(&Document::new(&written)).version();
        assert_eq!(again, version);
    }

    #[test]
    fn after_counts_from_progress_and_fires_late_unless_said_otherwise() {
        let text = "policy: p\nrules: [{name: a, on: {after: 1d12h}, do: escalate_to_root}]";
        let rule = parsed(&Document::new(text)).version().rules.remove(0);
        let Some(v1::trigger::Kind::After(after)) = rule.trigger.unwrap().kind else {
            panic!("{rule:?}");
        };
        assert_eq!(after.duration.unwrap().seconds, 129_600);
        assert_eq!(after.since(), v1::ClockBase::Progress);
        assert_eq!(rule.late(), v1::LateMode::Fire);
    }

    #[test]
    fn faults_are_named() {
        let rule = |rule: &str| format!("policy: p\nrules:\n  - {{name: a, {rule}}}\n");
        for (text, part) in [
            (
                rule("on: rised, do: escalate_to_parent"),
                "unknown variant `rised`",
            ),
            (
                rule("on: raised, do: escalate"),
                "unknown variant `escalate`",
            ),
            (
                rule("on: {after: soon}, do: escalate_to_parent"),
                "`soon` is no duration",
            ),
            (
                rule("on: {after: 1d, from: raised}, do: escalate_to_parent"),
                "unknown field `from`",
            ),
            (
                rule("on: raised, do: {notify: {message: hi}}"),
                "missing field `roles`",
            ),
            (
                rule("on: raised, do: {escalate_to: TRAIN}"),
                "unknown variant `escalate_to`",
            ),
            (
                rule("on: raised, do: escalate_to_parent, late: never"),
                "unknown variant `never`",
            ),
            (
                rule("on: raised, do: {escalate_to_level: TRAIN, notify: {roles: [RTE]}}"),
                "1 entry",
            ),
            (rule("on: raised"), "missing field `do`"),
            (rule("on: 3, do: escalate_to_parent"), "meeting_closed"),
            ("policy: p".to_owned(), "missing field `rules`"),
        ] {
            let message = Document::new(&text)
                .parse::<Policy>()
                .unwrap_err()
                .to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn faults_are_placed() {
        let text = "policy: p\nrules:\n  - name: a\n    on: raised\n    do: escalate\n";
        let message = Document::new(text)
            .parse::<Policy>()
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("rules[0].do") && message.contains("line 5"),
            "{message}"
        );
    }
}
