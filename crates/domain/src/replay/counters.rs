//! Whether a recorded repair of counters fits.

use crate::{counters::Repair, error::Error, organization::Organization};

/// A log folds to the right counters by itself: a repair in it is about what a server or its tables had made of it, and
/// tells what the events before it come to.
pub(super) fn check_repaired(state: &Organization, repaired: &[Repair]) -> Result<(), Error> {
    if repaired.is_empty() || !repaired.is_sorted_by(|a, b| a.node < b.node) {
        return Err(Error::field(
            "counters.nodes",
            "must list at least one node, and each once, in the order of their ids",
        ));
    }
    for Repair {
        node,
        counted,
        logged,
    } in repaired
    {
        state.tree().require(node)?;
        let folded = state.counters(node);
        let same_history = logged.is_none_or(|logged| logged == folded.logged());
        if folded.countable() != *counted || !same_history {
            return Err(Error::field(
                "counters.nodes",
                format!(
                    "tell of `{node}` what the events before do not come to: correct them, or leave this event out"
                ),
            ));
        }
    }
    Ok(())
}
