//! What the rules make of something that happened to a blocker.

use std::sync::Arc;

mod fire;
mod stay;

use super::{TICK, arm, due, edit::touches, progress};
use crate::{
    blocker::{
        Blocker, Cause, Change, ChangeKind, Content, EscalationState, MarkKind, State, Status,
    },
    id::{MeetingNumber, RequestId},
    organization::Organization,
    policy::{CompiledVersion, Rule, Trigger, Verdict, fact::Subject},
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stimulus {
    /// The blocker was raised, or reopened, by this call.
    Raised {
        /// The call.
        request: RequestId,
    },
    /// Its content was edited by this call.
    Changed {
        /// The call.
        request: RequestId,
        /// The content before it.
        before: Arc<Content>,
    },
    /// A meeting of its holder closed.
    MeetingClosed(MeetingNumber),
    /// Its timer is due.
    Timer,
}

/// What the rules do, in order: each change with the status after it, at most one of them a move (E3). No rule moves
/// what is closed, acknowledged or on hold (E5). The close of a meeting always yields exactly one of a move, an
/// exhaustion and a carry-over.
#[must_use]
pub fn react(
    organization: &Organization,
    blocker: &Blocker,
    stimulus: &Stimulus,
    now: Timestamp,
) -> Vec<Change> {
    if !blocker.is_open() {
        return Vec::new();
    }
    let version = organization
        .version(&blocker.status.policy, blocker.status.policy_version)
        .ok()
        .cloned();
    let mut reaction = Reaction {
        organization,
        blocker,
        version: version.as_deref(),
        status: blocker.status.clone(),
        now,
        changes: Vec::new(),
    };
    match stimulus {
        Stimulus::Raised { request } => reaction.raised(request),
        Stimulus::Changed { request, before } => reaction.edited(request, before),
        Stimulus::MeetingClosed(number) => reaction.meeting_closed(*number),
        Stimulus::Timer => reaction.timer(),
    }
    reaction.changes
}

struct Reaction<'a> {
    organization: &'a Organization,
    blocker: &'a Blocker,
    version: Option<&'a CompiledVersion>,
    status: Status,
    now: Timestamp,
    changes: Vec<Change>,
}

/// What firing a rule came to.
#[derive(PartialEq, Eq)]
enum Fired {
    /// It moved the blocker, or exhausted it: no rule after it has a say.
    Final,
    /// The next rule has its turn.
    GoOn,
}

impl<'a> Reaction<'a> {
    fn raised(&mut self, request: &RequestId) {
        self.run(
            |_, rule, status| {
                rule.trigger == Trigger::Raised
                    && !status.marks.iter().any(|mark| mark.rule == rule.name)
            },
            &Cause::Request(request.clone()),
        );
    }

    fn edited(&mut self, request: &RequestId, before: &Content) {
        if self.is_suspended() {
            return;
        }
        let cause = Cause::Request(request.clone());
        let contents = (before, &*self.blocker.content);
        let touched: Vec<usize> = self
            .version
            .into_iter()
            .flat_map(|version| version.rules().map(move |(index, _)| (version, index)))
            .filter(|(version, index)| {
                touches(
                    self.organization,
                    version,
                    *index,
                    contents,
                    &self.status,
                    self.now,
                )
            })
            .map(|(_, index)| index)
            .collect();
        let changed = |index: usize, rule: &Rule, _: &Status| {
            rule.trigger == Trigger::Changed && touched.contains(&index)
        };
        if self.run(changed, &cause) == Fired::Final {
            return;
        }
        // A rule whose time had passed without its condition being met looks again, and acts at once.
        self.run(
            |index, rule, status| {
                matches!(rule.trigger, Trigger::After { .. })
                    && touched.contains(&index)
                    && status
                        .marks
                        .iter()
                        .any(|mark| mark.rule == rule.name && mark.kind == MarkKind::Unmatched)
            },
            &cause,
        );
    }

