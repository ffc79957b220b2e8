//! Names that many blockers, nodes and counters share: each is in memory once when an organization is read and restored.

use std::{collections::HashSet, sync::Arc};

use crate::{
    blocker::Blocker,
    counters::Counters,
    id::{NodeId, PolicyId},
    node::{Level, Node},
    text::Text,
};

/// Names seen so far. Kept for as long as rows are taken in: what becomes of a name later is nobody's concern. Whoever
/// reads many rows uses it as they come, so that what is there already does not stay until all are read.
#[derive(Debug, Default)]
pub struct Names {
    texts: HashSet<Text>,
    nodes: HashSet<NodeId>,
    policies: HashSet<PolicyId>,
    levels: HashSet<Level>,
}

impl Names {
    /// A node whose parent and level are in memory once.
    pub(super) fn node(&mut self, mut node: Node) -> Node {
        share(&mut self.nodes, &mut node.id);
        if let Some(parent) = &mut node.parent {
            share(&mut self.nodes, parent);
        }
        share(&mut self.levels, &mut node.level);
        node
    }

    /// Counters whose levels are those of the nodes.
    pub(super) fn counters(&mut self, mut counters: Counters) -> Counters {
        let levels = std::mem::take(&mut counters.by_holder_level).into_iter();
        counters.by_holder_level = levels
            .map(|(mut level, count)| {
                share(&mut self.levels, &mut level);
                (level, count)
            })
            .collect();
        counters
    }

    /// Replaces the nodes, the policy, the people and the words for sorting of a blocker by those that were seen first.
    pub fn blocker(&mut self, blocker: &mut Blocker) {
        let content = Arc::make_mut(&mut blocker.content);
        let status = &mut blocker.status;
        let nodes = content.blocked_nodes.iter_mut();
        let nodes = nodes.chain(&mut content.causing_nodes);
        for node in nodes.chain([&mut content.origin, &mut status.holder]) {
            share(&mut self.nodes, node);
        }
        share(&mut self.policies, &mut status.policy);
        let people = [
            &mut content.reporter,
            &mut status.owner,
            &mut status.hold_approver,
        ];
        let texts = people.into_iter().flatten();
        let texts = texts.chain([&mut content.category]);
        let texts = texts.chain(content.labels.texts_mut());
        let rules = status.marks.iter_mut().map(|mark| &mut mark.rule);
        for text in texts.chain(rules) {
            share(&mut self.texts, text);
        }
    }
}

/// Replaces a name by the one that was seen first.
fn share<T: Clone + Eq + std::hash::Hash>(seen: &mut HashSet<T>, name: &mut T) {
    match seen.get(name) {
        Some(first) => name.clone_from(first),
        None => {
            seen.insert(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_seen_is_kept_once() {
        let mut seen = HashSet::new();
        let [mut first, mut second] = ["access"; 2].map(Text::from);
        share(&mut seen, &mut first);
        share(&mut seen, &mut second);
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
        assert_eq!(second, "access");
    }
}
