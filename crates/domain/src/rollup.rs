//! Roll-ups: the aggregate view of a node's whole subtree at one revision.
//!
//! What only changes with events comes from the counters; what changes with the clock, from figures that are kept as of an
//! instant and brought up to an explicit one. Costs what the node's children cost, not what is open below.

use std::sync::Arc;

use crate::{
    attention::{self, Item},
    counters::Counters,
    error::Error,
    id::NodeId,
    node::Node,
    organization::Organization,
    time::Timestamp,
};

/// Most attention items in a roll-up.
const ATTENTION_MAX: usize = 10;

/// The figures of one subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// What only changes with events.
    pub counters: Counters,
    /// Open blockers past their due or committed date.
    pub overdue: i64,
    /// Open blockers due or committed soon.
    pub due_soon: i64,
    /// Open blockers that are old.
    pub aged: i64,
    /// Open now minus open at the last midnight, UTC.
    pub open_since_yesterday: i64,
    /// When the oldest open blocker was raised.
    pub oldest: Option<Timestamp>,
}

/// The figures of one child.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// The child.
    pub node: Arc<Node>,
    /// Its figures.
    pub figures: Figures,
}

/// The aggregate view of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// The node.
    pub node: Arc<Node>,
    /// Its figures.
    pub figures: Figures,
    /// Its active children, by id.
    pub children: Vec<Child>,
    /// What needs attention first.
    pub attention: Vec<Item>,
    /// Time that ages and overdue figures are as of.
    pub as_of: Timestamp,
    /// Revision of the whole answer.
    pub revision: i64,
}

/// Rolls a node up, as of an instant; never before [`Organization::as_of`]. Errors: [`Error::NotFound`].
pub fn rollup(organization: &Organization, node: &NodeId, now: Timestamp) -> Result<Rollup, Error> {
    let now = now.max(organization.as_of());
    let seen = organization.seen_at(now);
    let tree = seen.tree();
    let top = tree.require(node)?.clone();
    let children = tree
        .children(node)
        .filter_map(|id| tree.get(id))
        .map(|child| Child {
            node: child.clone(),
            figures: figures(&seen, &child.id, now),
        })
        .collect();
    let most_pressing = attention::Range {
        after: None,
        limit: ATTENTION_MAX,
    };
    Ok(Rollup {
        figures: figures(&seen, node, now),
        node: top,
        children,
        attention: attention::attention(&seen, node, true, most_pressing, now)?,
        as_of: now,
        revision: seen.revision(),
    })
}

fn figures(organization: &Organization, node: &NodeId, now: Timestamp) -> Figures {
    let counters = organization.counters(node);
    let standing = organization.standing(node);
    let oldest = standing
        .oldest
        .and_then(|number| organization.blocker(number).ok());
    Figures {
        open_since_yesterday: counters.open_since_midnight(now.day()),
        counters,
        overdue: standing.overdue,
        due_soon: standing.due_soon,
        aged: standing.aged,
        oldest: oldest.map(|blocker| blocker.content.raised_at),
    }
}
