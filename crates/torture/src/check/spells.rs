//! Times in which no server could be expected to act, on the clock that servers see.

use super::micros;
use crate::record::{ClockStep, Excuse, History, Record, Spell};

/// How long after a fault timers may still be late: servers load organizations, and catch up.
const GRACE_US: i64 = 1_500_000;
/// How long after a server has begun to hang the others may still commit what had the head locked before it.
const IN_FLIGHT_US: i64 = 2_000_000;
/// How long a server that can commit may take to act on a timer.
const ON_TIME_US: i64 = 1_000_000;

/// The excuses of a run, for one history.
pub(super) struct Excuses {
    spans: Vec<Span>,
    /// When something was committed, in order.
    commits: Vec<i64>,
}

/// From when to when, in microseconds of the servers' clock.
struct Span {
    began: i64,
    ended: i64,
    excuse: Excuse,
}

impl Excuses {
    pub(super) fn new(record: &Record, history: &History) -> Self {
        let spells = record.spells.iter();
        let spans = spells.map(|spell| excused(spell, &record.clock));
        let times = history.log.iter();
        Self {
            spans: spans.collect(),
            commits: times
                .filter_map(|event| micros(event.time.as_ref()))
                .collect(),
        }
    }

    /// Whether there was an excuse at some time between two instants of the servers' clock.
    pub(super) fn cover(&self, from_us: i64, to_us: i64) -> bool {
        self.spans.iter().any(|span| {
            let touches = span.began <= to_us && from_us <= span.ended;
            touches
                && match span.excuse {
                    Excuse::Nothing => false,
                    Excuse::Everything => true,
                    Excuse::NobodyWrites => {
                        let from = from_us.max(span.began + IN_FLIGHT_US);
                        !self.is_written_to(from, to_us - ON_TIME_US)
                    }
                }
        })
    }

    /// Whether something was committed after an instant and before another.
    fn is_written_to(&self, from_us: i64, to_us: i64) -> bool {
        let first = self.commits.partition_point(|at| *at <= from_us);
        self.commits.get(first).is_some_and(|at| *at < to_us)
    }
}

/// A span of the machine's clock on the clock of the servers.
pub(super) fn span(from_us: i64, to_us: i64, clock: &[ClockStep]) -> (i64, i64) {
    (
        from_us + shift_at(clock, from_us),
        to_us + shift_at(clock, to_us),
    )
}

/// From before the clock moved at its beginning to after it moved at its end.
fn excused(spell: &Spell, clock: &[ClockStep]) -> Span {
    let before = shift_at(clock, spell.began_us - 1);
    let after = shift_at(clock, spell.ended_us);
    // Where a clock steps back, time stands still at the newest event from before.
    let steps_back = clock.iter().any(|step| {
        (spell.began_us..=spell.ended_us).contains(&step.at_us) && step.shift_us < before
    });
    let newest = if steps_back { GRACE_US } else { 0 };
    Span {
        began: spell.began_us + before - newest,
        ended: spell.ended_us + after + GRACE_US,
        excuse: spell.excuse,
    }
}

/// By how much the clock was off at a time.
fn shift_at(clock: &[ClockStep], at_us: i64) -> i64 {
    let passed = clock.iter().rev().find(|step| step.at_us <= at_us);
    passed.map_or(0, |step| step.shift_us)
}
