//! E9, folded: folding the log gives the tables and the roll-ups, exactly; a read reflects at least the revision that it
//! was asked for; and the log itself has no gap and no step back in time.

use echelon_api::v1::{self, RollupFigures, event::Payload};

use super::{at, ledger::Ledger, micros};
use crate::record::{History, Record, SeenRollup};

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = record.findings.clone();
    for (number, history) in record.histories.iter().enumerate() {
        found.extend(broken(number, history));
        found.extend(miscounted(record, number, history));
    }
    let older = record
        .reads
        .iter()
        .filter(|read| read.revision < read.asked);
    found.extend(older.map(|read| {
        format!(
            "{} of replica {} was asked for revision {} and answers as of {}",
            read.method, read.replica, read.asked, read.revision
        )
    }));
    found
}

/// Gaps, steps back in time, and counters that had to be put right.
fn broken(number: usize, history: &History) -> Vec<String> {
    let mut found = Vec::new();
    let (mut revision, mut index, mut time) = (0, 0, i64::MIN);
    for event in &history.log {
        (revision, index) = if event.revision == revision {
            (revision, index + 1)
        } else {
            (revision + 1, 0)
        };
        if (event.revision, event.index) != (revision, index) {
            found.push(format!(
                "{}: {revision}/{index} was to come",
                at(number, event)
            ));
            (revision, index) = (event.revision, event.index);
        }
        let now = micros(event.time.as_ref()).unwrap_or(i64::MIN);
        if now < time {
            found.push(format!("{}: time steps back", at(number, event)));
        }
        time = now;
        if let Some(Payload::CountersRepaired(_)) = &event.payload {
            found.push(format!(
                "{}: counters had drifted and were put right",
                at(number, event)
            ));
        }
    }
    found
}

/// Roll-ups that are not what the log comes to.
fn miscounted(record: &Record, number: usize, history: &History) -> Vec<String> {
    let mut seen: Vec<&SeenRollup> = record.rollups.iter().collect();
    seen.retain(|seen| seen.history == number);
    seen.sort_by(|a, b| (a.revision, &a.node).cmp(&(b.revision, &b.node)));
    // Many are told the same.
    seen.dedup_by(|a, b| {
        (a.revision, &a.node) == (b.revision, &b.node) && counted(a) == counted(b)
    });
    let mut found = Vec::new();
    let mut ledger = Ledger::default();
    let mut events = history.log.iter().peekable();
    for seen in seen {
        while let Some(event) = events.next_if(|event| event.revision <= seen.revision) {
            ledger.apply(event);
        }
        let (told, folded) = (counted(seen), of_events(&ledger.figures(&seen.node)));
        if told != folded {
            found.push(format!(
                "history {number}, revision {}: the roll-up of `{}` is told as {told:?}, and the log comes to {folded:?}",
                seen.revision, seen.node
            ));
        }
    }
    found
}

fn counted(seen: &SeenRollup) -> RollupFigures {
    of_events(&seen.figures)
}

/// The figures that change only with events, and that this checker counts.
fn of_events(figures: &RollupFigures) -> RollupFigures {
    let v1::RollupFigures {
        open,
        by_severity,
        by_state,
        by_holder_level: _,
        held_here,
        held_below,
        held_above,
        unowned,
        overdue: _,
        due_soon: _,
        aged: _,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        escalated_in: _,
        escalated_out: _,
        open_since_yesterday: _,
        meetings_held: _,
        oldest_raise_time: _,
    } = figures;
    RollupFigures {
        open: *open,
        by_severity: *by_severity,
        by_state: *by_state,
        held_here: *held_here,
        held_below: *held_below,
        held_above: *held_above,
        unowned: *unowned,
        exhausted: *exhausted,
        awaiting_verification: *awaiting_verification,
        raised_total: *raised_total,
        closed_total: *closed_total,
        ..RollupFigures::default()
    }
}
