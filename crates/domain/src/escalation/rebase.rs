//! Pinning blockers in flight to the newest version of their policy.

use super::{arm, pass_over_raised};
use crate::{
    blocker::{Blocker, Change, ChangeKind, MarkKind},
    error::Error,
    explain::{self, NextStep},
    id::{BlockerNumber, PolicyId},
    organization::Organization,
    time::Timestamp,
};

/// What a rebase does to one blocker.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebased {
    /// The blocker.
    pub number: BlockerNumber,
    /// Its title.
    pub title: String,
    /// The version it was pinned to.
    pub from: (PolicyId, i64),
    /// The change.
    pub change: Change,
    /// What happens to it next under the newest version.
    pub next: Option<NextStep>,
    /// True if a timer under the newest version is due already: it moves at once.
    pub moves_now: bool,
}

/// Every open blocker whose holder this policy is in force at and that is pinned to something else than its newest
/// version. What is due under that moves by its timer. Errors: [`Error::NotFound`].
pub fn rebase(
    organization: &Organization,
    policy: &PolicyId,
    now: Timestamp,
) -> Result<Vec<Rebased>, Error> {
    let newest = organization.policy(policy)?.clone();
    let version = organization.version(policy, newest.latest)?.clone();
    let mut rebased = Vec::new();
    for blocker in organization.blockers().filter(|blocker| blocker.is_open()) {
        let status = &blocker.status;
        let in_force = organization
            .policy_in_force(&status.holder)
            .is_some_and(|policy| policy.id == newest.id);
        let pinned = (status.policy.clone(), status.policy_version);
        if !in_force || pinned == (newest.id.clone(), newest.latest) {
            continue;
        }
        let mut status = status.clone();
        status.policy = newest.id.clone();
        status.policy_version = newest.latest;
        // A rule of the same name has had its say on this level; one whose condition was not met looks again if it
        // is another one now.
        let old = organization.version(&pinned.0, pinned.1).ok().cloned();
        let same = |name: &str| {
            let old = old.iter().flat_map(|old| old.rules());
            old.chain(version.rules())
                .filter(|(_, rule)| rule.name == name)
                .map(|(_, rule)| rule)
                .collect::<Vec<_>>()
        };
        status.marks.retain(|mark| match same(&mark.rule)[..] {
            [old, new] => mark.kind != MarkKind::Unmatched || old == new,
            _ => false,
        });
        pass_over_raised(organization, &blocker.content, &mut status, now);
        arm(organization, &blocker.content, &mut status);
        let after = Blocker {
            status: status.clone(),
            ..(**blocker).clone()
        };
        let next = explain::next_step(organization, &after, now);
        let moves_now = next
            .as_ref()
            .is_some_and(|next| next.target.is_some() && next.at.is_some_and(|at| at <= now));
        rebased.push(Rebased {
            number: blocker.number,
            title: (&blocker.content.title).into(),
            from: pinned,
            change: Change {
                number: blocker.number,
                kind: ChangeKind::Rebased,
                content: None,
                status,
            },
            next,
            moves_now,
        });
    }
    Ok(rebased)
}
