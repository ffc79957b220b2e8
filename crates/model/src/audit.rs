//! Judges a log: whether the guarantees hold at every revision of it. Nothing here relies on the protocol that wrote it.

use std::collections::{BTreeMap, BTreeSet};

use echelon_domain::{
    BlockerNumber, Organization,
    blocker::{Cause, ChangeKind, Move, MoveKind, State, Status},
    check::{Completeness, check},
    event::{Event, Payload},
};

use crate::{
    ledger::{History, Ledger, Revision},
    story::Job,
};

/// A guarantee that a state of the model can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guarantee {
    OneHolder,
    NothingLost,
    ExactlyOnce,
    OnTime,
    NoStaleMoves,
    Idempotent,
    Folded,
    Watched,
}

/// The guarantees that are broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Findings(u8);

impl Findings {
    pub(crate) const fn add(&mut self, guarantee: Guarantee) {
        self.0 |= 1 << guarantee as u8;
    }

    pub(crate) const fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) const fn has(self, guarantee: Guarantee) -> bool {
        self.0 & (1 << guarantee as u8) != 0
    }
}

/// Looks through a log from its beginning.
pub(crate) fn audit(ledger: &Ledger, log: &[History]) -> Findings {
    let mut auditor = Auditor::new(&ledger.revision(ledger.genesis()).state);
    let mut before = ledger.genesis();
    for history in log {
        let revision = ledger.revision(*history);
        auditor.take(&revision, revision.on == before);
        before = *history;
    }
    auditor.findings
}

struct Auditor {
    /// What the events fold to.
    state: Organization,
    /// The newest status of each blocker, in the order of the log.
    statuses: BTreeMap<BlockerNumber, Status>,
    causes: Vec<(BlockerNumber, Cause)>,
    calls: BTreeSet<Job>,
    findings: Findings,
}

impl Auditor {
    fn new(genesis: &Organization) -> Self {
        let blockers = genesis.blockers();
        Self {
            state: genesis.clone(),
            statuses: blockers
                .map(|blocker| (blocker.number, blocker.status.clone()))
                .collect(),
            causes: Vec::new(),
            calls: BTreeSet::new(),
            findings: Findings::default(),
        }
    }

    /// Takes one more revision, `in_order` if it was decided on what the log holds before it.
    fn take(&mut self, revision: &Revision, in_order: bool) {
        if matches!(revision.job, Job::Call(_)) && !self.calls.insert(revision.job) {
            self.findings.add(Guarantee::Idempotent);
        }
        let number = self.state.revision() + 1;
        if revision.events.iter().any(|event| event.revision != number) {
            self.findings.add(Guarantee::Watched);
        }
        let mut moved = BTreeSet::new();
        for event in &revision.events {
            if let Payload::BlockerChanged(change) = &event.payload {
                if let ChangeKind::Moved(step) = &change.kind {
                    self.judge_move(change.number, step, event);
                    if revision.job == Job::Timers && !moved.insert(change.number) {
                        self.findings.add(Guarantee::OnTime);
                    }
                }
                self.statuses.insert(change.number, change.status.clone());
            }
            self.fold(event, number);
        }
        if in_order && self.state != revision.state {
            self.findings.add(Guarantee::Folded);
        }
        // A turn leaves nothing behind that was due.
        if revision.job == Job::Timers && self.state.due(self.state.time()).next().is_some() {
            self.findings.add(Guarantee::OnTime);
        }
        for violation in check(&self.state, Completeness::All) {
            self.findings.add(match violation.guarantee {
                "E1" => Guarantee::OneHolder,
                "E2" => Guarantee::NothingLost,
                _ => Guarantee::Folded,
            });
        }
    }

    fn judge_move(&mut self, number: BlockerNumber, step: &Move, event: &Event) {
        let cause = (number, step.cause.clone());
        if self.causes.contains(&cause) {
            self.findings.add(Guarantee::ExactlyOnce);
        }
        self.causes.push(cause);
        if step.kind != MoveKind::Escalated {
            return;
        }
        if self.state.tree().parent(&step.from) != Some(&step.to) {
            self.findings.add(Guarantee::OnTime);
        }
        let status = self.statuses.get(&number);
        let is_stale = status.is_some_and(|status| match status.state {
            State::Acknowledged => status.acknowledged_until > Some(event.at),
            State::OnHold => status.held_until > Some(event.at),
            state => !state.is_open(),
        });
        if is_stale {
            self.findings.add(Guarantee::NoStaleMoves);
        }
    }

    /// Folds an event in where it stands in the log, whatever it says of that itself.
    fn fold(&mut self, event: &Event, number: i64) {
        let mut event = event.clone();
        event.revision = number;
        if self.state.apply(&event).is_err() {
            self.findings.add(Guarantee::Folded);
        }
    }
}
