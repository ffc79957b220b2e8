//! Agendas: what a meeting has to look at.

use std::sync::Arc;

use crate::{
    blocker::{Arrival, Blocker, State},
    error::Error,
    id::{BlockerNumber, NodeId},
    meeting::Meeting,
    organization::Organization,
    time::{Timestamp, humanize},
};

/// Why a blocker is on an agenda, in the order of the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Came up from below.
    Escalated,
    /// Survived an earlier meeting of this node.
    CarriedOver,
    /// Raised by the node itself, or come to it otherwise, and new.
    Own,
    /// Came back from above.
    Returned,
    /// Solved; the node should verify.
    ToVerify,
}

/// One blocker on an agenda.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Why it is there.
    pub section: Section,
    /// The blocker.
    pub blocker: Arc<Blocker>,
    /// For people: what to know about it.
    pub note: String,
}

/// Who makes a one-sided claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The blocked node; the causing one does not mention it.
    Blocked,
    /// The causing node; the blocked one does not mention it.
    Causing,
}

/// A claim between two participants that only one of them makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneSidedClaim {
    /// Who makes it.
    pub side: Side,
    /// The participant that is, or may be, blocked.
    pub blocked: NodeId,
    /// The participant that blocks, or may block.
    pub causing: NodeId,
    /// Title of the blocker, or note of the claim.
    pub note: String,
    /// The blocker, if there is one.
    pub blocker: Option<BlockerNumber>,
}

/// What a meeting has to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Agenda {
    /// Blockers, section by section, most pressing first.
    pub items: Vec<Item>,
    /// Claims that two participants should talk about.
    pub claims: Vec<OneSidedClaim>,
    /// Decisions that need deeper discussion, and who asks.
    pub decisions: Vec<(NodeId, String)>,
    /// Active children that have not checked in.
    pub missing: Vec<NodeId>,
}

/// The agenda of a node's open meeting, or of its next one. Errors: [`Error::NotFound`].
pub fn agenda(
    organization: &Organization,
    node: &NodeId,
    meeting: Option<&Meeting>,
    now: Timestamp,
) -> Result<Agenda, Error> {
    let tree = organization.tree();
    tree.require(node)?;
    let check_ins = meeting
        .map(|meeting| meeting.check_ins.as_slice())
        .unwrap_or_default();
    Ok(Agenda {
        items: items(organization, node, now),
        claims: claims(organization, node, meeting),
        decisions: check_ins
            .iter()
            .flat_map(|check_in| {
                check_in
                    .decisions
                    .iter()
                    .map(|decision| (check_in.node.clone(), decision.clone()))
            })
            .collect(),
        missing: tree
            .children(node)
            .filter(|child| !check_ins.iter().any(|check_in| check_in.node == **child))
            .cloned()
            .collect(),
    })
}

fn items(organization: &Organization, node: &NodeId, now: Timestamp) -> Vec<Item> {
    let held = organization.held_by(node).map(|blocker| {
        let status = &blocker.status;
        let section = match status.arrival {
            _ if status.meetings_survived > 0 => Section::CarriedOver,
            Arrival::Escalated => Section::Escalated,
            Arrival::Returned => Section::Returned,
            Arrival::Raised | Arrival::Reheld | Arrival::Reopened => Section::Own,
        };
        (section, blocker)
    });
    let to_verify = organization
        .raised_by(node)
        .filter(|blocker| blocker.status.state == State::Resolved)
        .map(|blocker| (Section::ToVerify, blocker));
    let mut items: Vec<Item> = held
        .chain(to_verify)
        .map(|(section, blocker)| Item {
            section,
            note: note(blocker, now),
            blocker: blocker.clone(),
        })
        .collect();
    items.sort_by_key(|item| {
        (
            item.section,
            std::cmp::Reverse(item.blocker.content.severity),
            item.blocker.content.raised_at,
            item.blocker.number,
        )
    });
    items
}

