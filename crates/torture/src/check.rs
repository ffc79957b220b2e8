//! The checker: from the record of a run alone it decides what was guaranteed and did not hold. It knows nothing of how
//! servers work, folds the log by itself, and each guarantee has a module.

mod e1;
mod e10;
mod e2;
mod e3;
mod e4;
mod e5;
mod e6;
mod e7;
mod e8;
mod e9;
mod ledger;
mod service;
mod spells;
#[cfg(test)]
mod tests;

use std::fmt;

use echelon_api::v1;

use crate::record::Record;
use ledger::Ledger;

pub use e4::lateness;

/// What is guaranteed, as in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`Guarantee::meaning` says it")]
pub enum Guarantee {
    E1,
    E2,
    E3,
    E4,
    E5,
    E6,
    E7,
    E8,
    E9,
    E10,
    Service,
}

impl Guarantee {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::E1,
        Self::E2,
        Self::E3,
        Self::E4,
        Self::E5,
        Self::E6,
        Self::E7,
        Self::E8,
        Self::E9,
        Self::E10,
        Self::Service,
    ];

    /// In short.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::E1 => "one holder",
            Self::E2 => "nothing lost",
            Self::E3 => "exactly once",
            Self::E4 => "on time",
            Self::E5 => "no stale moves",
            Self::E6 => "explained",
            Self::E7 => "idempotent",
            Self::E8 => "same on both",
            Self::E9 => "folded",
            Self::E10 => "watched",
            Self::Service => "recovers by itself",
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("service"),
            numbered => write!(f, "{numbered:?}"),
        }
    }
}

/// Something guaranteed that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was guaranteed.
    pub guarantee: Guarantee,
    /// What did not hold, with the evidence.
    pub message: String,
}

/// Looks for whatever violates one guarantee.
type Check = fn(&Record) -> Vec<String>;

/// Everything that did not hold, by guarantee.
#[must_use]
pub fn check(record: &Record) -> Vec<Violation> {
    let checks: [(Guarantee, Check); 11] = [
        (Guarantee::E1, e1::check),
        (Guarantee::E2, e2::check),
        (Guarantee::E3, e3::check),
        (Guarantee::E4, e4::check),
        (Guarantee::E5, e5::check),
        (Guarantee::E6, e6::check),
        (Guarantee::E7, e7::check),
        (Guarantee::E8, e8::check),
        (Guarantee::E9, e9::check),
        (Guarantee::E10, e10::check),
        (Guarantee::Service, service::check),
    ];
    let found = checks.into_iter().flat_map(|(guarantee, check)| {
        check(record)
            .into_iter()
            .map(move |message| Violation { guarantee, message })
    });
    found.collect()
}

/// Where an event stands, for people.
fn at(history: usize, event: &v1::Event) -> String {
    format!(
        "history {history}, revision {}/{}",
        event.revision, event.index
    )
}

/// The last part of a resource name.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// An instant in microseconds; none if it is not set.
#[must_use]
pub fn micros(at: Option<&prost_types::Timestamp>) -> Option<i64> {
    at.map(|at| at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
}

/// The record of a change of a blocker.
fn change(event: &v1::Event) -> Option<&v1::BlockerRecord> {
    match &event.payload {
        Some(v1::event::Payload::BlockerChanged(record)) => Some(record),
        _ => None,
    }
}

/// Whether a blocker in this state is open.
const fn is_open(state: v1::BlockerState) -> bool {
    matches!(
        state,
        v1::BlockerState::Raised
            | v1::BlockerState::Acknowledged
            | v1::BlockerState::Owned
            | v1::BlockerState::OnHold
    )
}

/// Replays the log of every history, and shows each event with what there was before it and what there is after it.
fn replay(
    record: &Record,
    mut look: impl FnMut(usize, &v1::Event, &Ledger, &Ledger) -> Option<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (number, history) in record.histories.iter().enumerate() {
        let mut before = Ledger::default();
        let mut after = Ledger::default();
        for event in &history.log {
            after.apply(event);
            let fault = look(number, event, &before, &after);
            // What a restore has kept was looked at in the history before.
            found.extend(fault.filter(|_| event.revision > history.since));
            before.apply(event);
        }
    }
    found
}
