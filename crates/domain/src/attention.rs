//! The attention list: what needs somebody at a node now, ranked, each with its reasons.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use crate::{
    blocker::{Arrival, Blocker, EscalationState, Severity, State},
    error::Error,
    id::{BlockerNumber, NodeId},
    organization::Organization,
    profile::Settings,
    time::{Timestamp, humanize},
};

/// Why something needs attention, most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// At the top, and nobody acted.
    Exhausted,
    /// Critical and without an owner.
    CriticalUnowned,
    /// The owner's committed date has passed.
    CommitmentMissed,
    /// The due date has passed.
    Overdue,
    /// A rule requires an owner.
    OwnerRequired,
    /// Came up from below; nobody has said anything yet.
    Escalated,
    /// Due or committed soon.
    DueSoon,
    /// Open for long.
    Aged,
    /// Solved; the origin should verify.
    AwaitingVerification,
}

impl Reason {
    /// Every reason, most pressing first.
    pub const ALL: [Self; 9] = [
        Self::Exhausted,
        Self::CriticalUnowned,
        Self::CommitmentMissed,
        Self::Overdue,
        Self::OwnerRequired,
        Self::Escalated,
        Self::DueSoon,
        Self::Aged,
        Self::AwaitingVerification,
    ];
}

/// One thing that needs attention.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The most pressing reason.
    pub reason: Reason,
    /// The blocker.
    pub blocker: Arc<Blocker>,
    /// For people: every reason.
    pub note: String,
}

/// Where an item stands in the ranking: smaller comes first, and no two are equal.
pub type Rank = (Reason, Reverse<Severity>, Timestamp, BlockerNumber);

impl Item {
    /// Where it stands.
    #[must_use]
    pub fn rank(&self) -> Rank {
        placed(self.reason, &self.blocker)
    }
}

fn placed(reason: Reason, blocker: &Blocker) -> Rank {
    (
        reason,
        Reverse(blocker.content.severity),
        blocker.content.raised_at,
        blocker.number,
    )
}

/// Where a blocker stands as of an instant; none if it needs no attention.
pub(crate) fn rank(blocker: &Blocker, settings: &Settings, now: Timestamp) -> Option<Rank> {
    let reason = reasons(blocker, settings, now).next()?;
    Some(placed(reason, blocker))
}

/// Which part of the list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only what ranks after this.
    pub after: Option<Rank>,
    /// At most this many.
    pub limit: usize,
}

impl Range {
    /// All of it.
    pub const ALL: Self = Self {
        after: None,
        limit: usize::MAX,
    };
}

/// What needs attention at a node: what it holds and what it raised and has to verify, or that of its whole subtree.
/// Errors: [`Error::NotFound`].
pub fn attention(
    organization: &Organization,
    node: &NodeId,
    include_subtree: bool,
    range: Range,
    now: Timestamp,
) -> Result<Vec<Item>, Error> {
    organization.tree().require(node)?;
    let found = if range.after.is_none() && now >= organization.as_of() {
        let seen = organization.seen_at(now);
        if include_subtree {
            first_of_subtree(&seen, node, range.limit)
        } else {
            seen.ranked(node, None).take(range.limit).copied().collect()
        }
    } else {
        // The ranking is kept as of the present only: what a later page follows is ranked anew, as of its first page.
        ranked_anew(organization, node, include_subtree, range, now)
    };
    let settings = organization.settings();
    found
        .into_iter()
        .map(|(reason, .., number)| {
            let blocker = organization.blocker(number).map_err(Error::internal)?;
            Ok(Item {
                reason,
                note: note(
                    blocker,
                    &reasons(blocker, &settings, now).collect::<Vec<_>>(),
                    now,
                ),
                blocker: blocker.clone(),
            })
        })
        .collect()
}

