//! Deciding about meetings.

use super::{Draft, blocker};
use crate::{
    blocker::{Arrival, Blocker, Change, ChangeKind, State},
    command::{NamedBlocker, NewBlocker, NewCheckIn, Outcome},
    error::{Error, FieldError, Precondition},
    escalation::Stimulus,
    event::Payload,
    id::{BlockerNumber, MeetingNumber, NodeId},
    meeting::{BlockingClaim, CheckIn, Fate, FateKind, Meeting},
    text::{self, BODY_MAX, NOTE_MAX, TITLE_MAX},
};

/// Most entries of each list in a check-in.
const ENTRIES_MAX: usize = 50;

pub(super) fn open(
    draft: &mut Draft,
    node: &NodeId,
    title: Option<&str>,
) -> Result<Outcome, Error> {
    draft.next.tree().require_active(node)?;
    if let Some(meeting) = draft.next.open_meeting_of(node) {
        return Err(Error::precondition(
            Precondition::MeetingOpen,
            format!(
                "node `{node}` has the open meeting {}: close it first",
                meeting.number
            ),
        ));
    }
    let title = match title.map(str::trim) {
        None | Some("") => match draft.next.tree().height(node) {
            0 => "Daily Scrum".to_owned(),
            1 => "Scrum of Scrums".to_owned(),
            _ => "Sync".to_owned(),
        },
        Some(title) => text::line("title", title, TITLE_MAX)?,
    };
    let number = draft.next.next_meeting();
    draft.record(Payload::MeetingOpened(Meeting {
        number,
        node: node.clone(),
        title,
        opened_at: draft.now,
        closed_at: None,
        check_ins: Vec::new(),
        fates: Vec::new(),
        departed: Vec::new(),
    }))?;
    Ok(Outcome::Meeting { number })
}

pub(super) fn check_in(
    draft: &mut Draft,
    number: MeetingNumber,
    new: &NewCheckIn,
) -> Result<Outcome, Error> {
    let meeting = draft.next.meeting(number)?.clone();
    if meeting.closed_at.is_some() {
        return Err(Error::precondition(
            Precondition::MeetingClosed,
            format!(
                "{number} is closed: check in to the next meeting of `{}`",
                meeting.node
            ),
        ));
    }
    let NewCheckIn {
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
    } = new;
    draft.next.tree().require_active(node)?;
    if *node != meeting.node && draft.next.tree().parent(node) != Some(&meeting.node) {
        return Err(Error::field(
            "check_in.node",
            format!(
                "`{node}` takes no part in {number}: check in as `{}` or one of its children",
                meeting.node
            ),
        ));
    }
    few("check_in.blockers", blockers.len())?;
    few("check_in.may_block", may_block.len())?;
    few("check_in.decisions", decisions.len())?;
    let accomplished = text::body("check_in.accomplished", accomplished, BODY_MAX)?;
    let planned = text::body("check_in.planned", planned, BODY_MAX)?;
    let may_block = claims(draft, node, may_block)?;
    let decisions = decisions
        .iter()
        .enumerate()
        .map(|(index, decision)| {
            text::required_body(&format!("check_in.decisions[{index}]"), decision, NOTE_MAX)
        })
        .collect::<Result<Vec<_>, _>>()?;

    let mut named = Vec::with_capacity(blockers.len());
    let mut raised = Vec::new();
    for (index, entry) in blockers.iter().enumerate() {
        let number = match entry {
            NamedBlocker::Existing(number) => draft.next.blocker(*number)?.number,
            NamedBlocker::New(new) => {
                let (number, known) =
                    raise_named(draft, &format!("check_in.blockers[{index}]"), node, new)?;
                if !known {
                    raised.push(number);
                }
                number
            }
        };
        if !named.contains(&number) {
            named.push(number);
        }
    }
    draft.record(Payload::CheckInSubmitted {
        meeting: number,
        check_in: CheckIn {
            node: node.clone(),
            accomplished,
            planned,
            blockers: named,
            may_block,
            decisions,
            submitted_at: draft.now,
        },
    })?;
    Ok(Outcome::CheckedIn {
        meeting: number,
        node: node.clone(),
        raised,
    })
}

/// Raises a blocker named in a check-in, unless the node has an open one with the same title.
fn raise_named(
    draft: &mut Draft,
    field: &str,
    node: &NodeId,
    new: &NewBlocker,
) -> Result<(BlockerNumber, bool), Error> {
    if new.origin != *node {
        return Err(FieldError::new(field, "must be raised by the node that checks in").into());
    }
    let title = new.title.trim();
    if let Some(same) = draft
        .next
        .raised_by(node)
        .find(|open| open.is_open() && open.content.title == title)
    {
        return Ok((same.number, true));
    }
    let reporter = draft.actor.clone();
    blocker::raise_one(draft, field, new, reporter)
}

