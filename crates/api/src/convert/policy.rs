//! Escalation policies.

use echelon_domain::{
    Error, OrganizationId,
    escalation::Rebased,
    node::Level,
    policy::{Action, ClockBase, Late, Policy, Rule, Trigger, Version},
};

use super::{
    etag, explain, known, name,
    time::{duration, parse_duration, timestamp},
};
use crate::v1;

/// A policy with one of its versions as the API has it.
#[must_use]
pub fn to_proto(id: &OrganizationId, policy: &Policy, shown: &Version) -> v1::EscalationPolicy {
    let Policy {
        id: policy,
        node,
        display_name,
        latest: _,
        revision,
    } = policy;
    v1::EscalationPolicy {
        name: name::policy(id, policy),
        node: name::node(id, node),
        display_name: display_name.clone(),
        version: Some(version(id, shown)),
        etag: etag(*revision),
    }
}

/// A policy version as the API has it.
#[must_use]
pub fn version(id: &OrganizationId, version: &Version) -> v1::EscalationPolicyVersion {
    let Version {
        policy,
        number,
        rules,
        author,
        created_at,
    } = version;
    v1::EscalationPolicyVersion {
        name: name::policy_version(id, policy, *number),
        rules: rules.iter().map(rule).collect(),
        create_time: Some(timestamp(*created_at)),
        author: author.clone().unwrap_or_default(),
    }
}

fn rule(rule: &Rule) -> v1::EscalationRule {
    use v1::{action, trigger};
    let Rule {
        name,
        when,
        trigger: looks,
        action: acts,
        late,
    } = rule;
    let looks = match looks {
        Trigger::Raised => trigger::Kind::Raised(trigger::Raised {}),
        Trigger::MeetingClosed => trigger::Kind::MeetingClosed(trigger::MeetingClosed {}),
        Trigger::Changed => trigger::Kind::Changed(trigger::Changed {}),
        Trigger::After {
            duration: span,
            since,
        } => trigger::Kind::After(trigger::After {
            duration: Some(duration(*span)),
            since: clock_base(*since).into(),
        }),
    };
    let acts = match acts {
        Action::EscalateToParent => action::Kind::EscalateToParent(action::EscalateToParent {}),
        Action::EscalateToLevel(level) => action::Kind::EscalateToLevel(action::EscalateToLevel {
            level: level.as_str().to_owned(),
        }),
        Action::EscalateToCommonAncestor => {
            action::Kind::EscalateToCommonAncestor(action::EscalateToCommonAncestor {})
        }
        Action::EscalateToRoot => action::Kind::EscalateToRoot(action::EscalateToRoot {}),
        Action::RequireOwner => action::Kind::RequireOwner(action::RequireOwner {}),
        Action::Notify { roles, message } => action::Kind::Notify(action::Notify {
            roles: roles.clone(),
            message: message.clone(),
        }),
    };
    let late = match late {
        Late::Fire => v1::LateMode::Fire,
        Late::Skip => v1::LateMode::Skip,
        Late::Restart => v1::LateMode::Restart,
    };
    v1::EscalationRule {
        name: name.clone(),
        when: when.clone(),
        trigger: Some(v1::Trigger { kind: Some(looks) }),
        action: Some(v1::Action { kind: Some(acts) }),
        late: late.into(),
    }
}

const fn clock_base(base: ClockBase) -> v1::ClockBase {
    match base {
        ClockBase::Progress => v1::ClockBase::Progress,
        ClockBase::Raised => v1::ClockBase::Raised,
        ClockBase::LevelEntered => v1::ClockBase::LevelEntered,
        ClockBase::CommitTime => v1::ClockBase::CommitTime,
        ClockBase::DueTime => v1::ClockBase::DueTime,
    }
}

/// Reads the rules given in `field`. Errors: [`Error::Invalid`].
pub fn parse_rules(field: &str, rules: &[v1::EscalationRule]) -> Result<Vec<Rule>, Error> {
    rules
        .iter()
        .enumerate()
        .map(|(index, rule)| parse_rule(&format!("{field}[{index}]"), rule))
        .collect()
}

