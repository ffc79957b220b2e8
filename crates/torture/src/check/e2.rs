//! E2, nothing lost: what was acknowledged is in the log, blockers are counted without a gap, every open one waits for
//! something, and every roll-up adds up.

use std::collections::BTreeMap;

use echelon_api::v1::{EscalationState as Escalation, RollupFigures};

use super::{
    at, change,
    ledger::{Blocker, begins},
    replay,
};
use crate::record::{Call, Record, SeenRollup};

/// Methods whose every answer stands for an event, unless a raise found a duplicate.
const WITH_EFFECT: [&str; 15] = [
    "Raise",
    "Comment",
    "Acknowledge",
    "Own",
    "Hold",
    "Resolve",
    "Verify",
    "Reopen",
    "Withdraw",
    "Merge",
    "Escalate",
    "Return",
    "OpenMeeting",
    "CheckIn",
    "CreatePolicy",
];

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = lost(record);
    found.extend(replay(record, |history, event, before, after| {
        let changed = change(event)?;
        let next = before
            .blockers
            .last_key_value()
            .map_or(1, |(last, _)| last + 1);
        if begins(changed.change()) && changed.number != next {
            return Some(format!(
                "{}: B-{} is raised, and B-{next} was to come",
                at(history, event),
                changed.number
            ));
        }
        let fault = orphaned(after.blockers.get(&changed.number)?)?;
        Some(format!(
            "{}: B-{} {fault}",
            at(history, event),
            changed.number
        ))
    }));
    found.extend(record.rollups.iter().filter_map(uneven));
    found
}

/// What somebody was told of and is not in the log.
fn lost(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for (number, history) in record.histories.iter().enumerate() {
        let mut authors: BTreeMap<(i64, &str), usize> = BTreeMap::new();
        let mut titles: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &history.log {
            *authors.entry((event.revision, &event.actor)).or_default() += 1;
            if let Some(content) = change(event).and_then(|changed| changed.content.as_ref()) {
                titles.entry(&content.title).or_insert(event.revision);
            }
        }
        let answered = record.calls.iter().filter_map(|call| {
            let answer = call.answer(number)?;
            (is_effect(call) && !answer.duplicate).then_some((call, answer.revision))
        });
        for (call, revision) in answered {
            let by_author = authors.contains_key(&(revision, call.request_id.as_str()));
            // Nobody's name is kept of an anonymous raise: its title is the key as well.
            let by_title = titles.get(call.request_id.as_str()) == Some(&revision);
            let is_there = by_author || (call.method == "Raise" && by_title);
            if !is_there {
                found.push(format!(
                    "history {number}: {} {} of {} was acknowledged with revision {revision}, and the log has nothing of it",
                    call.method, call.request_id, call.about
                ));
            }
        }
    }
    found
}

fn is_effect(call: &Call) -> bool {
    WITH_EFFECT.contains(&call.method)
}

/// What is wrong with what a blocker waits for.
fn orphaned(blocker: &Blocker) -> Option<String> {
    let status = &blocker.status;
    let state = status.escalation_state();
    if !blocker.is_open() {
        let quiet = state == Escalation::Unspecified && status.timer_time.is_none();
        return (!quiet).then(|| format!("is closed and its escalation is {state:?}"));
    }
    let has_end = status.acknowledgement_expire_time.is_some() || status.hold_expire_time.is_some();
    let waits = match state {
        Escalation::Armed => status.timer_time.is_some(),
        Escalation::Paused => status.timer_time.is_some() && has_end,
        Escalation::WaitingForMeeting | Escalation::Exhausted => status.timer_time.is_none(),
        Escalation::Unspecified => false,
    };
    (!waits).then(|| {
        let timer = if status.timer_time.is_some() {
            "a timer"
        } else {
            "no timer"
        };
        format!("is open, its escalation is {state:?}, and it has {timer}: it waits for nothing")
    })
}

fn uneven(seen: &SeenRollup) -> Option<String> {
    let RollupFigures {
        open,
        raised_total,
        closed_total,
        ..
    } = &seen.figures;
    (*raised_total != open + closed_total).then(|| {
        format!(
            "history {}, revision {}: `{}` has raised {raised_total}, which is not {open} open and {closed_total} closed",
            seen.history, seen.revision, seen.node
        )
    })
}
