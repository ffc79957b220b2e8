//! What a roll-up needs of each subtree besides its counters: figures that change with the clock, the oldest open
//! blocker and what needs attention first. Kept as of one instant and carried along with every event, so that the root
//! costs as little as a leaf.
//!
//! Derived: a recount of the live blockers gives the same.

use std::{borrow::Cow, time::Duration};

use imbl::OrdSet;

use super::Organization;
use crate::{
    aging::{Stage, next_change},
    attention::{Rank, rank},
    blocker::{Blocker, State},
    id::{BlockerNumber, NodeId},
    time::Timestamp,
};

/// The figures of one subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Open blockers past their due or committed date.
    pub overdue: i64,
    /// Open blockers due or committed soon.
    pub due_soon: i64,
    /// Open blockers that are old.
    pub aged: i64,
    /// The open blocker that was raised first: numbers ascend with the time of raising.
    pub oldest: Option<BlockerNumber>,
    /// What needs attention first, of all that the subtree holds or has to verify.
    pub first: Option<Rank>,
    /// Revision of the last event about the subtree.
    pub(super) changed: i64,
}

impl Standing {
    /// True if the figures are the same, whenever the subtree changed last.
    #[must_use]
    pub fn same_figures(&self, other: &Self) -> bool {
        Self {
            changed: other.changed,
            ..*self
        } == *other
    }

    fn count(&mut self, stage: Stage, sign: i64) {
        let Stage {
            overdue,
            due_soon,
            aged,
        } = stage;
        self.overdue += sign * i64::from(overdue);
        self.due_soon += sign * i64::from(due_soon);
        self.aged += sign * i64::from(aged);
    }

    /// Replaces the stage of a blocker by another.
    pub(super) fn recount(&mut self, before: Stage, after: Stage) {
        if before != after {
            self.count(before, -1);
            self.count(after, 1);
        }
    }
}

/// A clock that is back by more than this had been wrong; by less, replicas differ by as much, and figures stay.
const SETBACK: Duration = Duration::from_secs(60);

/// What standings are made from.
#[derive(Clone, Debug)]
pub(super) struct Standings {
    /// The instant of the figures.
    pub(super) as_of: Timestamp,
    /// When the clock alone next changes something about a blocker.
    changes: OrdSet<(Timestamp, BlockerNumber)>,
}

impl Default for Standings {
    fn default() -> Self {
        Self {
            as_of: Timestamp::MIN,
            changes: OrdSet::new(),
        }
    }
}

/// Where a blocker needs attention: at its holder, or at its origin to be verified.
fn place(blocker: &Blocker) -> &NodeId {
    if blocker.status.state == State::Resolved {
        &blocker.content.origin
    } else {
        &blocker.status.holder
    }
}

/// Whether a clock that now tells `now` had been far ahead when figures were brought up to `as_of`.
#[must_use]
pub fn is_put_back(as_of: Timestamp, now: Timestamp) -> bool {
    now.plus(SETBACK) < as_of
}

impl Organization {
    /// The instant as of which the figures of [`Organization::standing`] are right.
    #[must_use]
    pub const fn as_of(&self) -> Timestamp {
        self.standings.as_of
    }

    /// When the clock alone next changes a figure.
    #[must_use]
    pub fn next_clock_change(&self) -> Option<Timestamp> {
        self.standings.changes.get_min().map(|(at, _)| *at)
    }

    /// The figures of a subtree.
    #[must_use]
    pub fn standing(&self, node: &NodeId) -> Standing {
        self.tallies
            .get(node)
            .map(|tally| tally.standing)
            .unwrap_or_default()
    }

    /// Revision of the last event that may have changed what a roll-up of the node shows.
    #[must_use]
    pub fn changed(&self, node: &NodeId) -> i64 {
        let profile = self.profile.as_ref().map_or(0, |profile| profile.revision);
        self.standing(node)
            .changed
            .max(profile)
            .max(self.restored_at)
    }