    fn meeting_closed(&mut self, number: MeetingNumber) {
        self.lapse();
        self.status.meetings_survived = self.status.meetings_survived.saturating_add(1);
        if self.is_suspended() {
            let reason = match self.status.state {
                State::OnHold => "on hold",
                _ => "acknowledged",
            };
            let until = self.status.timer_at.unwrap_or(self.now);
            self.arm();
            self.push(ChangeKind::CarriedOver(format!("{reason} until {until}")));
            return;
        }
        let fired = self.run(
            |_, rule, _| rule.trigger == Trigger::MeetingClosed,
            &Cause::Meeting(number),
        );
        if fired == Fired::GoOn {
            let reason = self.why_it_stays();
            self.arm();
            self.push(ChangeKind::CarriedOver(reason));
        }
    }

    fn timer(&mut self) {
        let resumed_at = self.lapse();
        if self.is_suspended() {
            return;
        }
        loop {
            let next = self
                .rules()
                .filter_map(|(index, rule)| {
                    due(rule, &self.blocker.content, &self.status).map(|at| (at, index))
                })
                .filter(|(at, _)| *at <= self.now)
                .min();
            let Some((at, index)) = next else { break };
            // While it was paused nothing could be due.
            let at = resumed_at.map_or(at, |resumed| at.max(resumed));
            // Due times after its arrival, up to its departure: no two stays share one, so no two moves have the same
            // cause (E3).
            let at = at.max(self.status.level_entered_at.plus(TICK));
            if self.fire_timed(index, at) == Fired::Final {
                return;
            }
        }
        if self.changes.is_empty() {
            self.arm();
            if self.status != self.blocker.status {
                self.push(ChangeKind::RulePassed {
                    rule: String::new(),
                    reason: "nothing was due any more".to_owned(),
                });
            }
        }
    }

    /// Ends an acknowledgement or a hold that has expired. Returns when it did.
    fn lapse(&mut self) -> Option<Timestamp> {
        let until = match self.status.state {
            State::Acknowledged => self.status.acknowledged_until,
            State::OnHold => self.status.held_until,
            State::Raised
            | State::Owned
            | State::Resolved
            | State::Verified
            | State::Withdrawn
            | State::Merged => None,
        };
        let until = until.filter(|until| *until <= self.now)?;
        let was_held = self.status.state == State::OnHold;
        self.status.state = if self.status.owner.is_some() {
            State::Owned
        } else {
            State::Raised
        };
        self.status.acknowledged_until = None;
        self.status.held_until = None;
        self.status.hold_approver = None;
        self.status.escalation = EscalationState::WaitingForMeeting;
        let kind = if was_held {
            // The end of a hold is a change of state that somebody approved: clocks restart, at the time approved,
            // however late it is noticed.
            progress(self.organization, &mut self.status, until);
            ChangeKind::HoldEnded
        } else {
            ChangeKind::AcknowledgementLapsed
        };
        self.arm();
        self.push(kind);
        Some(until)
    }

    fn is_suspended(&self) -> bool {
        matches!(self.status.state, State::Acknowledged | State::OnHold)
    }

    /// Fires, in order, the rules that `applies` picks and whose condition is met.
    fn run(&mut self, applies: impl Fn(usize, &Rule, &Status) -> bool, cause: &Cause) -> Fired {
        let Some(version) = self.version else {
            return Fired::GoOn;
        };
        for (index, rule) in version.rules() {
            if !applies(index, rule, &self.status) {
                continue;
            }
            if let Verdict::Met(facts) = self.verdict(index)
                && self.fire(rule, cause.clone(), facts, 0) == Fired::Final
            {
                return Fired::Final;
            }
        }
        Fired::GoOn
    }

    fn rules(&self) -> impl Iterator<Item = (usize, &'a Rule)> + use<'a> {
        self.version.into_iter().flat_map(CompiledVersion::rules)
    }

    fn verdict(&self, index: usize) -> Verdict {
        let subject = Subject {
            organization: self.organization,
            content: &self.blocker.content,
            status: &self.status,
            now: self.now,
        };
        self.version.map_or_else(
            || Verdict::NotMet("the pinned policy version does not exist".to_owned()),
            |version| version.verdict(index, &subject),
        )
    }

    fn arm(&mut self) {
        arm(self.organization, &self.blocker.content, &mut self.status);
    }

    fn push(&mut self, kind: ChangeKind) {
        self.changes.push(Change {
            number: self.blocker.number,
            kind,
            content: None,
            status: self.status.clone(),
        });
    }
}
