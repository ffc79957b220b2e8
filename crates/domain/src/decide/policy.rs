//! Deciding about escalation policies.

use super::{Draft, check_etag};
use crate::{
    command::Outcome,
    error::{Error, Precondition},
    escalation,
    event::Payload,
    id::{NodeId, PolicyId},
    policy::{self, Policy, Rule, Version},
    text::{self, TITLE_MAX},
};

/// Where rules stand in a request.
const RULES_FIELD: &str = "policy.version.rules";

pub(super) fn create(
    draft: &mut Draft,
    id: &PolicyId,
    node: &NodeId,
    display_name: Option<&str>,
    rules: &[Rule],
) -> Result<Outcome, Error> {
    if draft.next.policy(id).is_ok() {
        return Err(Error::already_exists("policy", id));
    }
    draft.next.tree().require_active(node)?;
    policy::check_rules(RULES_FIELD, rules)?;
    if let Some(other) = draft.next.policy_attached_to(node) {
        return Err(Error::precondition(
            Precondition::NodeHasPolicy,
            format!("node `{node}` has the policy `{other}` already: update that one"),
        ));
    }
    let display_name = match display_name {
        Some(name) => text::line("policy.display_name", name, TITLE_MAX)?,
        None => id.to_string(),
    };
    let policy = Policy {
        id: id.clone(),
        node: node.clone(),
        display_name,
        latest: 1,
        revision: 0,
    };
    let version = version(draft, id, 1, rules);
    draft.record(Payload::PolicyCreated { policy, version })?;
    Ok(Outcome::Policy { id: id.clone() })
}

/// Adds a version, unless the rules are those of the newest: blockers in flight keep theirs.
pub(super) fn update(
    draft: &mut Draft,
    id: &PolicyId,
    display_name: Option<&str>,
    rules: Option<&[Rule]>,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let before = draft.next.policy(id)?.clone();
    check_etag(etag, before.revision, "policy", id)?;
    let newest = draft.next.version(id, before.latest)?.version.clone();
    let mut policy = (*before).clone();
    if let Some(name) = display_name {
        policy.display_name = text::line("policy.display_name", name, TITLE_MAX)?;
    }
    let version = match rules {
        Some(rules) => {
            policy::check_rules(RULES_FIELD, rules)?;
            if rules == newest.rules {
                newest
            } else {
                policy.latest += 1;
                version(draft, id, policy.latest, rules)
            }
        }
        None => newest,
    };
    if policy != *before {
        draft.record(Payload::PolicyUpdated { policy, version })?;
    }
    Ok(Outcome::Policy { id: id.clone() })
}

fn version(draft: &Draft, id: &PolicyId, number: i64, rules: &[Rule]) -> Version {
    Version {
        policy: id.clone(),
        number,
        rules: rules.to_vec(),
        author: draft.actor.clone(),
        created_at: draft.now,
    }
}

/// Pins the open blockers in the policy's reach to its newest version. What is due under it moves by its own timer.
pub(super) fn rebase(draft: &mut Draft, id: &PolicyId) -> Result<Outcome, Error> {
    let version = draft.next.policy(id)?.latest;
    let blockers = escalation::rebase(&draft.next, id, draft.now)?;
    for rebased in &blockers {
        draft.record_change(rebased.change.clone())?;
    }
    Ok(Outcome::Rebased {
        policy: id.clone(),
        version,
        blockers,
    })
}
