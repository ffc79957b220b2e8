//! Why a blocker stays where it is when a meeting closes.

use super::Reaction;
use crate::{
    blocker::Status,
    escalation::target,
    id::NodeId,
    policy::{Rule, Trigger, Verdict, fact::Subject},
};

/// Most meetings looked ahead.
const MEETINGS_AHEAD: i32 = 10;

impl Reaction<'_> {
    /// For people: what keeps it, and what more unsolved meetings will do.
    pub(super) fn why_it_stays(&self) -> String {
        let owner = match (&self.status.owner, self.status.committed_at) {
            (Some(owner), Some(at)) if at > self.now => {
                return format!("{owner} committed to {at}");
            }
            (Some(owner), _) => format!("owned by {owner}; "),
            (None, _) => String::new(),
        };
        if let Some((meetings, rule, to)) = self.meetings_ahead() {
            let meetings = match meetings {
                1 => "1 more meeting".to_owned(),
                more => format!("{more} more meetings"),
            };
            return format!("{owner}unsolved after {meetings} it moves to {to} by rule {rule}");
        }
        let unmet = self.rules().find_map(|(index, rule)| {
            let applies = rule.trigger == Trigger::MeetingClosed && rule.action.moves();
            match (applies, self.verdict(index)) {
                (true, Verdict::NotMet(reason)) => Some(format!("{}: {reason}", rule.name)),
                (true, Verdict::Met(_)) => Some(self.no_level(rule)),
                (false, _) => None,
            }
        });
        match unmet {
            Some(reason) => format!("{owner}{reason}"),
            None => format!("{owner}no rule of the policy looks at meetings here"),
        }
    }

    /// How many more meetings it can survive here, and which rule moves it where then, if all else stays as it is.
    fn meetings_ahead(&self) -> Option<(i32, &str, NodeId)> {
        (1..=MEETINGS_AHEAD).find_map(|more| {
            let status = Status {
                meetings_survived: self.status.meetings_survived.saturating_add(more),
                ..self.status.clone()
            };
            self.rules().find_map(|(index, rule)| {
                let to = self.would_move(index, rule, &status)?;
                Some((more, rule.name.as_str(), to))
            })
        })
    }

    fn would_move(&self, index: usize, rule: &Rule, status: &Status) -> Option<NodeId> {
        if rule.trigger != Trigger::MeetingClosed || !rule.action.moves() {
            return None;
        }
        let content = &self.blocker.content;
        let subject = Subject {
            organization: self.organization,
            content,
            status,
            now: self.now,
        };
        match self.version?.verdict(index, &subject) {
            Verdict::Met(_) => target(self.organization, content, status, &rule.action),
            Verdict::NotMet(_) => None,
        }
    }
}
