//! Counters per node: what changes only with events is counted when the event is applied.

use std::collections::BTreeMap;

use crate::{
    blocker::{Blocker, EscalationState, Severity, State},
    id::NodeId,
    node::Level,
};

/// Where the holder of a blocker stands, as seen from a node above its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldAt {
    /// At the node itself.
    Here,
    /// Below the node.
    Below,
    /// Above the node.
    Above,
}

/// The counters of one node, over its whole subtree. Blockers count where they were raised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Open blockers by severity, in the order of [`Severity::ALL`].
    pub by_severity: [i64; 4],
    /// Open blockers by state: raised, acknowledged, owned, on hold.
    pub by_state: [i64; 4],
    /// Open blockers by the level of their holder; no zeros.
    pub by_holder_level: BTreeMap<Level, i64>,
    /// Open blockers held by the node itself.
    pub held_here: i64,
    /// Open blockers held below it.
    pub held_below: i64,
    /// Open blockers held above it.
    pub held_above: i64,
    /// Open blockers without an owner.
    pub unowned: i64,
    /// Open blockers that are exhausted.
    pub exhausted: i64,
    /// Resolved blockers that are not verified.
    pub awaiting_verification: i64,
    /// Blockers ever raised.
    pub raised_total: i64,
    /// Blockers that are closed now.
    pub closed_total: i64,
    /// Escalations that ever arrived at the node itself.
    pub escalated_in: i64,
    /// Escalations that ever left the subtree upward.
    pub escalated_out: i64,
    /// Meetings of the node itself ever closed.
    pub meetings_held: i64,
    /// The UTC day that `day_open` is about.
    pub day: i64,
    /// By how much the open blockers have changed on that day.
    pub day_open: i64,
}

/// The part of a node's counters that no recount of blockers gives: see [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the counters")]
pub struct Logged {
    pub escalated_in: i64,
    pub escalated_out: i64,
    pub meetings_held: i64,
    pub day: i64,
    pub day_open: i64,
}

/// How the counters of a node are put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The node.
    pub node: NodeId,
    /// What a recount gives; what only the log can tell is zero here.
    pub counted: Counters,
    /// What only the log can tell, where memory and tables disagreed about it; none: it stays as it is.
    pub logged: Option<Logged>,
}

impl Counters {
    /// Open blockers.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.by_state.iter().sum()
    }

    /// Change of the open blockers since the last midnight, as seen on a UTC day.
    #[must_use]
    pub const fn open_since_midnight(&self, today: i64) -> i64 {
        if self.day == today { self.day_open } else { 0 }
    }

    /// What a recount of the blockers gives; the rest is zero.
    #[must_use]
    pub fn countable(self) -> Self {
        self.with_logged(Logged::default())
    }

    /// What only the log can tell.
    #[must_use]
    pub const fn logged(&self) -> Logged {
        Logged {
            escalated_in: self.escalated_in,
            escalated_out: self.escalated_out,
            meetings_held: self.meetings_held,
            day: self.day,
            day_open: self.day_open,
        }
    }

    /// These with another history.
    #[must_use]
    pub fn with_logged(self, logged: Logged) -> Self {
        let Logged {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
        } = logged;
        Self {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
            ..self
        }
    }

    /// Adds (`sign` 1) or takes away (`sign` -1) one blocker.
    pub(crate) fn count(
        &mut self,
        blocker: &Blocker,
        held_at: HeldAt,
        holder_level: &Level,
        sign: i64,
        today: i64,
    ) {
        self.raised_total += sign;
        let status = &blocker.status;
        if !status.state.is_open() {
            self.closed_total += sign;
            if status.state == State::Resolved {
                self.awaiting_verification += sign;
            }
            return;
        }
        self.by_severity[severity_index(blocker.content.severity)] += sign;
        self.by_state[state_index(status.state)] += sign;
        match self.by_holder_level.get_mut(holder_level) {
            Some(at_level) if *at_level == -sign => {
                self.by_holder_level.remove(holder_level);
            }
            Some(at_level) => *at_level += sign,
            None => {
                self.by_holder_level.insert(holder_level.clone(), sign);
            }
        }
        match held_at {
            HeldAt::Here => self.held_here += sign,
            HeldAt::Below => self.held_below += sign,
            HeldAt::Above => self.held_above += sign,
        }
        if status.owner.is_none() {
            self.unowned += sign;
        }
        if status.escalation == EscalationState::Exhausted {
            self.exhausted += sign;
        }
        if self.day != today {
            self.day = today;
            self.day_open = 0;
        }
        self.day_open += sign;
    }
}

const fn severity_index(severity: Severity) -> usize {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

/// Index among the open states; closed states do not occur here.
const fn state_index(state: State) -> usize {
    match state {
        State::Acknowledged => 1,
        State::Owned => 2,
        State::OnHold => 3,
        State::Raised | State::Resolved | State::Verified | State::Withdrawn | State::Merged => 0,
    }
}
