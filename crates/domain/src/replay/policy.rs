//! Whether a recorded change of a policy fits.

use crate::{
    error::Error,
    organization::Organization,
    policy::{Policy, Version, check_rules},
    text::{self, TITLE_MAX},
};

pub(super) fn check_created(
    state: &Organization,
    policy: &Policy,
    version: &Version,
) -> Result<(), Error> {
    if state.policy(&policy.id).is_ok() {
        return Err(Error::already_exists("policy", &policy.id));
    }
    state.tree().require_active(&policy.node)?;
    if let Some(other) = state.policy_attached_to(&policy.node) {
        return Err(Error::field(
            "policy.node",
            format!(
                "`{}` has the policy `{other}` already: update that one",
                policy.node
            ),
        ));
    }
    check_version(policy, version, 1)
}

pub(super) fn check_updated(
    state: &Organization,
    policy: &Policy,
    version: &Version,
) -> Result<(), Error> {
    let before = state.policy(&policy.id)?;
    if before.node != policy.node {
        return Err(Error::field(
            "policy.node",
            "must not change: keep the node that it was created for",
        ));
    }
    let newest = &state.version(&policy.id, before.latest)?.version;
    if version.number == newest.number && version.rules == newest.rules {
        return check_version(policy, version, newest.number);
    }
    check_version(policy, version, newest.number + 1)
}

fn check_version(policy: &Policy, version: &Version, number: i64) -> Result<(), Error> {
    let Policy {
        id,
        node: _,
        display_name,
        latest,
        // It is the event's.
        revision: _,
    } = policy;
    text::check_line("policy.display_name", display_name, TITLE_MAX)?;
    if version.policy != *id || version.number != number || *latest != number {
        return Err(Error::field(
            "policy.version",
            format!(
                "must be version {number} of `{id}`: versions are numbered from 1, without gaps"
            ),
        ));
    }
    if let Some(author) = &version.author {
        text::check_line("policy.author", author, text::BODY_MAX)?;
    }
    check_rules("policy.rules", &version.rules)
}
