//! Times in which no server could be expected to act, on the clock that servers see.

use crate::record::{ClockStep, Record, Spell};

/// How long after a fault timers may still be late: servers load organizations, and catch up.
const GRACE_US: i64 = 1_500_000;

/// The excuses of a run.
pub(super) struct Excuses {
    /// Each from when to when, in microseconds of the servers' clock.
    spans: Vec<(i64, i64)>,
}

impl Excuses {
    pub(super) fn new(record: &Record) -> Self {
        let excusing = record.spells.iter().filter(|spell| spell.excuses_timers);
        let spans = excusing
            .map(|spell| excused(spell, &record.clock))
            .collect();
        Self { spans }
    }

    /// Whether there was an excuse at some time between two instants of the servers' clock.
    pub(super) fn cover(&self, from_us: i64, to_us: i64) -> bool {
        self.spans
            .iter()
            .any(|(began, ended)| *began <= to_us && from_us <= *ended)
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
fn excused(spell: &Spell, clock: &[ClockStep]) -> (i64, i64) {
    let before = shift_at(clock, spell.began_us - 1);
    let after = shift_at(clock, spell.ended_us);
    // Where a clock steps back, time stands still at the newest event from before.
    let steps_back = clock.iter().any(|step| {
        (spell.began_us..=spell.ended_us).contains(&step.at_us) && step.shift_us < before
    });
    let newest = if steps_back { GRACE_US } else { 0 };
    (
        spell.began_us + before - newest,
        spell.ended_us + after + GRACE_US,
    )
}

/// By how much the clock was off at a time.
fn shift_at(clock: &[ClockStep], at_us: i64) -> i64 {
    let passed = clock.iter().rev().find(|step| step.at_us <= at_us);
    passed.map_or(0, |step| step.shift_us)
}