    /// What a node itself holds or has to verify, by rank, after a rank.
    pub(crate) fn ranked(&self, node: &NodeId, after: Option<Rank>) -> impl Iterator<Item = &Rank> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.tallies
            .get(node)
            .into_iter()
            .flat_map(move |tally| tally.ranked.range((from, std::ops::Bound::Unbounded)))
    }

    /// The organization with its figures as of an instant; itself if the clock changed nothing.
    #[must_use]
    pub fn seen_at(&self, now: Timestamp) -> Cow<'_, Self> {
        if self.next_clock_change().is_none_or(|at| at > now) {
            return Cow::Borrowed(self);
        }
        let mut seen = self.clone();
        seen.advance(now);
        Cow::Owned(seen)
    }

    /// Brings the figures that change with the clock up to an instant. Does not change the state. An instant that lies far
    /// back means that the clock had been wrong: then everything is counted anew.
    pub fn advance(&mut self, now: Timestamp) {
        let before = self.standings.as_of;
        let now = now.max(self.time);
        if is_put_back(before, now) {
            self.standings.as_of = now;
            self.restand_all();
            return;
        }
        if now <= before {
            return;
        }
        let settings = self.settings();
        while let Some((at, number)) = self.standings.changes.get_min().copied()
            && at <= now
        {
            self.standings.changes.remove(&(at, number));
            let Some(blocker) = self.blockers.get(&number).cloned() else {
                continue;
            };
            if let Some(next) = next_change(&blocker, &settings, now) {
                self.standings.changes.insert((next, number));
            }
            let stages = [before, now].map(|at| Stage::of(&blocker, &settings, at));
            if stages[0] != stages[1] {
                let mut path = Some(blocker.content.origin.clone());
                while let Some(node) = path {
                    self.tally(&node).standing.recount(stages[0], stages[1]);
                    path = self.tree.parent(&node).cloned();
                }
            }
            let ranks = [before, now].map(|at| rank(&blocker, &settings, at));
            if ranks[0] != ranks[1] {
                let place = place(&blocker).clone();
                self.rerank(&place, ranks[0], ranks[1]);
            }
        }
        self.standings.as_of = now;
    }

    /// Takes a live blocker into the figures, all but the stages, which are counted with the counters.
    pub(super) fn stand(&mut self, blocker: &Blocker) {
        let settings = self.settings();
        let as_of = self.standings.as_of;
        if let Some(at) = next_change(blocker, &settings, as_of) {
            self.standings.changes.insert((at, blocker.number));
        }
        if let Some(rank) = rank(blocker, &settings, as_of) {
            self.rerank(place(blocker), None, Some(rank));
        }
        if blocker.is_open() {
            self.reage(&blocker.content.origin, None, Some(blocker.number));
        }
    }

    /// Replaces a blocker by its next version in the figures, all but the stages. The indexes have been brought up to
    /// date.
    pub(super) fn restand(&mut self, before: Option<&Blocker>, after: &Blocker) {
        let Some(before) = before else {
            return self.stand(after);
        };
        let settings = self.settings();
        let as_of = self.standings.as_of;
        let [old, new] = [before, after].map(|blocker| next_change(blocker, &settings, as_of));
        if old != new {
            if let Some(at) = old {
                self.standings.changes.remove(&(at, before.number));
            }
            if let Some(at) = new {
                self.standings.changes.insert((at, after.number));
            }
        }
        let [old, new] = [before, after].map(|blocker| rank(blocker, &settings, as_of));
        if place(before) == place(after) {
            if old != new {
                self.rerank(place(after), old, new);
            }
        } else {
            if old.is_some() {
                self.rerank(place(before), old, None);
            }
            if new.is_some() {
                self.rerank(place(after), None, new);
            }
        }
        let [was, is] = [before, after].map(|blocker| blocker.is_open().then_some(blocker.number));
        if was != is {
            self.reage(&after.content.origin, was, is);
        }
    }

    /// Counts every figure anew, as after a change of what `soon` and `old` mean, or a repair.
    pub(super) fn restand_all(&mut self) {
        let as_of = self.standings.as_of;
        self.standings = Standings {
            as_of,
            ..Standings::default()
        };
        let nodes: Vec<NodeId> = self.tallies.keys().cloned().collect();
        for node in nodes {
            let tally = self.tally(&node);
            tally.ranked = OrdSet::new();
            tally.standing = Standing {
                changed: tally.standing.changed,
                ..Standing::default()
            };
        }
        let live: Vec<_> = self.blockers.values().cloned().collect();
        for blocker in live.iter().filter(|blocker| blocker.is_live()) {
            self.stage(blocker);
            self.stand(blocker);
        }
    }

    /// Counts the stage of a live blocker for its origin and all above.
    pub(super) fn stage(&mut self, blocker: &Blocker) {
        let stage = Stage::of(blocker, &self.settings(), self.standings.as_of);
        if stage == Stage::default() {
            return;
        }
        let mut path = Some(blocker.content.origin.clone());
        while let Some(node) = path {
            self.tally(&node).standing.recount(Stage::default(), stage);
            path = self.tree.parent(&node).cloned();
        }
    }

    /// Finds the oldest and the first of a node and of all above anew, from the bottom up: after its children changed.
    pub(super) fn settle(&mut self, from: Option<&NodeId>) {
        let mut path = from.cloned();
        while let Some(node) = path {
            let (oldest, first) = (self.oldest_below(&node), self.first_below(&node));
            let standing = &mut self.tally(&node).standing;
            (standing.oldest, standing.first) = (oldest, first);
            path = self.tree.parent(&node).cloned();
        }
    }

    /// Notes that something about a node changed, for it and for all above.
    pub(super) fn touch(&mut self, node: Option<&NodeId>) {
        let revision = self.revision;
        let mut path = node.cloned();
        while let Some(node) = path {
            self.tally(&node).standing.changed = revision;
            path = self.tree.parent(&node).cloned();
        }
    }

    /// Replaces a rank at a node by another.
    fn rerank(&mut self, place: &NodeId, removed: Option<Rank>, added: Option<Rank>) {
        let ranked = &mut self.tally(place).ranked;
        if let Some(rank) = &removed {
            ranked.remove(rank);
        }
        if let Some(rank) = added {
            ranked.insert(rank);
        }
        let mut path = Some(place.clone());
        while let Some(node) = path {
            let first = self.standing(&node).first;
            let next = if first.is_some() && first == removed {
                self.first_below(&node)
            } else {
                nearer(first, added)
            };
            // What is not the first here is not the first of anything above either.
            if next == first {
                return;
            }
            self.tally(&node).standing.first = next;
            path = self.tree.parent(&node).cloned();
        }
    }

    /// Replaces an open blocker of a node by another, or notes that it opened or closed.
    fn reage(
        &mut self,
        origin: &NodeId,
        closed: Option<BlockerNumber>,
        opened: Option<BlockerNumber>,
    ) {
        let mut path = Some(origin.clone());
        while let Some(node) = path {
            let oldest = self.standing(&node).oldest;
            let next = if oldest.is_some() && oldest == closed {
                self.oldest_below(&node)
            } else {
                nearer(oldest, opened)
            };
            if next == oldest {
                return;
            }
            self.tally(&node).standing.oldest = next;
            path = self.tree.parent(&node).cloned();
        }
    }

    /// The first of what a node itself has and its children tell.
    fn first_below(&self, node: &NodeId) -> Option<Rank> {
        let below = self.tree.all_children(node);
        let below = below.filter_map(|child| self.tallies.get(child)?.standing.first);
        below.chain(self.ranked(node, None).next().copied()).min()
    }

    /// The oldest of what a node itself raised and its children tell.
    fn oldest_below(&self, node: &NodeId) -> Option<BlockerNumber> {
        let own = self.raised_by(node).find(|blocker| blocker.is_open());
        let below = self.tree.all_children(node);
        let below = below.filter_map(|child| self.tallies.get(child)?.standing.oldest);
        below.chain(own.map(|blocker| blocker.number)).min()
    }
}