fn claims(
    draft: &Draft,
    node: &NodeId,
    claims: &[BlockingClaim],
) -> Result<Vec<BlockingClaim>, Error> {
    claims
        .iter()
        .enumerate()
        .map(|(index, claim)| {
            draft.next.tree().require_active(&claim.node)?;
            if claim.node == *node {
                return Err(Error::field(
                    format!("check_in.may_block[{index}].node"),
                    "is the node that checks in: name another one",
                ));
            }
            let note = text::body(
                &format!("check_in.may_block[{index}].note"),
                &claim.note,
                NOTE_MAX,
            )?;
            Ok(BlockingClaim {
                node: claim.node.clone(),
                note,
            })
        })
        .collect()
}

fn few(field: &str, count: usize) -> Result<(), Error> {
    if count > ENTRIES_MAX {
        return Err(Error::field(
            field,
            format!("has {count} entries, at most {ENTRIES_MAX} are allowed: merge some"),
        ));
    }
    Ok(())
}

/// Closes a meeting and decides the fate of every blocker on its agenda. Closing it again changes nothing (E7).
pub(super) fn close(draft: &mut Draft, number: MeetingNumber) -> Result<Outcome, Error> {
    let meeting = draft.next.meeting(number)?.clone();
    if meeting.closed_at.is_some() {
        return Ok(Outcome::Meeting { number });
    }
    let held: Vec<BlockerNumber> = draft
        .next
        .held_by(&meeting.node)
        .map(|held| held.number)
        .collect();
    let mut fates = Vec::with_capacity(held.len() + meeting.departed.len());
    for departed in &meeting.departed {
        if !held.contains(departed) {
            fates.push(fate_of_departed(&draft.blocker(*departed)?));
        }
    }
    for blocker in held {
        let changes = blocker::react(draft, blocker, &Stimulus::MeetingClosed(number))?;
        fates.push(fate_of_held(&draft.blocker(blocker)?, &changes, draft)?);
    }
    draft.record(Payload::MeetingClosed(Meeting {
        closed_at: Some(draft.now),
        check_ins: Vec::new(),
        departed: Vec::new(),
        fates,
        ..(*meeting).clone()
    }))?;
    Ok(Outcome::Meeting { number })
}

/// The fate of a blocker that left the node while the meeting went on.
fn fate_of_departed(blocker: &Blocker) -> Fate {
    let holder = &blocker.status.holder;
    let (kind, reason) = match blocker.status.state {
        State::Resolved | State::Verified => (FateKind::Solved, "solved in the meeting".to_owned()),
        State::Withdrawn => (FateKind::Solved, "withdrawn".to_owned()),
        State::Merged => (
            FateKind::Solved,
            blocker
                .status
                .merged_into
                .map_or_else(|| "merged".to_owned(), |into| format!("merged into {into}")),
        ),
        State::Raised | State::Acknowledged | State::Owned | State::OnHold => {
            if blocker.status.arrival == Arrival::Returned {
                (
                    FateKind::Returned,
                    format!("returned to {holder} with guidance"),
                )
            } else {
                (
                    FateKind::Escalated,
                    format!("moved to {holder} while the meeting went on"),
                )
            }
        }
    };
    fate(blocker, kind, reason)
}

/// The fate of a blocker that the node held when the meeting closed.
fn fate_of_held(blocker: &Blocker, changes: &[Change], draft: &Draft) -> Result<Fate, Error> {
    for change in changes {
        match &change.kind {
            ChangeKind::Moved(moved) => {
                let mut moved = moved.clone();
                moved.revision = draft.next.revision();
                let reason = format!(
                    "moved to {}{}",
                    moved.to,
                    moved
                        .rule
                        .as_ref()
                        .map_or_else(String::new, |rule| format!(" by rule {rule}"))
                );
                return Ok(Fate {
                    moved: Some(moved),
                    ..fate(blocker, FateKind::Escalated, reason)
                });
            }
            ChangeKind::CarriedOver(reason) => {
                return Ok(fate(blocker, FateKind::CarriedOver, reason.clone()));
            }
            ChangeKind::Exhausted(reason) => {
                return Ok(fate(blocker, FateKind::Exhausted, reason.clone()));
            }
            _ => {}
        }
    }
    Err(Error::internal(format!(
        "the close of a meeting did not decide about {}",
        blocker.number
    )))
}

fn fate(blocker: &Blocker, kind: FateKind, reason: String) -> Fate {
    Fate {
        blocker: blocker.number,
        title: (&blocker.content.title).into(),
        severity: blocker.content.severity,
        kind,
        reason,
        moved: None,
    }
}
