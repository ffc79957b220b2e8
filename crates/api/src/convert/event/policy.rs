//! Records of policies.

use std::time::Duration;

use echelon_domain::{
    Error, NodeId, PolicyId, Timestamp,
    node::Level,
    policy::{Action, ClockBase, Late, Policy, Rule, Trigger, Version},
};

use super::by_name;
use crate::{convert::non_empty, v1};

pub(super) fn to_record(policy: &Policy, version: &Version) -> v1::PolicyRecord {
    let Policy {
        id,
        node,
        display_name,
        latest: _,
        // The event has it.
        revision: _,
    } = policy;
    let Version {
        policy: _,
        number,
        rules,
        author,
        // The event has it.
        created_at: _,
    } = version;
    v1::PolicyRecord {
        id: id.to_string(),
        node: node.to_string(),
        display_name: display_name.clone(),
        version: *number,
        rules: rules.iter().map(rule_to_record).collect(),
        author: author.clone().unwrap_or_default(),
    }
}

pub(super) fn from_record(record: &v1::PolicyRecord) -> Result<(Policy, Version), Error> {
    let v1::PolicyRecord {
        id,
        node,
        display_name,
        version,
        rules,
        author,
    } = record;
    let id = PolicyId::new("id", id)?;
    let policy = Policy {
        id: id.clone(),
        node: NodeId::new("node", node)?,
        display_name: display_name.clone(),
        latest: *version,
        revision: 0,
    };
    let version = Version {
        policy: id,
        number: *version,
        rules: rules
            .iter()
            .map(rule_from_record)
            .collect::<Result<_, _>>()?,
        author: non_empty(author).map(str::to_owned),
        created_at: Timestamp::MIN,
    };
    Ok((policy, version))
}

fn rule_to_record(rule: &Rule) -> v1::RuleRecord {
    let Rule {
        name,
        when,
        trigger,
        action,
        late,
    } = rule;
    let (trigger, after_us, since) = match trigger {
        Trigger::Raised => ("raised", 0, ""),
        Trigger::MeetingClosed => ("meeting_closed", 0, ""),
        Trigger::Changed => ("changed", 0, ""),
        Trigger::After { duration, since } => (
            "after",
            i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
            since.as_str(),
        ),
    };
    let mut record = v1::RuleRecord {
        name: name.clone(),
        when: when.clone(),
        trigger: trigger.to_owned(),
        after_us,
        since: since.to_owned(),
        action: String::new(),
        level: String::new(),
        roles: Vec::new(),
        message: String::new(),
        late: late.as_str().to_owned(),
    };
    let action = match action {
        Action::EscalateToParent => "escalate_to_parent",
        Action::EscalateToLevel(level) => {
            level.as_str().clone_into(&mut record.level);
            "escalate_to_level"
        }
        Action::EscalateToCommonAncestor => "escalate_to_common_ancestor",
        Action::EscalateToRoot => "escalate_to_root",
        Action::RequireOwner => "require_owner",
        Action::Notify { roles, message } => {
            record.roles.clone_from(roles);
            record.message.clone_from(message);
            "notify"
        }
    };
    action.clone_into(&mut record.action);
    record
}

fn rule_from_record(record: &v1::RuleRecord) -> Result<Rule, Error> {
    let v1::RuleRecord {
        name,
        when,
        trigger,
        after_us,
        since,
        action,
        level,
        roles,
        message,
        late,
    } = record;
    let unknown =
        |field: &str, value: &str| Error::field(field, format!("has the unknown value `{value}`"));
    let trigger = match trigger.as_str() {
        "raised" => Trigger::Raised,
        "meeting_closed" => Trigger::MeetingClosed,
        "changed" => Trigger::Changed,
        "after" => Trigger::After {
            duration: Duration::from_micros(u64::try_from(*after_us).unwrap_or(0)),
            since: by_name("since", &ClockBase::ALL, ClockBase::as_str, since)?,
        },
        other => return Err(unknown("trigger", other)),
    };
    let action = match action.as_str() {
        "escalate_to_parent" => Action::EscalateToParent,
        "escalate_to_level" => Action::EscalateToLevel(Level::new("level", level)?),
        "escalate_to_common_ancestor" => Action::EscalateToCommonAncestor,
        "escalate_to_root" => Action::EscalateToRoot,
        "require_owner" => Action::RequireOwner,
        "notify" => Action::Notify {
            roles: roles.clone(),
            message: message.clone(),
        },
        other => return Err(unknown("action", other)),
    };
    Ok(Rule {
        name: name.clone(),
        when: when.clone(),
        trigger,
        action,
        late: by_name("late", &Late::ALL, Late::as_str, late)?,
    })
}
