//! What an edit of the content means to the rules.

use super::arm;
use crate::{
    blocker::{Content, MarkKind, RuleMark, State, Status},
    organization::Organization,
    policy::{ClockBase, CompiledVersion, Trigger, fact::Subject},
    time::Timestamp,
};

/// What an edit does to the timers. It is no progress, but a new due date sets the rules that count from it anew; and
/// a rule about edits that may not act while the blocker is acknowledged or on hold looks when that ends.
pub fn note_edit(
    organization: &Organization,
    before: &Content,
    after: &Content,
    status: &mut Status,
    now: Timestamp,
) {
    if let Ok(version) = organization
        .version(&status.policy, status.policy_version)
        .cloned()
    {
        let suspended = matches!(status.state, State::Acknowledged | State::OnHold);
        for (index, rule) in version.rules() {
            let counts_from_due_date = matches!(
                rule.trigger,
                Trigger::After {
                    since: ClockBase::DueTime,
                    ..
                }
            );
            let touched = rule.trigger == Trigger::Changed
                && suspended
                && touches(organization, &version, index, (before, after), status, now);
            if (counts_from_due_date && before.due_at != after.due_at) || touched {
                status.marks.retain(|mark| mark.rule != rule.name);
            }
            if touched {
                status.marks.push(RuleMark {
                    rule: rule.name.as_str().into(),
                    kind: MarkKind::Restarted,
                    at: now,
                });
            }
        }
    }
    arm(organization, after, status);
}

/// True if an edit concerns the rule at `index`: its condition reads a fact that the edit changed, or none at all.
pub(super) fn touches(
    organization: &Organization,
    version: &CompiledVersion,
    index: usize,
    (before, after): (&Content, &Content),
    status: &Status,
    now: Timestamp,
) -> bool {
    let facts = |content| {
        version.facts(
            index,
            &Subject {
                organization,
                content,
                status,
                now,
            },
        )
    };
    let after = facts(after);
    after.is_empty() || after != facts(before)
}