fn note(blocker: &Blocker, now: Timestamp) -> String {
    let status = &blocker.status;
    let mut parts = vec![blocker.content.severity.as_str().to_ascii_lowercase()];
    if blocker.is_open() {
        parts.push(match &status.owner {
            Some(owner) => format!("owned by {owner}"),
            None => "unowned".to_owned(),
        });
        parts.push(format!(
            "here for {}",
            humanize(now.since(status.level_entered_at))
        ));
    } else {
        parts.push("resolved: verify or reopen it".to_owned());
    }
    match status.meetings_survived {
        0 => {}
        1 => parts.push("survived 1 meeting".to_owned()),
        survived => parts.push(format!("survived {survived} meetings")),
    }
    if status.arrival == Arrival::Returned && !status.guidance.is_empty() {
        parts.push(format!("guidance: {}", status.guidance));
    }
    parts.join(", ")
}

/// The open blockers of a subtree that say who causes them, and perhaps others that do: whichever are fewer to look at.
fn with_causes_below<'a>(organization: &'a Organization, node: &NodeId) -> Vec<&'a Arc<Blocker>> {
    let says = |blocker: &&Arc<Blocker>| !blocker.content.causing_nodes.is_empty();
    let below = usize::try_from(organization.counters(node).open()).unwrap_or(usize::MAX);
    if below > organization.with_causes_count() {
        return organization.with_causes().collect();
    }
    let origins = organization.tree().whole_subtree(node);
    origins
        .iter()
        .flat_map(|origin| organization.raised_by(origin))
        .filter(|blocker| blocker.is_open())
        .filter(says)
        .collect()
}

/// Claims between participants of the meeting that only one side makes. A deeper node counts as the participant whose
/// subtree it is in. Who has not checked in cannot have failed to mention anything.
fn claims(
    organization: &Organization,
    node: &NodeId,
    meeting: Option<&Meeting>,
) -> Vec<OneSidedClaim> {
    let check_ins = meeting
        .map(|meeting| meeting.check_ins.as_slice())
        .unwrap_or_default();
    if check_ins.is_empty() {
        return Vec::new();
    }
    let tree = organization.tree();
    let participant = |id: &NodeId| {
        tree.path_up(id)
            .find(|step| tree.parent(step) == Some(node))
            .cloned()
    };
    let mut stated: Vec<(NodeId, BlockerNumber, NodeId, &str)> = Vec::new();
    for blocker in with_causes_below(organization, node) {
        let Some(blocked) = participant(&blocker.content.origin) else {
            continue;
        };
        for causing in blocker.content.causing_nodes.iter().filter_map(participant) {
            if causing != blocked {
                let title = blocker.content.title.as_str();
                stated.push((blocked.clone(), blocker.number, causing, title));
            }
        }
    }
    stated.sort();
    let mut guessed: Vec<(NodeId, NodeId, String)> = Vec::new();
    for check_in in check_ins {
        for claim in &check_in.may_block {
            if let (Some(causing), Some(blocked)) =
                (participant(&check_in.node), participant(&claim.node))
                && blocked != causing
            {
                guessed.push((blocked, causing, claim.note.clone()));
            }
        }
    }
    let has_checked_in = |id: &NodeId| check_ins.iter().any(|check_in| check_in.node == *id);
    let by_blocked = stated
        .iter()
        .filter(|(blocked, _, causing, _)| {
            has_checked_in(causing) && !guessed.iter().any(|(b, c, _)| b == blocked && c == causing)
        })
        .map(|(blocked, number, causing, title)| OneSidedClaim {
            side: Side::Blocked,
            blocked: blocked.clone(),
            causing: causing.clone(),
            note: (*title).to_owned(),
            blocker: Some(*number),
        });
    let by_causing = guessed
        .iter()
        .filter(|(blocked, causing, _)| {
            !stated
                .iter()
                .any(|(b, _, c, _)| b == blocked && c == causing)
        })
        .map(|(blocked, causing, note)| OneSidedClaim {
            side: Side::Causing,
            blocked: blocked.clone(),
            causing: causing.clone(),
            note: note.clone(),
            blocker: None,
        });
    by_blocked.chain(by_causing).collect()
}
