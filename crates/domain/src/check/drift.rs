//! Drift: where what is counted, in memory or in the tables, is not what a recount gives.

use std::collections::HashMap;

use super::{Recount, recount};
use crate::{
    counters::{Counters, Repair},
    id::NodeId,
    organization::Organization,
};

/// What a database holds of what is counted, at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The counters of each node as they are stored; a missing one is all zeros.
    pub counters: HashMap<NodeId, Counters>,
    /// How many blockers each node itself has raised; a missing one has raised none.
    pub totals: HashMap<NodeId, OriginTotals>,
}

/// How many blockers one node itself has raised, those that are closed for good included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginTotals {
    /// Ever.
    pub raised: i64,
    /// Of them, closed now.
    pub closed: i64,
}

/// The nodes that are counted wrongly, by id, and what is right. Wrong are counters in memory or in the books that differ
/// from a recount, and figures in memory that do. What only the log can tell cannot be recounted: where memory and books
/// disagree about it, the memory is right, since it is a fold of the log. The books must be of the organization's revision.
#[must_use]
pub fn drift(organization: &Organization, books: &Books) -> Vec<Repair> {
    let mut counted = recount(organization);
    for Recount { counters, .. } in counted.values_mut() {
        // Blockers that are closed for good are not at hand.
        (counters.raised_total, counters.closed_total) = (0, 0);
    }
    for (origin, OriginTotals { raised, closed }) in &books.totals {
        for node in organization.tree().path_up(origin) {
            if let Some(Recount { counters, .. }) = counted.get_mut(node) {
                counters.raised_total += raised;
                counters.closed_total += closed;
            }
        }
    }
    let nothing = Counters::default();
    let mut drifted = Vec::new();
    for (node, Recount { counters, standing }) in counted {
        let stored = books.counters.get(&node).unwrap_or(&nothing);
        let sound = organization.counters(&node) == counters
            && *stored == counters
            && organization.standing(&node).same_figures(&standing);
        if !sound {
            // A recount leaves these as they are in memory.
            let logged = counters.logged();
            drifted.push(Repair {
                logged: (stored.logged() != logged).then_some(logged),
                counted: counters.countable(),
                node,
            });
        }
    }
    drifted.sort_by(|a, b| a.node.cmp(&b.node));
    drifted
}
