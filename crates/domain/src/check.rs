//! Checks of a state against the guarantees, for `echelond check` and the property tests. They count for themselves:
//! nothing here uses the counting that it checks.

mod drift;

use std::collections::HashMap;

use crate::{
    attention::rank,
    blocker::{Blocker, EscalationState, Severity, State},
    counters::Counters,
    id::NodeId,
    organization::{Organization, Standing},
};
pub use drift::{Books, OriginTotals, drift};

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

/// What does not hold for one blocker: the guarantee, and what is wrong.
pub(crate) fn check_blocker(
    organization: &Organization,
    blocker: &Blocker,
) -> Vec<(&'static str, String)> {
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

/// What a recount of the blockers at hand finds for one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// The counters; what only the log can tell (escalations, meetings, the change of the day) is as it was counted.
    pub counters: Counters,
    /// The figures as of [`Organization::as_of`].
    pub standing: Standing,
}

/// Counts the blockers at hand anew, for every node. Totals count what is at hand; see [`Completeness`].
#[must_use]
pub fn recount(organization: &Organization) -> HashMap<NodeId, Recount> {
    let tree = organization.tree();
    let settings = organization.settings();
    let as_of = organization.as_of();
    let mut counted: HashMap<NodeId, Recount> = HashMap::new();
    for node in tree.iter() {
        let Counters {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
            ..
        } = organization.counters(&node.id);
        let counters = Counters {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
            ..Counters::default()
        };
        counted.insert(
            node.id.clone(),
            Recount {
                counters,
                standing: Standing::default(),
            },
        );
    }
    for blocker in organization.blockers() {
        let status = &blocker.status;
        let open = blocker.is_open();
        let one = i64::from(open);
        let deadline = blocker.deadline().filter(|_| open);
        let mut passed_holder = false;
        for node in tree.path_up(&blocker.content.origin) {
            let Some(Recount { counters, standing }) = counted.get_mut(node) else {
                continue;
            };
            counters.raised_total += 1;
            counters.closed_total += 1 - one;
            counters.awaiting_verification += i64::from(status.state == State::Resolved);
            for (severity, count) in Severity::ALL.iter().zip(&mut counters.by_severity) {
                *count += i64::from(open && *severity == blocker.content.severity);
            }
            for (state, count) in State::ALL.iter().zip(&mut counters.by_state) {
                *count += i64::from(open && *state == status.state);
            }
            if let Some(holder) = tree.get(&status.holder).filter(|_| open) {
                *counters
                    .by_holder_level
                    .entry(holder.level.clone())
                    .or_default() += 1;
            }
            let here = *node == status.holder;
            counters.held_here += i64::from(open && here);
            counters.held_below += i64::from(open && passed_holder);
            counters.held_above += i64::from(open && !here && !passed_holder);
            passed_holder |= here;
            counters.unowned += i64::from(open && status.owner.is_none());
            counters.exhausted += i64::from(status.escalation == EscalationState::Exhausted);
            standing.overdue += i64::from(deadline.is_some_and(|at| at <= as_of));
            standing.due_soon += i64::from(
                deadline
                    .is_some_and(|at| at > as_of && at.minus(settings.due_soon_within) <= as_of),
            );
            standing.aged +=
                i64::from(open && as_of.since(blocker.content.raised_at) > settings.aged_after);
            if open {
                let oldest = standing.oldest.unwrap_or(blocker.number);
                standing.oldest = Some(oldest.min(blocker.number));
            }
        }
        let first = rank(blocker, &settings, as_of);
        let place = if open {
            &status.holder
        } else {
            &blocker.content.origin
        };
        for node in tree.path_up(place) {
            if let Some(Recount { standing, .. }) = counted.get_mut(node) {
                standing.first = standing.first.into_iter().chain(first).min();
            }
        }
    }
    counted
}

/// Raised = open + closed at every node (E2), and counters and figures equal a recount.
fn check_counters(organization: &Organization, completeness: Completeness) -> Vec<Violation> {
    let mut found = Vec::new();
    for (node, mut recount) in recount(organization) {
        let counters = organization.counters(&node);
        if counters.raised_total != counters.open() + counters.closed_total {
            found.push(Violation {
                guarantee: "E2",
                message: format!(
                    "`{node}`: {} raised, but {} open and {} closed",
                    counters.raised_total,
                    counters.open(),
                    counters.closed_total
                ),
            });
        }
        if completeness == Completeness::LiveOnly {
            recount.counters.raised_total = counters.raised_total;
            recount.counters.closed_total = counters.closed_total;
        }
        if counters != recount.counters {
            found.push(Violation {
                guarantee: "E9",
                message: format!(
                    "`{node}`: counted are {counters:?}, recounted {:?}",
                    recount.counters
                ),
            });
        }
        let standing = organization.standing(&node);
        if !standing.same_figures(&recount.standing) {
            found.push(Violation {
                guarantee: "E9",
                message: format!(
                    "`{node}`: its figures are {standing:?}, recounted {:?}",
                    recount.standing
                ),
            });
        }
    }
    found.sort_by(|a, b| a.message.cmp(&b.message));
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
    // What the tables have too much of is met in no comparison below.
    let [in_log, in_tables] = [folded, stored].map(|organization| {
        [
            ("nodes", organization.tree().len()),
            ("policies", organization.policies().count()),
            ("blockers", organization.blockers().count()),
            ("meetings", organization.meetings().count()),
        ]
    });
    for ((what, in_log), (_, in_tables)) in in_log.into_iter().zip(in_tables) {
        if in_log != in_tables {
            differ(format!(
                "the log has {in_log} {what}, the tables {in_tables}"
            ));
        }
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
