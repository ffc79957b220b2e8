//! What firing a rule does.

use std::collections::BTreeMap;

use super::{
    super::{LATE_AFTER, arrive, can_move, target},
    Fired, Reaction,
};
use crate::{
    blocker::{Arrival, Cause, ChangeKind, EscalationState, MarkKind, Move, MoveKind, RuleMark},
    id::NodeId,
    policy::{Action, Late, Rule, Trigger, Verdict},
    time::{Timestamp, humanize},
};

impl Reaction<'_> {
    pub(super) fn fire_timed(&mut self, index: usize, at: Timestamp) -> Fired {
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

    pub(super) fn fire(
        &mut self,
        rule: &Rule,
        cause: Cause,
        facts: BTreeMap<String, String>,
        late_us: i64,
    ) -> Fired {
        match rule.trigger {
            Trigger::Raised | Trigger::After { .. } => self.mark(rule, MarkKind::Fired),
            Trigger::Changed => self.unmark(rule),
            Trigger::MeetingClosed => {}
        }
        match &rule.action {
            Action::RequireOwner if self.status.owner.is_some() => {
                if matches!(cause, Cause::Timer(_)) {
                    self.pass(rule, MarkKind::Fired, "it has an owner".to_owned());
                }
                Fired::GoOn
            }
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
                match target(
                    self.organization,
                    &self.blocker.content,
                    &self.status,
                    &rule.action,
                ) {
                    Some(to) => {
                        self.climb(rule, to, cause, facts, late_us);
                        Fired::Final
                    }
                    None => self.stay(rule, &cause),
                }
            }
        }
    }

    /// A rule would move it up, and its level is not there: the next rule has its turn, if any can move it at all.
    fn stay(&mut self, rule: &Rule, cause: &Cause) -> Fired {
        let reason = self.no_level(rule);
        if can_move(self.organization, &self.blocker.content, &self.status) {
            if matches!(cause, Cause::Timer(_)) {
                self.pass(rule, MarkKind::Unmatched, reason);
            }
            return Fired::GoOn;
        }
        self.status.escalation = EscalationState::Exhausted;
        self.arm();
        self.push(ChangeKind::Exhausted(reason));
        Fired::Final
    }

    pub(super) fn no_level(&self, rule: &Rule) -> String {
        format!(
            "rule {} would move it up, and there is no level above `{}` for it",
            rule.name, self.status.holder
        )
    }

    fn climb(
        &mut self,
        rule: &Rule,
        to: NodeId,
        cause: Cause,
        facts: BTreeMap<String, String>,
        late_us: i64,
    ) {
        let content = &self.blocker.content;
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
        if rule.trigger == Trigger::Changed {
            self.unmark(rule);
        } else {
            self.mark(rule, kind);
        }
        self.arm();
        self.push(ChangeKind::RulePassed {
            rule: rule.name.clone(),
            reason,
        });
    }

    fn unmark(&mut self, rule: &Rule) {
        self.status.marks.retain(|mark| mark.rule != rule.name);
    }

    fn mark(&mut self, rule: &Rule, kind: MarkKind) {
        self.unmark(rule);
        self.status.marks.push(RuleMark {
            rule: rule.name.as_str().into(),
            kind,
            at: self.now,
        });
    }
}
