//! E1, one holder: an unresolved blocker is held by its origin or an ancestor of it that takes part, through every change of
//! the tree; and the holder changes only by a move that says from where to where.

use echelon_api::v1::{BlockerChange, event::Payload};

use super::{
    at, change, id,
    ledger::{Blocker, Ledger, begins},
    replay,
};
use crate::record::Record;

pub(super) fn check(record: &Record) -> Vec<String> {
    replay(record, |history, event, before, after| {
        if let Some(changed) = change(event) {
            let now = after.blockers.get(&changed.number)?;
            let fault = misheld(after, now).or_else(|| {
                let then = before.blockers.get(&changed.number);
                untold(changed.change(), then, now, changed.r#move.as_ref())
            });
            return fault
                .map(|fault| format!("{}: B-{} {fault}", at(history, event), changed.number));
        }
        let is_of_tree = matches!(
            event.payload,
            Some(Payload::NodeMoved(_) | Payload::NodeArchived(_) | Payload::NodeRestored(_))
        );
        if !is_of_tree {
            return None;
        }
        let misheld = after.blockers.iter().find_map(|(number, blocker)| {
            misheld(after, blocker).map(|fault| format!("B-{number} {fault}"))
        });
        misheld.map(|fault| format!("{}: {fault}", at(history, event)))
    })
}

/// What is wrong with the holder of a blocker.
fn misheld(ledger: &Ledger, blocker: &Blocker) -> Option<String> {
    if !blocker.is_open() {
        return None;
    }
    let holder = blocker.status.holder.as_str();
    if !ledger.path_up(&blocker.origin).contains(&holder) {
        return Some(format!(
            "is held by `{holder}`, which is not above its origin `{}`",
            blocker.origin
        ));
    }
    let archived = ledger.nodes.get(holder).is_none_or(|node| node.archived);
    archived.then(|| format!("is held by `{holder}`, which takes no part"))
}

/// What is wrong with how the holder changed.
fn untold(
    kind: BlockerChange,
    then: Option<&Blocker>,
    now: &Blocker,
    moved: Option<&echelon_api::v1::Move>,
) -> Option<String> {
    let holder = &now.status.holder;
    let Some(then) = then else {
        return (!begins(kind)).then(|| "changed before it was raised".to_owned());
    };
    if begins(kind) {
        return Some("is raised a second time".to_owned());
    }
    let then = &then.status.holder;
    match moved {
        Some(moved) if id(&moved.from) != then || id(&moved.to) != holder => Some(format!(
            "moved from {} to {}, and went from `{then}` to `{holder}`",
            moved.from, moved.to
        )),
        // It comes back to where it was, or to who is above that now.
        None if then != holder && kind != BlockerChange::Reopened => {
            Some(format!("went from `{then}` to `{holder}` without a move"))
        }
        Some(_) | None => None,
    }
}
