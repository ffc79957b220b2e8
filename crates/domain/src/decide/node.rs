//! Deciding about nodes.

use std::collections::BTreeSet;

use super::{Draft, blocker, meeting};
use crate::{
    blocker::{Blocker, MoveKind},
    command::Outcome,
    error::{Error, Precondition},
    event::Payload,
    id::{BlockerNumber, NodeId},
    node::{Level, Node, Representative, check_representatives},
    text::{self, TITLE_MAX},
    tree::Tree,
};

pub(super) fn create(
    draft: &mut Draft,
    id: &NodeId,
    parent: &NodeId,
    level: &Level,
    display_name: Option<&str>,
    representatives: &[Representative],
) -> Result<Outcome, Error> {
    if draft.next.tree().get(id).is_some() {
        return Err(Error::already_exists("node", id));
    }
    draft.next.tree().require_active(parent)?;
    check_representatives("node.representatives", representatives)?;
    let node = Node {
        id: id.clone(),
        parent: Some(parent.clone()),
        level: level.clone(),
        display_name: named(display_name, id)?,
        representatives: representatives.to_vec(),
        archived: false,
        created_at: draft.now,
        updated_at: draft.now,
        revision: 0,
    };
    draft.record(Payload::NodeCreated(node))?;
    Ok(done(id, Vec::new()))
}

/// A name for people; the id where none is given.
pub(super) fn named(display_name: Option<&str>, id: &NodeId) -> Result<String, Error> {
    display_name.map_or_else(
        || Ok(id.to_string()),
        |name| text::line("node.display_name", name, TITLE_MAX),
    )
}

pub(super) fn update(
    draft: &mut Draft,
    id: &NodeId,
    display_name: Option<&str>,
    level: Option<&Level>,
    representatives: Option<&[Representative]>,
) -> Result<Outcome, Error> {
    let before = draft.next.tree().require_active(id)?.clone();
    let mut node = (*before).clone();
    if let Some(name) = display_name {
        node.display_name = text::line("node.display_name", name, TITLE_MAX)?;
    }
    if let Some(level) = level {
        node.level = level.clone();
    }
    if let Some(representatives) = representatives {
        check_representatives("node.representatives", representatives)?;
        node.representatives = representatives.to_vec();
    }
    if node != *before {
        draft.record(Payload::NodeUpdated(node))?;
    }
    Ok(done(id, Vec::new()))
}

pub(super) fn relocate(
    draft: &mut Draft,
    id: &NodeId,
    new_parent: &NodeId,
    leaving: &BTreeSet<NodeId>,
) -> Result<Outcome, Error> {
    draft.next.tree().check_move(id, new_parent)?;
    let before = draft.next.tree().require(id)?.clone();
    let Some(from) = before.parent.clone() else {
        return Err(Error::internal(format!(
            "node `{id}` has no parent to leave"
        )));
    };
    if from == *new_parent {
        return Ok(done(id, Vec::new()));
    }
    let reheld = rehold(draft, id, new_parent, leaving)?;
    let node = Node {
        parent: Some(new_parent.clone()),
        ..(*before).clone()
    };
    draft.record(Payload::NodeMoved { node, from })?;
    Ok(done(id, reheld))
}

/// Before `id` goes below `new_parent`: every open blocker raised in its subtree and held above it moves to a node
/// that is above its origin before and after (E1 holds at each event), and to none that is `leaving`.
pub(super) fn rehold(
    draft: &mut Draft,
    id: &NodeId,
    new_parent: &NodeId,
    leaving: &BTreeSet<NodeId>,
) -> Result<Vec<BlockerNumber>, Error> {
    let tree = draft.next.tree();
    let subtree = tree.whole_subtree(id);
    let mut moves: Vec<(Blocker, NodeId)> = Vec::new();
    for origin in &subtree {
        for open in draft.next.raised_by(origin).filter(|open| open.is_open()) {
            let holder = &open.status.holder;
            if tree.is_self_or_ancestor(id, holder) || tree.is_self_or_ancestor(holder, new_parent)
            {
                continue;
            }
            let to = tree
                .common_ancestor([holder, new_parent])
                .ok_or_else(|| Error::internal("two nodes of one tree have no common ancestor"))?;
            moves.push(((**open).clone(), staying(tree, &to, leaving)));
        }
    }
    moves.sort_by_key(|(open, _)| open.number);
    let mut reheld = Vec::with_capacity(moves.len());
    for (open, to) in moves {
        reheld.push(open.number);
        let reason = format!("node `{id}` moved below `{new_parent}`");
        blocker::relocate(draft, &open, to, MoveKind::Reheld, reason)?;
    }
    Ok(reheld)
}

/// The nearest node from `id` upward that is not about to be archived by the same call.
fn staying(tree: &Tree, id: &NodeId, leaving: &BTreeSet<NodeId>) -> NodeId {
    tree.path_up(id)
        .find(|step| !leaving.contains(*step))
        .unwrap_or(id)
        .clone()
}

/// Archives a node. What it holds goes to the nearest node above that is not `leaving` by the same call: one call moves
/// it once (E3).
pub(super) fn archive(
    draft: &mut Draft,
    id: &NodeId,
    leaving: &BTreeSet<NodeId>,
) -> Result<Outcome, Error> {
    let before = draft.next.tree().require(id)?.clone();
    if before.archived {
        return Ok(done(id, Vec::new()));
    }
    let Some(parent) = before.parent.clone() else {
        return Err(Error::precondition(
            Precondition::RootImmovable,
            format!("`{id}` is the root and cannot be archived: archive what is below it instead"),
        ));
    };
    let children = draft.next.tree().child_count(id);
    if children > 0 {
        return Err(Error::precondition(
            Precondition::NodeHasChildren,
            format!("node `{id}` has {children} active children: move or archive them first"),
        ));
    }
    if let Some(open) = draft.next.open_meeting_of(id).map(|meeting| meeting.number) {
        meeting::close(draft, open)?;
    }
    let held: Vec<Blocker> = draft
        .next
        .held_by(id)
        .map(|held| (**held).clone())
        .collect();
    let to = staying(draft.next.tree(), &parent, leaving);
    let mut reheld = Vec::with_capacity(held.len());
    for held in held {
        reheld.push(held.number);
        let reason = format!("node `{id}` was archived");
        blocker::relocate(draft, &held, to.clone(), MoveKind::Reheld, reason)?;
    }
    let node = Node {
        archived: true,
        ..(*before).clone()
    };
    draft.record(Payload::NodeArchived(node))?;
    Ok(done(id, reheld))
}

fn done(id: &NodeId, reheld: Vec<BlockerNumber>) -> Outcome {
    Outcome::Node {
        id: id.clone(),
        reheld,
    }
}