/// The lesser of two; one that is none does not count.
fn nearer<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::{Books, drift},
        command::{Command, Context},
        decide::{Decision, decide},
        id::{OrganizationId, RequestId},
        node::Level,
        profile::SettingsPatch,
    };

    fn run(organization: &Organization, command: &Command) -> Decision {
        let context = Context {
            now: organization.time().max(Timestamp::from_micros(1)),
            actor: None,
            request: RequestId::new("request", "r").unwrap(),
        };
        decide(organization, command, &context).unwrap()
    }

    #[test]
    fn e9_a_figure_that_is_wrong_in_memory_drifts_and_is_counted_anew() {
        let root = NodeId::new("node", "acme").unwrap();
        let create = Command::CreateOrganization {
            display_name: "Acme".to_owned(),
            settings: SettingsPatch::default(),
            root: root.clone(),
            root_level: Level::new("level", "TEAM").unwrap(),
        };
        let empty = Organization::empty(OrganizationId::new("organization", "acme").unwrap());
        let mut organization = run(&empty, &create).next;
        assert_eq!(drift(&organization, &Books::default()), []);
        organization.tally(&root).standing.overdue += 1;
        organization.tally(&root).standing.oldest = Some(BlockerNumber::new(7));
        let drifted = drift(&organization, &Books::default());
        assert!(matches!(drifted.as_slice(), [repair] if repair.node == root));
        let repair = Command::RepairCounters {
            books: Box::default(),
            limit: 1,
        };
        let repaired = run(&organization, &repair).next;
        assert!(repaired.standing(&root).same_figures(&Standing::default()));
        assert_eq!(drift(&repaired, &Books::default()), []);
    }
}
