//! The tree of nodes of one organization.

use std::sync::Arc;

use imbl::{HashMap, OrdSet};

use crate::{
    error::{Error, Precondition},
    id::NodeId,
    node::Node,
};

/// The tree of nodes of one organization, archived ones included. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    nodes: HashMap<NodeId, Arc<Node>>,
    /// Children of each node, archived ones included.
    children: HashMap<NodeId, OrdSet<NodeId>>,
    /// Heights that are not 0: conditions ask for them often.
    heights: HashMap<NodeId, usize>,
    root: Option<NodeId>,
}

impl Tree {
    /// The root. None only before the organization is created.
    #[must_use]
    pub fn root(&self) -> Option<&NodeId> {
        self.root.as_ref()
    }

    /// A node, archived or not.
    #[must_use]
    pub fn get(&self, id: &NodeId) -> Option<&Arc<Node>> {
        self.nodes.get(id)
    }

    /// A node that must exist. Errors: [`Error::NotFound`].
    pub fn require(&self, id: &NodeId) -> Result<&Arc<Node>, Error> {
        self.nodes
            .get(id)
            .ok_or_else(|| Error::not_found("node", id))
    }

    /// A node that must take part. Errors: [`Error::NotFound`], [`Precondition::NodeArchived`].
    pub fn require_active(&self, id: &NodeId) -> Result<&Arc<Node>, Error> {
        let node = self.require(id)?;
        if node.archived {
            return Err(Error::precondition(
                Precondition::NodeArchived,
                format!(
                    "node `{id}` is archived: choose an active node or restore it with an apply"
                ),
            ));
        }
        Ok(node)
    }

    /// Every node, archived ones included, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// Number of nodes, archived ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True before the organization is created.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Active children, by id.
    pub fn children(&self, id: &NodeId) -> impl DoubleEndedIterator<Item = &NodeId> {
        self.all_children(id)
            .filter(|id| self.nodes.get(*id).is_some_and(|node| !node.archived))
    }

    pub(crate) fn all_children(&self, id: &NodeId) -> impl DoubleEndedIterator<Item = &NodeId> {
        self.children.get(id).into_iter().flat_map(OrdSet::iter)
    }

    /// Number of active children.
    #[must_use]
    pub fn child_count(&self, id: &NodeId) -> usize {
        self.children(id).count()
    }

    /// The parent.
    #[must_use]
    pub fn parent(&self, id: &NodeId) -> Option<&NodeId> {
        self.nodes.get(id).and_then(|node| node.parent.as_ref())
    }

    /// The node and its ancestors, from the node up to the root.
    pub fn path_up<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = &'a NodeId> {
        std::iter::successors(Some(id), |id| self.parent(id))
    }

    /// Distance from the root.
    #[must_use]
    pub fn depth(&self, id: &NodeId) -> usize {
        self.path_up(id).count() - 1
    }

    /// Distance to the deepest active node below; 0 for a leaf.
    #[must_use]
    pub fn height(&self, id: &NodeId) -> usize {
        self.heights.get(id).copied().unwrap_or(0)
    }

    /// Brings the heights from a node upward up to date.
    fn refresh_heights(&mut self, from: &NodeId) {
        let mut next = Some(from.clone());
        while let Some(id) = next {
            let height = self
                .children(&id)
                .map(|child| 1 + self.height(child))
                .max()
                .unwrap_or(0);
            if height == self.height(&id) {
                return;
            }
            if height == 0 {
                self.heights.remove(&id);
            } else {
                self.heights.insert(id.clone(), height);
            }
            next = self.parent(&id).cloned();
        }
    }

    /// True if `ancestor` is `id` itself or above it.
    #[must_use]
    pub fn is_self_or_ancestor(&self, ancestor: &NodeId, id: &NodeId) -> bool {
        self.path_up(id).any(|step| step == ancestor)
    }

    /// The nearest node that is above (or is) each of `ids`. None if `ids` is empty.
    #[must_use]
    pub fn common_ancestor<'a>(&self, ids: impl IntoIterator<Item = &'a NodeId>) -> Option<NodeId> {
        let mut ids = ids.into_iter();
        let first = ids.next()?;
        // From the root down: the common part of all paths is a prefix.
        let mut common: Vec<&NodeId> = self.path_up(first).collect();
        common.reverse();
        for id in ids {
            let mut path: Vec<&NodeId> = self.path_up(id).collect();
            path.reverse();
            let shared = common.iter().zip(&path).take_while(|(a, b)| a == b).count();
            common.truncate(shared);
        }
        common.last().map(|id| (*id).clone())
    }

    /// The node's active subtree in tree order: a parent before its children, children by id.
    #[must_use]
    pub fn subtree(&self, top: &NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open = vec![top];
        while let Some(id) = open.pop() {
            found.push(id.clone());
            open.extend(self.children(id).rev());
        }
        found
    }

    /// The node's whole subtree, archived nodes included, in tree order.
    #[must_use]
    pub fn whole_subtree(&self, top: &NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open = vec![top];
        while let Some(id) = open.pop() {
            found.push(id.clone());
            open.extend(self.all_children(id).rev());
        }
        found
    }

    /// The nearest ancestor of `id`, or `id` itself, that is active.
    #[must_use]
    pub fn nearest_active<'a>(&'a self, id: &'a NodeId) -> Option<&'a NodeId> {
        self.path_up(id)
            .find(|id| self.get(id).is_some_and(|node| !node.archived))
    }

    /// Checks that `id` can become a child of `new_parent`.
    /// Errors: [`Error::NotFound`], and the preconditions of a move.
    pub fn check_move(&self, id: &NodeId, new_parent: &NodeId) -> Result<(), Error> {
        self.require_active(id)?;
        if self.root.as_ref() == Some(id) {
            return Err(Error::precondition(
                Precondition::RootImmovable,
                format!("`{id}` is the root and cannot be moved: move its children instead"),
            ));
        }
        self.require_active(new_parent)?;
        if self.is_self_or_ancestor(id, new_parent) {
            return Err(Error::precondition(
                Precondition::CyclicMove,
                format!(
                    "`{new_parent}` is `{id}` or lies below it: choose a parent outside its subtree"
                ),
            ));
        }
        Ok(())
    }

    /// Puts a node in, or in place of its former self, and keeps the lists of children right.
    pub fn put(&mut self, node: Node) {
        let id = node.id.clone();
        let parent = node.parent.clone();
        let before = self
            .nodes
            .insert(id.clone(), Arc::new(node))
            .and_then(|before| before.parent.clone());
        if let Some(before) = &before
            && before != parent.as_ref().unwrap_or(before)
            && let Some(siblings) = self.children.get_mut(before)
        {
            siblings.remove(&id);
            if siblings.is_empty() {
                self.children.remove(before);
            }
        }
        match &parent {
            None => self.root = Some(id),
            Some(parent) => {
                self.children.entry(parent.clone()).or_default().insert(id);
            }
        }
        for parent in before.iter().chain(&parent) {
            self.refresh_heights(parent);
        }
    }
}
