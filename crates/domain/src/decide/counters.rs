//! Deciding about counters that have drifted.

use super::Draft;
use crate::{
    check::{self, Books},
    command::Outcome,
    error::Error,
    event::Payload,
};

pub(super) fn repair(draft: &mut Draft, books: &Books, limit: usize) -> Result<Outcome, Error> {
    let mut drifted = check::drift(&draft.next, books);
    let remaining = drifted.len() > limit;
    drifted.truncate(limit);
    let nodes = drifted.len();
    if nodes > 0 {
        draft.record(Payload::CountersRepaired(drifted))?;
    }
    Ok(Outcome::CountersRepaired { nodes, remaining })
}
