//! Beside the numbered guarantees: servers do not panic, answer INTERNAL to nothing, recover by themselves, and read as of now.

use super::spells::span;
use crate::record::{Record, SeenTime};

/// By how much an answer may be as of another time than it was asked for.
const NOW_US: i64 = 5_000_000;

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = record.complaints.clone();
    // Whatever makes a server's clock, or its machine, stand elsewhere.
    let disturbed: Vec<(i64, i64)> = record
        .spells
        .iter()
        .filter(|spell| spell.name.contains("clock") || spell.name.contains("machine"))
        .map(|spell| (spell.began_us, spell.ended_us + NOW_US))
        .collect();
    found.extend(record.times.iter().filter_map(|seen| {
        let SeenTime {
            method,
            replica,
            asked_us,
            told_us,
            as_of_us,
        } = seen;
        let excused = disturbed
            .iter()
            .any(|(began, ended)| began <= told_us && asked_us <= ended);
        let (first, last) = span(*asked_us, *told_us, &record.clock);
        let is_now = first - NOW_US <= *as_of_us && *as_of_us <= last + NOW_US;
        (!excused && !is_now).then(|| {
            format!(
                "{method} of replica {replica}, asked at {first} µs of the servers' clock, answers as of {as_of_us} µs"
            )
        })
    }));
    found
}
