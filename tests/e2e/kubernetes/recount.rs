//! Counting again: the log is folded and every figure is counted, with nothing of what the server counts with.

use std::collections::BTreeMap;

use echelon_api::v1::{
    self, BlockerChange, BlockerState, EscalationState, Severity, event::Payload,
};

use crate::support::short;

/// A blocker as the log leaves it.
#[derive(Clone, Debug)]
pub(super) struct Blocker {
    pub(super) origin: String,
    pub(super) holder: String,
    pub(super) escalation: EscalationState,
    state: BlockerState,
    severity: Severity,
    is_owned: bool,
    raise_time: prost_types::Timestamp,
}

/// What the log says.
#[derive(Debug, Default)]
pub(super) struct Recount {
    /// Parent and level of every node; the root's parent is empty.
    nodes: BTreeMap<String, (String, String)>,
    blockers: BTreeMap<i64, Blocker>,
    /// The moves upward, in order.
    pub(super) moves: Vec<v1::Move>,
    /// How many meetings each node has closed.
    meetings: BTreeMap<String, i64>,
}

impl Recount {
    pub(super) fn of(events: &[v1::Event]) -> Self {
        let mut recount = Self::default();
        for event in events {
            recount.take(
                event
                    .payload
                    .as_ref()
                    .expect("every event says what happened"),
            );
        }
        recount
    }

    fn take(&mut self, payload: &Payload) {
        match payload {
            Payload::NodeCreated(node) | Payload::NodeUpdated(node) => {
                let place = (node.parent.clone(), node.level.clone());
                self.nodes.insert(node.id.clone(), place);
            }
            Payload::BlockerChanged(record) => self.take_change(record),
            Payload::MeetingClosed(meeting) => {
                *self.meetings.entry(meeting.node.clone()).or_default() += 1;
            }
            Payload::OrganizationCreated(_)
            | Payload::OrganizationUpdated(_)
            | Payload::PolicyCreated(_)
            | Payload::PolicyUpdated(_)
            | Payload::MeetingOpened(_)
            | Payload::CheckInSubmitted(_) => {}
            Payload::NodeMoved(_) | Payload::NodeArchived(_) | Payload::NodeRestored(_) => {
                panic!("the tree stays as it is: {payload:?}")
            }
            Payload::CountersRepaired(_) => panic!("nothing drifts by itself: {payload:?}"),
        }
    }

    fn take_change(&mut self, record: &v1::BlockerRecord) {
        if let Some(content) = &record.content {
            let raised = Blocker {
                origin: content.origin.clone(),
                holder: String::new(),
                escalation: EscalationState::Unspecified,
                state: BlockerState::Unspecified,
                severity: content.severity(),
                is_owned: false,
                raise_time: content.raise_time.expect("it was raised at some time"),
            };
            self.blockers.insert(record.number, raised);
        }
        let status = record
            .status
            .as_ref()
            .expect("a change has the status after it");
        let blocker = self
            .blockers
            .get_mut(&record.number)
            .expect("it was raised");
        blocker.holder.clone_from(&status.holder);
        blocker.escalation = status.escalation_state();
        blocker.state = status.state();
        blocker.is_owned = !status.owner.is_empty();
        if record.change() == BlockerChange::Escalated {
            let moved = record.r#move.clone();
            self.moves.push(moved.expect("an escalation has its move"));
        }
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The open blockers.
    pub(super) fn open(&self) -> impl Iterator<Item = &Blocker> {
        self.blockers
            .values()
            .filter(|blocker| is_open(blocker.state))
    }

    /// A node and all above it.
    pub(super) fn path_up<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(node), |step| {
            let (parent, _) = self.nodes.get(*step)?;
            (!parent.is_empty()).then_some(parent.as_str())
        })
    }

    /// The figures of a node, with no date in play.
    pub(super) fn figures(&self, node: &str) -> v1::RollupFigures {
        let mut figures = v1::RollupFigures {
            by_severity: Some(v1::SeverityCounts::default()),
            by_state: Some(v1::StateCounts::default()),
            meetings_held: self.meetings.get(node).copied().unwrap_or(0),
            ..Default::default()
        };
        for blocker in self.blockers.values() {
            let path: Vec<&str> = self.path_up(&blocker.origin).collect();
            if let Some(place) = path.iter().position(|step| *step == node) {
                self.count(&mut figures, blocker, &path, place);
            }
        }
        // All of them were raised today.
        figures.open_since_yesterday = figures.open;
        for moved in &self.moves {
            let to = short(&moved.to);
            figures.escalated_in += i64::from(to == node);
            let left = self
                .path_up(short(&moved.from))
                .take_while(|step| *step != to);
            figures.escalated_out += i64::from(left.into_iter().any(|step| step == node));
        }
        figures
    }

    /// Counts one blocker for the node at this place of the path from its origin.
    fn count(
        &self,
        figures: &mut v1::RollupFigures,
        blocker: &Blocker,
        path: &[&str],
        place: usize,
    ) {
        figures.raised_total += 1;
        if !is_open(blocker.state) {
            figures.closed_total += 1;
            figures.awaiting_verification += i64::from(blocker.state == BlockerState::Resolved);
            return;
        }
        figures.open += 1;
        let severities = figures.by_severity.get_or_insert_default();
        *match blocker.severity {
            Severity::Low => &mut severities.low,
            Severity::Medium => &mut severities.medium,
            Severity::High => &mut severities.high,
            Severity::Critical => &mut severities.critical,
            Severity::Unspecified => panic!("{blocker:?} has no severity"),
        } += 1;
        let states = figures.by_state.get_or_insert_default();
        *match blocker.state {
            BlockerState::Acknowledged => &mut states.acknowledged,
            BlockerState::Owned => &mut states.owned,
            BlockerState::OnHold => &mut states.on_hold,
            _ => &mut states.raised,
        } += 1;
        let (_, level) = &self.nodes[&blocker.holder];
        *figures.by_holder_level.entry(level.clone()).or_default() += 1;
        let held_at = path.iter().position(|step| *step == blocker.holder);
        let held_at = held_at.expect("the holder is above the origin (E1)");
        *match held_at.cmp(&place) {
            std::cmp::Ordering::Less => &mut figures.held_below,
            std::cmp::Ordering::Equal => &mut figures.held_here,
            std::cmp::Ordering::Greater => &mut figures.held_above,
        } += 1;
        figures.unowned += i64::from(!blocker.is_owned);
        figures.exhausted += i64::from(blocker.escalation == EscalationState::Exhausted);
        let raised = blocker.raise_time;
        let key = |time: &prost_types::Timestamp| (time.seconds, time.nanos);
        if figures
            .oldest_raise_time
            .is_none_or(|oldest| key(&raised) < key(&oldest))
        {
            figures.oldest_raise_time = Some(raised);
        }
    }
}

const fn is_open(state: BlockerState) -> bool {
    matches!(
        state,
        BlockerState::Raised
            | BlockerState::Acknowledged
            | BlockerState::Owned
            | BlockerState::OnHold
    )
}
