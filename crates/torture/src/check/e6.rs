//! E6, explained: every move names its rule, the version and the facts, or the reason that somebody gave; and what was
//! foretold of a blocker is what happened to it, unless somebody acted in between.

use std::collections::HashMap;

use echelon_api::v1::{self, BlockerChange, cause, event::Payload};

use super::{at, change, id, ledger::Ledger, micros, replay};
use crate::record::{Foretold, History, Record};

/// A timer that is passed later than this after it is due may do something else than was foretold.
const LATE_US: i64 = 60_000_000;

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = replay(record, |history, event, before, _| {
        let changed = change(event)?;
        let moved = changed.r#move.as_ref()?;
        let fault = unexplained(event, moved, before)?;
        Some(format!(
            "{}: B-{} moves {fault}",
            at(history, event),
            changed.number
        ))
    });
    for (number, history) in record.histories.iter().enumerate() {
        found.extend(misjudged(record, number, history));
    }
    found
}

/// What a move does not tell.
fn unexplained(event: &v1::Event, moved: &v1::Move, before: &Ledger) -> Option<String> {
    if moved.revision != event.revision || moved.time != event.time {
        return Some(format!(
            "and says that it did at revision {}",
            moved.revision
        ));
    }
    if moved.rule.is_empty() {
        let by_hand = moved.kind() != v1::r#move::Kind::Reheld;
        return (by_hand && moved.reason.is_empty()).then(|| "by hand without a reason".to_owned());
    }
    let rule = rule(before, &moved.policy_version, &moved.rule);
    let Some(rule) = rule else {
        return Some(format!(
            "by rule `{}` of `{}`, which has none of this name",
            moved.rule, moved.policy_version
        ));
    };
    (!rule.when.is_empty() && moved.matched_facts.is_empty()).then(|| {
        format!(
            "by rule `{}` and does not say which facts it matched",
            moved.rule
        )
    })
}

/// The rule of a version by its resource name, `…/policies/{policy}/versions/{version}`.
fn rule<'a>(ledger: &'a Ledger, version: &str, rule: &str) -> Option<&'a v1::RuleRecord> {
    let (policy, number) = version.rsplit_once("/versions/")?;
    let number = number.parse().ok()?;
    let rules = ledger.rules.get(&(id(policy).to_owned(), number))?;
    rules.iter().find(|known| known.name == rule)
}

/// Where it was foretold otherwise.
fn misjudged(record: &Record, number: usize, history: &History) -> Vec<String> {
    // By blocker, where its events are in the log; and where something of the tree or of a policy changes.
    let mut of_blocker: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut of_others = Vec::new();
    for (index, event) in history.log.iter().enumerate() {
        match &event.payload {
            Some(Payload::BlockerChanged(_)) => {
                of_blocker.entry(&event.blocker).or_default().push(index);
            }
            Some(
                Payload::MeetingOpened(_)
                | Payload::MeetingClosed(_)
                | Payload::CheckInSubmitted(_),
            )
            | None => {}
            Some(_) => of_others.push(index),
        }
    }
    let foretold = record.foretold.iter().filter(|one| one.history == number);
    let found = foretold.filter_map(|foretold| {
        let events = of_blocker.get(foretold.blocker.as_str())?;
        let after = |index: &usize| history.log[*index].revision > foretold.revision;
        let next = *events.iter().find(|index| after(index))?;
        let disturbed = of_others.iter().any(|other| after(other) && *other < next);
        if disturbed {
            return None;
        }
        let fault = contradicts(foretold, &history.log[next])?;
        Some(format!(
            "{}: {} {fault}, and at revision {} it was foretold: {}",
            at(number, &history.log[next]),
            foretold.blocker,
            foretold.revision,
            foretold.next.description
        ))
    });
    found.collect()
}

/// How an event contradicts what was foretold. Only a move by a timer is comparable: all else may be somebody's doing.
fn contradicts(foretold: &Foretold, event: &v1::Event) -> Option<String> {
    let changed = change(event)?;
    let moved = changed.r#move.as_ref()?;
    let Some(cause::Kind::Timer(due)) = moved.cause.as_ref()?.kind.as_ref() else {
        return None;
    };
    let (due, now) = (micros(Some(due))?, micros(event.time.as_ref())?);
    if changed.change() != BlockerChange::Escalated || now - due > LATE_US {
        return None;
    }
    let next = &foretold.next;
    if next.rule.is_empty() || next.target.is_empty() {
        return None;
    }
    // What is due already happens as of now, and a server may be at it.
    let ahead = micros(next.time.as_ref()).filter(|time| *time > foretold.as_of_us);
    if ahead.is_some_and(|time| now < time) {
        return Some("moves earlier".to_owned());
    }
    (next.rule != moved.rule || next.target != moved.to)
        .then(|| format!("moves to {} by rule `{}`", moved.to, moved.rule))
}
