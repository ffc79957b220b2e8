//! Roll-ups: the aggregate view of a node's whole subtree at one revision.
//!
//! What only changes with events comes from the counters; what changes with the clock is read as of an explicit time.

use std::{collections::HashMap, sync::Arc};

use crate::{
    attention::{self, Item},
    blocker::Blocker,
    counters::Counters,
    error::Error,
    id::NodeId,
    node::Node,
    organization::Organization,
    profile::Settings,
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

/// Rolls a node up. Errors: [`Error::NotFound`].
pub fn rollup(organization: &Organization, node: &NodeId, now: Timestamp) -> Result<Rollup, Error> {
    let tree = organization.tree();
    let top = tree.require(node)?.clone();
    let settings = organization.settings();
    let children: Vec<Arc<Node>> = tree
        .children(node)
        .filter_map(|id| tree.get(id).cloned())
        .collect();
    let mut clocks: HashMap<NodeId, Clocks> = HashMap::new();
    let mut whole = Clocks::default();
    // One pass over the open blockers of the subtree, each counted for the node and for the child above its origin.
    let below = children
        .iter()
        .map(|child| (Some(child.id.clone()), tree.whole_subtree(&child.id)));
    let archived_too = rest_of(organization, node, &children);
    for (child, origins) in below.chain([(None, archived_too)]) {
        let mut part = Clocks::default();
        for origin in &origins {
            for blocker in organization.raised_by(origin).filter(|open| open.is_open()) {
                part.count(blocker, &settings, now);
            }
        }
        whole.add(&part);
        if let Some(child) = child {
            clocks.insert(child, part);
        }
    }
    let children = children
        .into_iter()
        .map(|child| Child {
            figures: figures(
                organization,
                &child.id,
                clocks.remove(&child.id).unwrap_or_default(),
                now,
            ),
            node: child,
        })
        .collect();
    let most_pressing = attention::Range {
        after: None,
        limit: ATTENTION_MAX,
    };
    let attention = attention::attention(organization, node, true, most_pressing, now)?;
    Ok(Rollup {
        figures: figures(organization, node, whole, now),
        node: top,
        children,
        attention,
        as_of: now,
        revision: organization.revision(),
    })
}

/// The node itself and what lies below its archived children: part of the whole, and of no active child.
fn rest_of(organization: &Organization, node: &NodeId, children: &[Arc<Node>]) -> Vec<NodeId> {
    let tree = organization.tree();
    let mut rest = vec![node.clone()];
    for child in tree.all_children(node) {
        if !children.iter().any(|active| active.id == *child) {
            rest.extend(tree.whole_subtree(child));
        }
    }
    rest
}

fn figures(organization: &Organization, node: &NodeId, clocks: Clocks, now: Timestamp) -> Figures {
    let counters = organization.counters(node);
    let Clocks {
        overdue,
        due_soon,
        aged,
        oldest,
    } = clocks;
    Figures {
        open_since_yesterday: counters.open_since_midnight(now.day()),
        counters,
        overdue,
        due_soon,
        aged,
        oldest,
    }
}

/// The figures that change with the clock.
#[derive(Clone, Debug, Default)]
struct Clocks {
    overdue: i64,
    due_soon: i64,
    aged: i64,
    oldest: Option<Timestamp>,
}

impl Clocks {
    fn count(&mut self, blocker: &Blocker, settings: &Settings, now: Timestamp) {
        let raised_at = blocker.content.raised_at;
        match blocker.deadline() {
            Some(at) if at <= now => self.overdue += 1,
            Some(at) if at <= now.plus(settings.due_soon_within) => self.due_soon += 1,
            _ => {}
        }
        if now.since(raised_at) > settings.aged_after {
            self.aged += 1;
        }
        self.oldest = Some(
            self.oldest
                .map_or(raised_at, |oldest| oldest.min(raised_at)),
        );
    }

    fn add(&mut self, part: &Self) {
        self.overdue += part.overdue;
        self.due_soon += part.due_soon;
        self.aged += part.aged;
        self.oldest = match (self.oldest, part.oldest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
