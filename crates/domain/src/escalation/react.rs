//! What the rules make of something that happened to a blocker.

use std::collections::BTreeMap;

use super::{LATE_AFTER, arm, arrive, due, target};
use crate::{
    blocker::{
        Arrival, Blocker, Cause, Change, ChangeKind, EscalationState, MarkKind, Move, MoveKind,
        RuleMark, State, Status,
    },
    id::{MeetingNumber, RequestId},
    organization::Organization,
    policy::{Action, CompiledVersion, Late, Rule, Trigger, Verdict, fact::Subject},
    time::{Timestamp, humanize},
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
        Stimulus::Changed { request } => reaction.edited(request),
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
            |rule, status| {
                rule.trigger == Trigger::Raised
                    && !status.marks.iter().any(|mark| mark.rule == rule.name)
            },
            &Cause::Request(request.clone()),
        );
    }

    fn edited(&mut self, request: &RequestId) {
        if self.is_suspended() {
            return;
        }
        let cause = Cause::Request(request.clone());
        if self.run(|rule, _| rule.trigger == Trigger::Changed, &cause) == Fired::Final {
            return;
        }
        // A rule whose time had passed without its condition being met looks again, and acts at once.
        self.run(
            |rule, status| {
                matches!(rule.trigger, Trigger::After { .. })
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
        self.status.meetings_survived += 1;
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
            |rule, _| rule.trigger == Trigger::MeetingClosed,
            &Cause::Meeting(number),
        );
        if fired == Fired::GoOn {
            let reason = self.why_it_stays();
            self.arm();
            self.push(ChangeKind::CarriedOver(reason));
        }
    }

    fn why_it_stays(&self) -> String {
        let unmet = self.rules().find_map(|(index, rule)| {
            let applies = rule.trigger == Trigger::MeetingClosed && rule.action.moves();
            match (applies, self.verdict(index)) {
                (true, Verdict::NotMet(reason)) => Some(format!("{}: {reason}", rule.name)),
                _ => None,
            }
        });
        let owner = match (&self.status.owner, self.status.committed_at) {
            (Some(owner), Some(at)) if at > self.now => {
                return format!("{owner} committed to {at}");
            }
            (Some(owner), _) => format!("owned by {owner}; "),
            (None, _) => String::new(),
        };
        match unmet {
            Some(reason) => format!("{owner}{reason}"),
            None => format!("{owner}no rule of the policy looks at meetings here"),
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
            // The end of a hold is a change of state that somebody approved: clocks restart.
            self.status.progressed_at = self.now;
            self.status.marks.clear();
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
    fn run(&mut self, applies: impl Fn(&Rule, &Status) -> bool, cause: &Cause) -> Fired {
        let Some(version) = self.version else {
            return Fired::GoOn;
        };
        for (index, rule) in version.rules() {
            if !applies(rule, &self.status) {
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

    fn fire_timed(&mut self, index: usize, at: Timestamp) -> Fired {
        let Some(rule) = self
            .version
            .and_then(|version| version.version.rules.get(index))
        else {
            return Fired::GoOn;
        };
        let late = self.now.since(at);
        if late > LATE_AFTER {
            let kind = match rule.late {
                Late::Fire => None,
                Late::Skip => Some((MarkKind::Skipped, "skips")),
                Late::Restart => Some((MarkKind::Restarted, "starts anew")),
            };
            if let Some((kind, verb)) = kind {
                let reason = format!("was due {} ago and {verb}", humanize(late));
                self.pass(rule, kind, reason);
                return Fired::GoOn;
            }
        }
        match self.verdict(index) {
            Verdict::NotMet(reason) => {
                self.pass(rule, MarkKind::Unmatched, reason);
                Fired::GoOn
            }
            Verdict::Met(facts) => {
                let late_us = i64::try_from(late.as_micros()).unwrap_or(i64::MAX);
                self.fire(rule, Cause::Timer(at), facts, late_us)
            }
        }
    }

    fn fire(
        &mut self,
        rule: &Rule,
        cause: Cause,
        facts: BTreeMap<String, String>,
        late_us: i64,
    ) -> Fired {
        if matches!(rule.trigger, Trigger::Raised | Trigger::After { .. }) {
            self.mark(rule, MarkKind::Fired);
        }
        match &rule.action {
            Action::RequireOwner => {
                self.status.owner_required = self.status.owner.is_none();
                self.arm();
                self.push(ChangeKind::OwnerRequired {
                    rule: rule.name.clone(),
                });
                Fired::GoOn
            }
            Action::Notify { roles, message } => {
                self.arm();
                self.push(ChangeKind::Notified {
                    rule: rule.name.clone(),
                    roles: roles.clone(),
                    message: message.clone(),
                });
                Fired::GoOn
            }
            Action::EscalateToParent
            | Action::EscalateToLevel(_)
            | Action::EscalateToCommonAncestor
            | Action::EscalateToRoot => {
                self.climb(rule, cause, facts, late_us);
                Fired::Final
            }
        }
    }

    fn climb(&mut self, rule: &Rule, cause: Cause, facts: BTreeMap<String, String>, late_us: i64) {
        let content = &self.blocker.content;
        let Some(to) = target(self.organization, content, &self.status, &rule.action) else {
            self.status.escalation = EscalationState::Exhausted;
            self.arm();
            self.push(ChangeKind::Exhausted(format!(
                "rule {} would move it up, and there is no level above `{}` for it",
                rule.name, self.status.holder
            )));
            return;
        };
        let moved = Move {
            kind: MoveKind::Escalated,
            from: self.status.holder.clone(),
            to: to.clone(),
            cause,
            rule: Some(rule.name.clone()),
            policy_version: Some((self.status.policy.clone(), self.status.policy_version)),
            facts,
            reason: String::new(),
            late_us,
            at: self.now,
            revision: 0,
        };
        self.status = arrive(
            self.organization,
            content,
            &self.status,
            &to,
            Arrival::Escalated,
            self.now,
        );
        self.push(ChangeKind::Moved(moved));
    }

    fn pass(&mut self, rule: &Rule, kind: MarkKind, reason: String) {
        self.mark(rule, kind);
        self.arm();
        self.push(ChangeKind::RulePassed {
            rule: rule.name.clone(),
            reason,
        });
    }

    fn mark(&mut self, rule: &Rule, kind: MarkKind) {
        self.status.marks.retain(|mark| mark.rule != rule.name);
        self.status.marks.push(RuleMark {
            rule: rule.name.clone(),
            kind,
            at: self.now,
        });
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
        arm(
            self.organization,
            &self.blocker.content,
            &mut self.status,
            self.now,
        );
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
