//! Checks of a state against the guarantees, for `echelond check` and the property tests. They count for themselves:
//! nothing here uses the counting that it checks.

use std::collections::HashMap;

use crate::{
    blocker::{Blocker, EscalationState, State},
    id::NodeId,
    organization::Organization,
};

/// Most violations told of one kind.
const TOLD_MAX: usize = 20;

/// A guarantee that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `E1`, `E2`, `E9`.
    pub guarantee: &'static str,
    /// For people: what and where.
    pub message: String,
}

/// Which blockers are at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All that were ever raised.
    All,
    /// The live ones only: totals cannot be recounted.
    LiveOnly,
}

/// Checks E1 and E2 and the counters of one state.
#[must_use]
pub fn check(organization: &Organization, completeness: Completeness) -> Vec<Violation> {
    let mut found = Vec::new();
    for blocker in organization.blockers() {
        found.extend(check_blocker(organization, blocker).into_iter().map(
            |(guarantee, message)| Violation {
                guarantee,
                message: format!("{}: {message}", blocker.number),
            },
        ));
    }
    found.extend(check_counters(organization, completeness));
    found
}

fn check_blocker(organization: &Organization, blocker: &Blocker) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let tree = organization.tree();
    let status = &blocker.status;
    let open = blocker.is_open();
    if open && !tree.is_self_or_ancestor(&status.holder, &blocker.content.origin) {
        found.push((
            "E1",
            format!(
                "is held by `{}`, which is not above its origin `{}`",
                status.holder, blocker.content.origin
            ),
        ));
    }
    if open && tree.get(&status.holder).is_none_or(|node| node.archived) {
        found.push((
            "E1",
            format!("is held by `{}`, which takes no part", status.holder),
        ));
    }
    let consistent = match status.escalation {
        EscalationState::Closed => !open && status.timer_at.is_none(),
        EscalationState::Armed => open && status.timer_at.is_some(),
        EscalationState::WaitingForMeeting | EscalationState::Exhausted => {
            open && status.timer_at.is_none()
        }
        EscalationState::Paused => {
            matches!(status.state, State::Acknowledged | State::OnHold) && status.timer_at.is_some()
        }
    };
    if !consistent {
        found.push((
            "E2",
            format!(
                "is {} and {} with timer {:?}: it is neither armed, waiting, paused with an end nor exhausted",
                status.state.as_str(),
                status.escalation.as_str(),
                status.timer_at
            ),
        ));
    }
    if open != status.closed_at.is_none() {
        found.push((
            "E2",
            "is open and has a closing time, or the reverse".to_owned(),
        ));
    }
    if organization
        .version(&status.policy, status.policy_version)
        .is_err()
    {
        found.push((
            "E2",
            "is pinned to a policy version that does not exist".to_owned(),
        ));
    }
    found
}

/// Raised = open + closed at every node (E2), and the counters equal a recount.
fn check_counters(organization: &Organization, completeness: Completeness) -> Vec<Violation> {
    let tree = organization.tree();
    let mut recount: HashMap<&NodeId, [i64; 6]> = HashMap::new();
    for blocker in organization.blockers() {
        let open = blocker.is_open();
        let status = &blocker.status;
        let mut seen_holder = false;
        for node in tree.path_up(&blocker.content.origin) {
            let here = *node == status.holder;
            let tally = recount.entry(node).or_default();
            tally[0] += i64::from(open);
            tally[1] += i64::from(open && here);
            tally[2] += i64::from(open && seen_holder);
            tally[3] += i64::from(open && status.owner.is_none());
            tally[4] += i64::from(status.state == State::Resolved);
            tally[5] += 1;
            seen_holder |= here;
        }
    }
    let mut found = Vec::new();
    for node in tree.iter() {
        let counters = organization.counters(&node.id);
        let open = counters.open();
        if counters.raised_total != open + counters.closed_total {
            found.push(Violation {
                guarantee: "E2",
                message: format!(
                    "`{}`: {} raised, but {open} open and {} closed",
                    node.id, counters.raised_total, counters.closed_total
                ),
            });
        }
        let expected = recount.get(&node.id).copied().unwrap_or_default();
        let counted = [
            open,
            counters.held_here,
            counters.held_below,
            counters.unowned,
            counters.awaiting_verification,
            match completeness {
                Completeness::All => counters.raised_total,
                Completeness::LiveOnly => expected[5],
            },
        ];
        let sums = [
            counters.by_severity.iter().sum::<i64>(),
            counters.by_holder_level.values().sum(),
            counters.held_here + counters.held_below + counters.held_above,
        ];
        if counted != expected || sums.iter().any(|sum| *sum != open) {
            found.push(Violation {
                guarantee: "E9",
                message: format!(
                    "`{}`: open, here, below, unowned, to verify, raised are counted {counted:?} and recounted {expected:?}",
                    node.id
                ),
            });
        }
    }
    found
}

/// Compares what the log folds to with what the tables hold (E9). Both must have all blockers at hand.
#[must_use]
pub fn compare(folded: &Organization, stored: &Organization) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut differ = |message: String| {
        found.push(Violation {
            guarantee: "E9",
            message,
        });
    };
    if folded.revision() != stored.revision() || folded.time() != stored.time() {
        differ(format!(
            "the log ends at revision {} ({}), the tables at {} ({})",
            folded.revision(),
            folded.time(),
            stored.revision(),
            stored.time()
        ));
    }
    if folded.profile().ok() != stored.profile().ok() {
        differ("the organization's own row differs from the log".to_owned());
    }
    if (folded.next_blocker(), folded.next_meeting())
        != (stored.next_blocker(), stored.next_meeting())
    {
        differ("the next numbers differ from the log".to_owned());
    }
    if folded.tree().len() != stored.tree().len() {
        differ(format!(
            "the log has {} nodes, the tables {}",
            folded.tree().len(),
            stored.tree().len()
        ));
    }
    for node in folded.tree().iter() {
        if stored.tree().get(&node.id) != Some(node) {
            differ(format!("node `{}` differs from the log", node.id));
        }
        if stored.counters(&node.id) != folded.counters(&node.id) {
            differ(format!(
                "the counters of `{}` are {:?} and fold to {:?}",
                node.id,
                stored.counters(&node.id),
                folded.counters(&node.id)
            ));
        }
    }
    for policy in folded.policies() {
        let same = stored.policy(&policy.id).ok() == Some(policy)
            && folded.versions(&policy.id).eq(stored.versions(&policy.id));
        if !same {
            differ(format!("policy `{}` differs from the log", policy.id));
        }
    }
    if folded.blockers().count() != stored.blockers().count() {
        differ(format!(
            "the log has {} blockers, the tables {}",
            folded.blockers().count(),
            stored.blockers().count()
        ));
    }
    for blocker in folded.blockers() {
        if stored.blocker(blocker.number).ok() != Some(blocker) {
            differ(format!("{} differs from the log", blocker.number));
        }
    }
    for meeting in folded.meetings() {
        if stored.meeting(meeting.number).ok() != Some(meeting) {
            differ(format!("{} differs from the log", meeting.number));
        }
    }
    found.truncate(TOLD_MAX);
    found
}
