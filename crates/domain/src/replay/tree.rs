//! Whether a recorded change of the organization or of a node fits.

use crate::{
    error::Error,
    id::NodeId,
    node::{Node, check_representatives},
    organization::Organization,
    profile::{Profile, Settings, SettingsPatch},
    text::{self, TITLE_MAX},
};

pub(super) fn check_profile(state: &Organization, profile: &Profile) -> Result<(), Error> {
    let Profile {
        display_name,
        root,
        settings,
        // They are the event's.
        created_at: _,
        updated_at: _,
        revision: _,
    } = profile;
    text::check_line("organization.display_name", display_name, TITLE_MAX)?;
    if state.exists() && state.profile()?.root != *root {
        return Err(Error::field(
            "organization.root",
            "must not change: keep the root that it was created with",
        ));
    }
    let Settings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = settings;
    let patch = SettingsPatch {
        aged_after: Some(*aged_after),
        due_soon_within: Some(*due_soon_within),
        acknowledgement_expiry: Some(*acknowledgement_expiry),
        hold_limit: Some(*hold_limit),
    };
    Settings::default()
        .patched("organization.settings", &patch)
        .map(|_| ())
}

pub(super) fn check_created(state: &Organization, node: &Node) -> Result<(), Error> {
    check_text(node)?;
    let tree = state.tree();
    if tree.get(&node.id).is_some() {
        return Err(Error::already_exists("node", &node.id));
    }
    match &node.parent {
        Some(parent) => {
            tree.require_active(parent)?;
        }
        None if tree.is_empty() && state.profile()?.root == node.id => {}
        None => {
            return Err(Error::field(
                "node.parent",
                format!(
                    "is empty: only the root `{}` has none",
                    state.profile()?.root
                ),
            ));
        }
    }
    must_be_archived(node, false)
}

pub(super) fn check_updated(state: &Organization, node: &Node) -> Result<(), Error> {
    check_text(node)?;
    let before = state.tree().require(&node.id)?;
    must_be_archived(node, before.archived)?;
    must_keep_parent(before, node)
}

pub(super) fn check_moved(state: &Organization, node: &Node, from: &NodeId) -> Result<(), Error> {
    check_text(node)?;
    let tree = state.tree();
    let before = tree.require(&node.id)?;
    if before.parent.as_ref() != Some(from) {
        return Err(Error::field(
            "node.previous_parent",
            format!("is not where `{}` is: name its present parent", node.id),
        ));
    }
    let Some(parent) = &node.parent else {
        return Err(Error::field("node.parent", "is empty: name the new parent"));
    };
    tree.check_move(&node.id, parent)?;
    must_be_archived(node, false)
}

pub(super) fn check_archived(state: &Organization, node: &Node) -> Result<(), Error> {
    check_text(node)?;
    let tree = state.tree();
    let before = tree.require_active(&node.id)?;
    if before.parent.is_none() || tree.child_count(&node.id) > 0 {
        return Err(Error::field(
            "node.id",
            format!(
                "`{}` is the root or has active children: archive what is below it first",
                node.id
            ),
        ));
    }
    if state.held_by(&node.id).next().is_some() || state.open_meeting_of(&node.id).is_some() {
        return Err(Error::field(
            "node.id",
            format!(
                "`{}` holds open blockers or has an open meeting: move and close them first",
                node.id
            ),
        ));
    }
    must_be_archived(node, true)?;
    must_keep_parent(before, node)
}

pub(super) fn check_restored(state: &Organization, node: &Node) -> Result<(), Error> {
    check_text(node)?;
    let tree = state.tree();
    let before = tree.require(&node.id)?;
    if !before.archived {
        return Err(Error::field(
            "node.id",
            format!("`{}` is not archived: leave the event out", node.id),
        ));
    }
    let Some(parent) = &node.parent else {
        return Err(Error::field("node.parent", "is empty: name its parent"));
    };
    tree.require_active(parent)?;
    if tree.is_self_or_ancestor(&node.id, parent) {
        return Err(Error::field(
            "node.parent",
            format!("`{parent}` lies below `{}`: name another", node.id),
        ));
    }
    must_be_archived(node, false)
}

fn check_text(node: &Node) -> Result<(), Error> {
    let Node {
        id: _,
        parent: _,
        level: _,
        display_name,
        representatives,
        archived: _,
        // They are the event's.
        created_at: _,
        updated_at: _,
        revision: _,
    } = node;
    text::check_line("node.display_name", display_name, TITLE_MAX)?;
    check_representatives("node.representatives", representatives)
}

fn must_be_archived(node: &Node, archived: bool) -> Result<(), Error> {
    if node.archived == archived {
        return Ok(());
    }
    Err(Error::field(
        "node.archived",
        format!("must be {archived} after this event"),
    ))
}

fn must_keep_parent(before: &Node, after: &Node) -> Result<(), Error> {
    if before.parent == after.parent {
        return Ok(());
    }
    Err(Error::field(
        "node.parent",
        "changes: write node_moved for that",
    ))
}
