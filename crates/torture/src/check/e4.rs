//! E4, on time: what is due is acted on within a second while a server lives; what is overdue is caught up in due order, one
//! level a pass, and each move tells how late it is.

use std::collections::BTreeMap;

use echelon_api::v1::{self, BlockerChange, cause};

use super::{at, change, is_open, ledger::Ledger, micros, spells::Excuses};
use crate::record::{History, Record};

/// How late an act may be.
const ON_TIME_US: i64 = 1_000_000;

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for (number, history) in record.histories.iter().enumerate() {
        let excuses = Excuses::new(record, history);
        let mut ledger = Ledger::default();
        let mut pass = Pass::default();
        for event in &history.log {
            let fault = look(event, &ledger, &excuses, &mut pass);
            // What a restore has kept was looked at in the history before.
            let fault = fault.filter(|_| event.revision > history.since);
            found.extend(fault.map(|fault| format!("{}: {fault}", at(number, event))));
            ledger.apply(event);
        }
        found.extend(left(number, history, &ledger, &excuses));
    }
    found
}

/// What has happened in one revision so far.
#[derive(Default)]
struct Pass {
    revision: i64,
    /// Whether timers are passed in it, and nothing else is done.
    by_timers: bool,
    /// The due time of the timer that was passed last.
    due: i64,
    /// How often each blocker was escalated.
    escalated: BTreeMap<i64, u32>,
    /// Which blockers have had their turn.
    seen: Vec<i64>,
}

fn look(event: &v1::Event, before: &Ledger, excuses: &Excuses, pass: &mut Pass) -> Option<String> {
    let changed = change(event)?;
    let number = changed.number;
    let now = micros(event.time.as_ref())?;
    if event.revision != pass.revision {
        *pass = Pass {
            revision: event.revision,
            by_timers: event.actor.is_empty() && is_of_timer(changed.change()),
            ..Pass::default()
        };
    }
    if changed.change() == BlockerChange::Escalated {
        let times = pass.escalated.entry(number).or_default();
        *times += 1;
        if *times > 1 {
            return Some(format!("B-{number} goes up {times} levels in one pass"));
        }
    }
    if let Some(fault) = mistold(changed, now) {
        return Some(format!("B-{number} {fault}"));
    }
    if pass.seen.contains(&number) {
        return None;
    }
    pass.seen.push(number);
    let due = due(before, number)?;
    if pass.by_timers {
        if due < pass.due {
            let early = pass.due - due;
            return Some(format!(
                "B-{number} was due {early} µs before the one that had its turn before it"
            ));
        }
        pass.due = due;
    }
    // An edit, a rebase or a new date may set a timer that is due already.
    let due = due.max(before.blockers.get(&number)?.set_us);
    if now - due > ON_TIME_US && !excuses.cover(due, now) {
        return Some(format!(
            "B-{number} was due {:.3} s before, and nothing kept servers from acting",
            seconds(now - due)
        ));
    }
    None
}

/// What is wrong with what a move by a timer says of its lateness.
fn mistold(changed: &v1::BlockerRecord, now: i64) -> Option<String> {
    let moved = changed.r#move.as_ref()?;
    let due = timer(moved)?;
    let told = moved.lateness.as_ref();
    let told = told.map_or(0, |late| {
        late.seconds * 1_000_000 + i64::from(late.nanos) / 1_000
    });
    if now < due {
        return Some(format!("moves {} µs before its timer is due", due - now));
    }
    (told != now - due).then(|| format!("moves {} µs late and says {told}", now - due))
}

/// Timers that nobody has acted on at the end of a history.
fn left<'a>(
    number: usize,
    history: &'a History,
    ledger: &'a Ledger,
    excuses: &'a Excuses,
) -> impl Iterator<Item = String> + use<'a> {
    let end = history.ended_us;
    ledger.blockers.keys().filter_map(move |blocker| {
        let due = due(ledger, *blocker)?.max(ledger.blockers.get(blocker)?.set_us);
        let overdue = end - due > ON_TIME_US && !excuses.cover(due, end);
        overdue.then(|| {
            format!(
                "history {number}: the timer of B-{blocker} was due {:.3} s before the end, and nobody has acted",
                seconds(end - due)
            )
        })
    })
}

/// When the timer of an open blocker is due.
fn due(ledger: &Ledger, number: i64) -> Option<i64> {
    let status = &ledger.blockers.get(&number)?.status;
    if is_open(status.state()) {
        micros(status.timer_time.as_ref())
    } else {
        None
    }
}

/// The due time of the timer that caused a move.
fn timer(moved: &v1::Move) -> Option<i64> {
    match moved.cause.as_ref()?.kind.as_ref()? {
        cause::Kind::Timer(due) => micros(Some(due)),
        cause::Kind::Meeting(_) | cause::Kind::Request(_) => None,
    }
}

const fn is_of_timer(change: BlockerChange) -> bool {
    matches!(
        change,
        BlockerChange::AcknowledgementLapsed
            | BlockerChange::HoldEnded
            | BlockerChange::Escalated
            | BlockerChange::Exhausted
            | BlockerChange::OwnerRequired
            | BlockerChange::Notified
            | BlockerChange::RulePassed
    )
}

fn seconds(micros: i64) -> f64 {
    std::time::Duration::from_micros(micros.unsigned_abs()).as_secs_f64()
}

/// The greatest lateness of a move by a timer, in seconds, from when it was due and set: of those that had no excuse, and
/// of all.
#[must_use]
pub fn lateness(record: &Record) -> (f64, f64) {
    let mut greatest = (0, 0);
    for history in &record.histories {
        let excuses = Excuses::new(record, history);
        let mut ledger = Ledger::default();
        for event in &history.log {
            let changed = change(event);
            let set_us = changed
                .and_then(|changed| ledger.blockers.get(&changed.number))
                .map_or(0, |blocker| blocker.set_us);
            let moved = changed.and_then(|changed| changed.r#move.as_ref());
            let due = moved.and_then(timer).map(|due| due.max(set_us));
            ledger.apply(event);
            if let (Some(due), Some(now)) = (due, micros(event.time.as_ref())) {
                greatest.1 = greatest.1.max(now - due);
                if !excuses.cover(due, now) {
                    greatest.0 = greatest.0.max(now - due);
                }
            }
        }
    }
    (seconds(greatest.0), seconds(greatest.1))
}