/// Where the search for what comes first goes on.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Source<'a> {
    /// In a subtree that nobody has looked into.
    Subtree(&'a NodeId),
    /// With what a node itself has.
    Own(&'a NodeId),
}

/// The first few of a subtree: looks only into the subtrees that hold them.
fn first_of_subtree(organization: &Organization, top: &NodeId, limit: usize) -> Vec<Rank> {
    let mut found = Vec::new();
    let mut open = BinaryHeap::new();
    let subtree = |node| {
        let first = organization.standing(node).first;
        first.map(|rank| Reverse((rank, Source::Subtree(node))))
    };
    let own = |node, after| {
        let next = organization.ranked(node, after).next();
        next.map(|rank| Reverse((*rank, Source::Own(node))))
    };
    open.extend(subtree(top));
    while found.len() < limit
        && let Some(Reverse((rank, source))) = open.pop()
    {
        match source {
            Source::Subtree(node) => {
                open.extend(own(node, None));
                open.extend(organization.tree().all_children(node).filter_map(subtree));
            }
            Source::Own(node) => {
                found.push(rank);
                open.extend(own(node, Some(rank)));
            }
        }
    }
    found
}

/// A part of the ranking as of any instant, found by looking at every blocker.
fn ranked_anew(
    organization: &Organization,
    node: &NodeId,
    include_subtree: bool,
    range: Range,
    now: Timestamp,
) -> Vec<Rank> {
    let settings = organization.settings();
    let nodes = if include_subtree {
        organization.tree().whole_subtree(node)
    } else {
        vec![node.clone()]
    };
    let mut ranked: Vec<Rank> = Vec::new();
    for id in &nodes {
        let held = organization.held_by(id);
        let to_verify = organization
            .raised_by(id)
            .filter(|blocker| blocker.status.state == State::Resolved);
        ranked.extend(
            held.chain(to_verify)
                .filter_map(|blocker| rank(blocker, &settings, now))
                .filter(|rank| range.after.is_none_or(|after| *rank > after)),
        );
    }
    if ranked.len() > range.limit {
        if range.limit > 0 {
            ranked.select_nth_unstable(range.limit - 1);
        }
        ranked.truncate(range.limit);
    }
    ranked.sort_unstable();
    ranked
}

/// Every reason why a blocker needs attention, most pressing first.
fn reasons(
    blocker: &Blocker,
    settings: &Settings,
    now: Timestamp,
) -> impl Iterator<Item = Reason> + use<> {
    let status = &blocker.status;
    let is_open = status.state.is_open();
    let unowned = status.owner.is_none();
    let past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let soon = |at: Option<Timestamp>| {
        at.is_some_and(|at| at > now && at <= now.plus(settings.due_soon_within))
    };
    let found = [
        (
            Reason::Exhausted,
            status.escalation == EscalationState::Exhausted,
        ),
        (
            Reason::CriticalUnowned,
            blocker.content.severity == Severity::Critical && unowned,
        ),
        (Reason::CommitmentMissed, past(status.committed_at)),
        (Reason::Overdue, past(blocker.content.due_at)),
        (Reason::OwnerRequired, status.owner_required && unowned),
        (
            Reason::Escalated,
            status.state == State::Raised && status.arrival == Arrival::Escalated,
        ),
        (
            Reason::DueSoon,
            soon(status.committed_at) || soon(blocker.content.due_at),
        ),
        (
            Reason::Aged,
            now.since(blocker.content.raised_at) > settings.aged_after,
        ),
    ];
    found
        .into_iter()
        .filter_map(move |(reason, holds)| (holds && is_open).then_some(reason))
        .chain((status.state == State::Resolved).then_some(Reason::AwaitingVerification))
}

fn note(blocker: &Blocker, reasons: &[Reason], now: Timestamp) -> String {
    let status = &blocker.status;
    let ago =
        |at: Option<Timestamp>| humanize(at.map_or_else(Default::default, |at| now.since(at)));
    let mut parts = vec![blocker.content.severity.as_str().to_ascii_lowercase()];
    if status.owner.is_none() && status.state.is_open() {
        parts.push("unowned".to_owned());
    }
    for reason in reasons {
        parts.push(match reason {
            Reason::Exhausted => "exhausted: nobody above".to_owned(),
            // The two facts stand there already.
            Reason::CriticalUnowned => continue,
            Reason::CommitmentMissed => {
                format!("commitment missed {} ago", ago(status.committed_at))
            }
            Reason::Overdue => format!("overdue for {}", ago(blocker.content.due_at)),
            Reason::OwnerRequired => "a rule requires an owner".to_owned(),
            Reason::Escalated => format!(
                "came up from {} {} ago",
                blocker.content.origin,
                ago(Some(status.level_entered_at))
            ),
            Reason::DueSoon => blocker.deadline().map_or_else(
                || "due soon".to_owned(),
                |at| format!("due in {}", humanize(at.since(now))),
            ),
            Reason::Aged => format!("open for {}", ago(Some(blocker.content.raised_at))),
            Reason::AwaitingVerification => {
                format!("resolved {} ago, to be verified", ago(status.closed_at))
            }
        });
    }
    parts.join(", ")
}