fn parse_rule(field: &str, rule: &v1::EscalationRule) -> Result<Rule, Error> {
    let v1::EscalationRule {
        name,
        when,
        trigger,
        action,
        late,
    } = rule;
    let late = match known::<v1::LateMode>(&format!("{field}.late"), *late)? {
        v1::LateMode::Unspecified | v1::LateMode::Fire => Late::Fire,
        v1::LateMode::Skip => Late::Skip,
        v1::LateMode::Restart => Late::Restart,
    };
    Ok(Rule {
        name: name.clone(),
        when: when.clone(),
        trigger: parse_trigger(&format!("{field}.trigger"), trigger.as_ref())?,
        action: parse_action(&format!("{field}.action"), action.as_ref())?,
        late,
    })
}

fn parse_trigger(field: &str, trigger: Option<&v1::Trigger>) -> Result<Trigger, Error> {
    use v1::trigger::{After, Changed, Kind, MeetingClosed, Raised};
    let kind = trigger.and_then(|trigger| trigger.kind.as_ref());
    Ok(match kind {
        None => {
            return Err(Error::field(
                field,
                "must be set: write one of raised, meeting_closed, after, changed",
            ));
        }
        Some(Kind::Raised(Raised {})) => Trigger::Raised,
        Some(Kind::MeetingClosed(MeetingClosed {})) => Trigger::MeetingClosed,
        Some(Kind::Changed(Changed {})) => Trigger::Changed,
        Some(Kind::After(After { duration, since })) => {
            let span_field = format!("{field}.after.duration");
            let span = duration
                .as_ref()
                .ok_or_else(|| Error::field(&span_field, "must be set: write 0 to 366 days"))?;
            Trigger::After {
                duration: parse_duration(&span_field, span)?,
                since: match known::<v1::ClockBase>(&format!("{field}.after.since"), *since)? {
                    v1::ClockBase::Unspecified | v1::ClockBase::Progress => ClockBase::Progress,
                    v1::ClockBase::Raised => ClockBase::Raised,
                    v1::ClockBase::LevelEntered => ClockBase::LevelEntered,
                    v1::ClockBase::CommitTime => ClockBase::CommitTime,
                    v1::ClockBase::DueTime => ClockBase::DueTime,
                },
            }
        }
    })
}

fn parse_action(field: &str, action: Option<&v1::Action>) -> Result<Action, Error> {
    use v1::action::{
        EscalateToCommonAncestor, EscalateToLevel, EscalateToParent, EscalateToRoot, Kind, Notify,
        RequireOwner,
    };
    let kind = action.and_then(|action| action.kind.as_ref());
    Ok(match kind {
        None => {
            return Err(Error::field(
                field,
                "must be set: write one of escalate_to_parent, escalate_to_level, \
                 escalate_to_common_ancestor, escalate_to_root, require_owner, notify",
            ));
        }
        Some(Kind::EscalateToParent(EscalateToParent {})) => Action::EscalateToParent,
        Some(Kind::EscalateToLevel(EscalateToLevel { level })) => Action::EscalateToLevel(
            Level::new(&format!("{field}.escalate_to_level.level"), level)?,
        ),
        Some(Kind::EscalateToCommonAncestor(EscalateToCommonAncestor {})) => {
            Action::EscalateToCommonAncestor
        }
        Some(Kind::EscalateToRoot(EscalateToRoot {})) => Action::EscalateToRoot,
        Some(Kind::RequireOwner(RequireOwner {})) => Action::RequireOwner,
        Some(Kind::Notify(Notify { roles, message })) => Action::Notify {
            roles: roles.clone(),
            message: message.clone(),
        },
    })
}

/// What a rebase does to one blocker as the API has it.
#[must_use]
pub fn rebased(id: &OrganizationId, rebased: &Rebased) -> v1::RebasedBlocker {
    let Rebased {
        number,
        title,
        from: (policy, version),
        // It is in the log.
        change: _,
        next,
        moves_now,
    } = rebased;
    v1::RebasedBlocker {
        blocker: name::blocker(id, *number),
        title: title.clone(),
        from_version: name::policy_version(id, policy, *version),
        next: next.as_ref().map(|next| explain::next_step(id, next)),
        moves_now: *moves_now,
    }
}
