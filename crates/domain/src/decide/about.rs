//! Which nodes an event is about: what a watcher of a subtree filters by.

use crate::{
    blocker::{Change, ChangeKind},
    event::Payload,
    id::NodeId,
    organization::Organization,
};

/// The parent that the node of a payload has before it is applied: it may leave that place.
pub(crate) fn parent_before(organization: &Organization, payload: &Payload) -> Option<NodeId> {
    match payload {
        Payload::NodeUpdated(node)
        | Payload::NodeMoved { node, from: _ }
        | Payload::NodeArchived(node)
        | Payload::NodeRestored(node) => organization.tree().parent(&node.id).cloned(),
        Payload::OrganizationCreated(_)
        | Payload::OrganizationUpdated(_)
        | Payload::NodeCreated(_)
        | Payload::PolicyCreated { .. }
        | Payload::PolicyUpdated { .. }
        | Payload::BlockerChanged(_)
        | Payload::MeetingOpened(_)
        | Payload::CheckInSubmitted { .. }
        | Payload::MeetingClosed(_)
        | Payload::CountersRepaired(_) => None,
    }
}

/// The nodes that a payload is about and all above them, nearest first, as the tree is once it has been applied. What
/// leaves a place is about that place too: see [`parent_before`].
pub(crate) fn about(
    organization: &Organization,
    payload: &Payload,
    parent_before: Option<&NodeId>,
) -> Vec<NodeId> {
    let mut subjects: Vec<&NodeId> = Vec::new();
    match payload {
        Payload::OrganizationCreated(profile) | Payload::OrganizationUpdated(profile) => {
            return vec![profile.root.clone()];
        }
        Payload::NodeCreated(node)
        | Payload::NodeUpdated(node)
        | Payload::NodeMoved { node, from: _ }
        | Payload::NodeArchived(node)
        | Payload::NodeRestored(node) => {
            subjects.push(&node.id);
            subjects.extend(parent_before);
        }
        Payload::PolicyCreated { policy, .. } | Payload::PolicyUpdated { policy, .. } => {
            subjects.push(&policy.node);
        }
        Payload::BlockerChanged(change) => {
            let Change {
                number,
                kind,
                content: _,
                status,
            } = change.as_ref();
            if let Ok(blocker) = organization.blocker(*number) {
                subjects.push(&blocker.content.origin);
            }
            subjects.push(&status.holder);
            if let ChangeKind::Moved(moved) = kind {
                subjects.push(&moved.from);
            }
        }
        Payload::MeetingOpened(meeting) | Payload::MeetingClosed(meeting) => {
            subjects.push(&meeting.node);
        }
        Payload::CountersRepaired(repaired) => {
            subjects.extend(repaired.iter().map(|repair| &repair.node));
        }
        Payload::CheckInSubmitted { meeting, check_in } => {
            subjects.push(&check_in.node);
            if let Ok(meeting) = organization.meeting(*meeting) {
                subjects.push(&meeting.node);
            }
        }
    }
    let mut nodes: Vec<NodeId> = Vec::new();
    for subject in subjects {
        for step in organization.tree().path_up(subject) {
            if !nodes.contains(step) {
                nodes.push(step.clone());
            }
        }
    }
    nodes
}
