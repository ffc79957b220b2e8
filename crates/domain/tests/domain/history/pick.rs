//! Picking something out of what a world has.

use echelon_domain::{BlockerNumber, MeetingNumber, NodeId, PolicyId, Timestamp, node::Level};

use super::{
    generate::{LEVELS, Pick},
    world::World,
};
use crate::support::{HOUR, level, node};

pub(super) fn choose<T: Clone>(from: &[T], pick: Pick) -> Option<T> {
    from.get(usize::from(pick).checked_rem(from.len())?)
        .cloned()
}

pub(super) fn nodes(world: &World) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = world
        .live
        .tree()
        .iter()
        .map(|node| node.id.clone())
        .collect();
    nodes.sort();
    nodes
}

/// The id of a node that was never there.
pub(super) fn fresh(world: &World, skip: usize) -> NodeId {
    let mut free = (0..)
        .map(|number| node(&format!("n{number}")))
        .filter(|id| world.live.tree().get(id).is_none());
    free.nth(skip).expect("there is no end of numbers")
}

/// A node, seldom an archived one.
pub(super) fn some_node(world: &World, pick: Pick) -> NodeId {
    let mut nodes = nodes(world);
    if !pick.is_multiple_of(8) {
        nodes.retain(|id| world.live.tree().get(id).is_some_and(|node| !node.archived));
    }
    choose(&nodes, pick / 8).unwrap_or_else(|| node("nowhere"))
}

/// A node that may meet, more often one that holds something.
pub(super) fn some_holder(world: &World, pick: Pick) -> NodeId {
    let holders: Vec<NodeId> = world
        .live
        .blockers()
        .filter(|blocker| blocker.is_open())
        .map(|blocker| blocker.status.holder.clone())
        .collect();
    choose(&holders, pick / 4)
        .filter(|_| !pick.is_multiple_of(4))
        .unwrap_or_else(|| some_node(world, pick / 4))
}

/// A blocker, more often an open one.
pub(super) fn some_blocker(world: &World, pick: Pick) -> Option<BlockerNumber> {
    let wanted = |open: bool| -> Vec<BlockerNumber> {
        world
            .live
            .blockers()
            .filter(|blocker| blocker.is_open() || !open)
            .map(|blocker| blocker.number)
            .collect()
    };
    choose(&wanted(!pick.is_multiple_of(3)), pick / 3).or_else(|| choose(&wanted(false), pick / 3))
}

pub(super) fn some_meeting(world: &World, pick: Pick) -> Option<MeetingNumber> {
    let open: Vec<MeetingNumber> = world
        .live
        .open_meetings()
        .map(|meeting| meeting.number)
        .collect();
    let all: Vec<MeetingNumber> = world
        .live
        .meetings()
        .map(|meeting| meeting.number)
        .collect();
    if pick.is_multiple_of(5) {
        choose(&all, pick / 5)
    } else {
        choose(&open, pick / 5)
    }
}

pub(super) fn some_policy(world: &World, pick: Pick) -> Option<PolicyId> {
    let all: Vec<PolicyId> = world
        .live
        .policies()
        .map(|policy| policy.id.clone())
        .collect();
    choose(&all, pick)
}

pub(super) fn some_level(pick: Pick) -> Level {
    level(LEVELS[usize::from(pick) % LEVELS.len()])
}

pub(super) fn hours(world: &World, hours: i32) -> Timestamp {
    let span = HOUR * hours.unsigned_abs();
    if hours < 0 {
        world.now().minus(span)
    } else {
        world.now().plus(span)
    }
}
