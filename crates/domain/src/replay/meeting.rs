//! Whether a recorded meeting or check-in fits.

use std::sync::Arc;

use super::NUMBER_MAX;
use crate::{
    error::Error,
    event::Event,
    id::{BlockerNumber, MeetingNumber},
    meeting::{CheckIn, Meeting},
    organization::Organization,
    text::{self, BODY_MAX, NOTE_MAX, TITLE_MAX},
};

pub(super) fn check_opened(
    state: &Organization,
    meeting: &Meeting,
    event: &Event,
) -> Result<(), Error> {
    let Meeting {
        number,
        node,
        title,
        opened_at,
        closed_at,
        check_ins: _,
        fates,
        departed: _,
    } = meeting;
    if *number < state.next_meeting() || number.get() > NUMBER_MAX {
        return Err(Error::field(
            "meeting.number",
            format!(
                "{number} was used before or is out of range: number meetings in ascending order"
            ),
        ));
    }
    state.tree().require_active(node)?;
    if let Some(open) = state.open_meeting_of(node) {
        return Err(Error::field(
            "meeting.node",
            format!(
                "`{node}` has the open meeting {}: close it first",
                open.number
            ),
        ));
    }
    text::check_line("meeting.title", title, TITLE_MAX)?;
    if *opened_at > event.at || closed_at.is_some() || !fates.is_empty() {
        return Err(Error::field(
            "meeting",
            "must have been opened by the time of the event, and have no close_time and no fates yet",
        ));
    }
    Ok(())
}

pub(super) fn check_check_in(
    state: &Organization,
    meeting: MeetingNumber,
    check_in: &CheckIn,
) -> Result<(), Error> {
    open(state, meeting)?;
    let CheckIn {
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
        submitted_at: _,
    } = check_in;
    state.tree().require(node)?;
    text::check_body("check_in.accomplished", accomplished, BODY_MAX)?;
    text::check_body("check_in.planned", planned, BODY_MAX)?;
    for number in blockers {
        known(state, "check_in.blockers", *number)?;
    }
    for claim in may_block {
        state.tree().require(&claim.node)?;
        text::check_body("check_in.may_block.note", &claim.note, NOTE_MAX)?;
    }
    for decision in decisions {
        text::check_body("check_in.decisions", decision, NOTE_MAX)?;
    }
    Ok(())
}

pub(super) fn check_closed(
    state: &Organization,
    meeting: &Meeting,
    event: &Event,
) -> Result<(), Error> {
    let before = open(state, meeting.number)?;
    if (&before.node, &before.title, before.opened_at)
        != (&meeting.node, &meeting.title, meeting.opened_at)
    {
        return Err(Error::field(
            "meeting",
            format!(
                "must repeat node, title and open_time of {}",
                meeting.number
            ),
        ));
    }
    if meeting
        .closed_at
        .is_none_or(|closed_at| closed_at > event.at)
    {
        return Err(Error::field(
            "meeting.close_time",
            "must be set, and not lie after the time of the event",
        ));
    }
    for fate in &meeting.fates {
        known(state, "meeting.fates.blocker", fate.blocker)?;
    }
    Ok(())
}

fn open(state: &Organization, number: MeetingNumber) -> Result<&Arc<Meeting>, Error> {
    state
        .meeting(number)
        .ok()
        .filter(|meeting| meeting.closed_at.is_none())
        .ok_or_else(|| {
            Error::field(
                "meeting.number",
                format!(
                    "{number} is not open: write meeting_opened before, and nothing after its close"
                ),
            )
        })
}

/// There may be gaps between numbers; what matters is that none names the future.
fn known(state: &Organization, field: &str, number: BlockerNumber) -> Result<(), Error> {
    if number.get() > 0 && number < state.next_blocker() {
        return Ok(());
    }
    Err(Error::field(
        field,
        format!("{number} does not exist yet: raise it before it is named"),
    ))
}
