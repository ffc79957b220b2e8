//! A log, folded: a small fold of its own, so that a fault in the servers' one is seen.

use std::collections::BTreeMap;

use echelon_api::v1::{self, BlockerChange, BlockerState, event::Payload};

/// What there is after some events.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// The nodes, by id.
    pub(super) nodes: BTreeMap<String, Node>,
    /// The blockers, by number.
    pub(super) blockers: BTreeMap<i64, Blocker>,
    /// The rules of every version of every policy.
    pub(super) rules: BTreeMap<(String, i64), Vec<v1::RuleRecord>>,
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The id of its parent; empty for the root.
    pub(super) parent: String,
    /// Whether it is archived.
    pub(super) archived: bool,
}

/// A blocker.
#[derive(Clone, Debug)]
pub(super) struct Blocker {
    /// The id of the node that raised it.
    pub(super) origin: String,
    /// How bad it is.
    pub(super) severity: v1::Severity,
    /// Its dedupe key.
    pub(super) key: String,
    /// What else is known of it.
    pub(super) status: v1::BlockerStatusRecord,
    /// When its timer was set to what it is, in microseconds.
    pub(super) set_us: i64,
}

impl Blocker {
    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        super::is_open(self.status.state())
    }
}

impl Ledger {
    /// Folds an event in.
    pub(super) fn apply(&mut self, event: &v1::Event) {
        match &event.payload {
            Some(
                Payload::NodeCreated(node)
                | Payload::NodeUpdated(node)
                | Payload::NodeMoved(node)
                | Payload::NodeArchived(node)
                | Payload::NodeRestored(node),
            ) => {
                let known = Node {
                    parent: node.parent.clone(),
                    archived: node.archived,
                };
                self.nodes.insert(node.id.clone(), known);
            }
            Some(Payload::PolicyCreated(policy) | Payload::PolicyUpdated(policy)) => {
                let version = (policy.id.clone(), policy.version);
                self.rules.insert(version, policy.rules.clone());
            }
            Some(Payload::BlockerChanged(record)) => {
                self.change(record, super::micros(event.time.as_ref()).unwrap_or(0));
            }
            Some(
                Payload::OrganizationCreated(_)
                | Payload::OrganizationUpdated(_)
                | Payload::MeetingOpened(_)
                | Payload::CheckInSubmitted(_)
                | Payload::MeetingClosed(_)
                | Payload::CountersRepaired(_),
            )
            | None => {}
        }
    }

    fn change(&mut self, record: &v1::BlockerRecord, now_us: i64) {
        let Some(status) = record.status.clone() else {
            return;
        };
        match (self.blockers.get_mut(&record.number), &record.content) {
            (Some(blocker), content) => {
                if blocker.status.timer_time != status.timer_time {
                    blocker.set_us = now_us;
                }
                blocker.status = status;
                if let Some(content) = content {
                    blocker.severity = content.severity();
                    blocker.key.clone_from(&content.dedupe_key);
                }
            }
            (None, Some(content)) => {
                let blocker = Blocker {
                    origin: content.origin.clone(),
                    severity: content.severity(),
                    key: content.dedupe_key.clone(),
                    status,
                    set_us: now_us,
                };
                self.blockers.insert(record.number, blocker);
            }
            (None, None) => {}
        }
    }

    /// A node and all above it, nearest first.
    pub(super) fn path_up<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        let mut path = Vec::new();
        let mut next = id;
        // A ring would be a fault of its own: it must not hang the checker.
        while !next.is_empty() && path.len() < 64 {
            path.push(next);
            next = self.nodes.get(next).map_or("", |node| &node.parent);
        }
        path
    }

    /// What a roll-up of a node should say.
    pub(super) fn figures(&self, node: &str) -> v1::RollupFigures {
        let mut figures = v1::RollupFigures {
            by_severity: Some(v1::SeverityCounts::default()),
            by_state: Some(v1::StateCounts::default()),
            ..v1::RollupFigures::default()
        };
        let above = self.path_up(node);
        let mut within: BTreeMap<&str, bool> = BTreeMap::new();
        for blocker in self.blockers.values() {
            let origin = blocker.origin.as_str();
            let is_within = *within
                .entry(origin)
                .or_insert_with(|| self.path_up(origin).contains(&node));
            if is_within {
                count(&mut figures, blocker, node, &above);
            }
        }
        figures
    }
}

fn count(figures: &mut v1::RollupFigures, blocker: &Blocker, node: &str, above: &[&str]) {
    let state = blocker.status.state();
    figures.raised_total += 1;
    if state == BlockerState::Resolved {
        figures.awaiting_verification += 1;
    }
    if !blocker.is_open() {
        figures.closed_total += 1;
        return;
    }
    figures.open += 1;
    let holder = blocker.status.holder.as_str();
    if holder == node {
        figures.held_here += 1;
    } else if above.contains(&holder) {
        figures.held_above += 1;
    } else {
        figures.held_below += 1;
    }
    if blocker.status.owner.is_empty() {
        figures.unowned += 1;
    }
    if blocker.status.escalation_state() == v1::EscalationState::Exhausted {
        figures.exhausted += 1;
    }
    if let Some(counts) = &mut figures.by_severity {
        match blocker.severity {
            v1::Severity::Low => counts.low += 1,
            v1::Severity::Medium | v1::Severity::Unspecified => counts.medium += 1,
            v1::Severity::High => counts.high += 1,
            v1::Severity::Critical => counts.critical += 1,
        }
    }
    if let Some(counts) = &mut figures.by_state {
        match state {
            BlockerState::Acknowledged => counts.acknowledged += 1,
            BlockerState::Owned => counts.owned += 1,
            BlockerState::OnHold => counts.on_hold += 1,
            _ => counts.raised += 1,
        }
    }
}

/// Whether a change begins a blocker.
pub(super) const fn begins(change: BlockerChange) -> bool {
    matches!(change, BlockerChange::Raised | BlockerChange::Imported)
}
