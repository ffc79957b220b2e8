//! Whether a recorded change of a blocker fits.

use super::NUMBER_MAX;
use crate::{
    blocker::{Blocker, Change, ChangeKind, Content, Move, MoveKind, State, Status, check},
    error::Error,
    event::Event,
    organization::Organization,
    text::{self, BODY_MAX, TITLE_MAX},
    time::Timestamp,
};

/// Checks a change; `raised_at` is when the blocker with the highest number so far was raised, and is carried on.
pub(super) fn check(
    state: &Organization,
    change: &Change,
    event: &Event,
    raised_at: &mut Timestamp,
) -> Result<(), Error> {
    let Change {
        number,
        kind,
        content,
        status,
    } = change;
    let tells_content = matches!(
        kind,
        ChangeKind::Raised | ChangeKind::Updated | ChangeKind::Imported
    );
    if tells_content != content.is_some() {
        return Err(Error::field(
            "content",
            "must be set exactly when the blocker is raised, updated or imported",
        ));
    }
    match kind {
        ChangeKind::Raised | ChangeKind::Imported => {
            let content = content.as_deref().ok_or_else(|| missing("content"))?;
            check_new(state, change, content, event, *raised_at)?;
            *raised_at = content.raised_at;
        }
        _ => {
            let before = state.blocker(*number).map_err(|_| {
                Error::field(
                    "number",
                    format!("{number} does not exist: raise or import it first"),
                )
            })?;
            check_next(state, before, change, event)?;
        }
    }
    check_key(state, change)?;
    check_status(state, change, status, event)
}

/// A blocker that was not there before.
fn check_new(
    state: &Organization,
    change: &Change,
    content: &Content,
    event: &Event,
    raised_at: Timestamp,
) -> Result<(), Error> {
    let number = change.number;
    if state.blocker(number).is_ok() {
        return Err(Error::field(
            "number",
            format!("{number} exists already: give each blocker a number of its own"),
        ));
    }
    if number < state.next_blocker() || number.get() > NUMBER_MAX || content.raised_at < raised_at {
        return Err(Error::field(
            "number",
            format!(
                "{number}, raised at {}, cannot follow B-{}, raised at {raised_at}: number blockers from 1 to {NUMBER_MAX} \
                 in the order of their raise_time",
                content.raised_at,
                state.next_blocker().get() - 1,
            ),
        ));
    }
    if content.raised_at > event.at {
        return Err(late("content.raise_time"));
    }
    check::recorded(state.tree(), content)
}

/// A blocker that was there before.
fn check_next(
    state: &Organization,
    before: &Blocker,
    change: &Change,
    event: &Event,
) -> Result<(), Error> {
    let Change {
        number: _,
        kind,
        content,
        status,
    } = change;
    if let Some(content) = content {
        let first = &before.content;
        let keeps = content.origin == first.origin
            && content.raised_at == first.raised_at
            && content.dedupe_key == first.dedupe_key;
        if !keeps {
            return Err(Error::field(
                "content",
                "must keep origin, raise_time and dedupe_key: they never change",
            ));
        }
        check::recorded(state.tree(), content)?;
    }
    match kind {
        ChangeKind::Moved(moved) => check_move(state, before, moved, status, event),
        ChangeKind::Reopened(_) => Ok(()),
        _ if status.holder == before.status.holder => Ok(()),
        _ => Err(Error::field(
            "status.holder",
            format!(
                "changes from `{}` to `{}` without a move: write ESCALATED, RETURNED or REHELD",
                before.status.holder, status.holder
            ),
        )),
    }
}

fn check_move(
    state: &Organization,
    before: &Blocker,
    moved: &Move,
    status: &Status,
    event: &Event,
) -> Result<(), Error> {
    if moved.from != before.status.holder || moved.to != status.holder {
        return Err(Error::field(
            "move",
            "must lead from the holder before the event to the holder after it",
        ));
    }
    let tree = state.tree();
    let in_its_direction = match moved.kind {
        MoveKind::Escalated => tree.is_self_or_ancestor(&moved.to, &moved.from),
        MoveKind::Returned => tree.is_self_or_ancestor(&moved.from, &moved.to),
        MoveKind::Reheld => true,
    };
    if !in_its_direction {
        return Err(Error::field(
            "move.to",
            format!(
                "`{}` does not lie in its direction: correct the move",
                moved.to
            ),
        ));
    }
    if moved.revision != event.revision || moved.at > event.at {
        return Err(Error::field(
            "move.revision",
            "must be that of the event, and its time not later",
        ));
    }
    Ok(())
}

/// A dedupe key is unique among the open ones.
fn check_key(state: &Organization, change: &Change) -> Result<(), Error> {
    if !change.status.state.is_open() {
        return Ok(());
    }
    let before = state.blocker(change.number).ok();
    let content = change.content.as_ref();
    let content = content.or(before.map(|before| &before.content));
    let key = content.map_or("", |content| content.dedupe_key.as_str());
    match state.blocker_with_key(key) {
        Some(other) if !key.is_empty() && other.number != change.number => Err(Error::field(
            "content.dedupe_key",
            format!(
                "`{key}` is that of {}, which is open too: close one of them or leave the key out",
                other.number
            ),
        )),
        _ => Ok(()),
    }
}

fn check_status(
    state: &Organization,
    change: &Change,
    status: &Status,
    event: &Event,
) -> Result<(), Error> {
    let Status {
        state: stage,
        // Checked with the holder's place, timer and policy once it is folded.
        escalation: _,
        holder,
        arrival: _,
        episode,
        episode_at,
        owner,
        committed_at: _,
        acknowledged_until,
        held_until,
        hold_approver,
        resolution,
        merged_into,
        guidance,
        escalations,
        meetings_survived,
        policy: _,
        policy_version: _,
        level_entered_at,
        progressed_at,
        closed_at,
        timer_at: _,
        owner_required: _,
        marks,
    } = status;
    // A closed one stays with its last holder, wherever the tree has taken that since.
    state.tree().require(holder)?;
    if *episode < 1 || *escalations < 0 || *meetings_survived < 0 {
        return Err(Error::field(
            "status.episode",
            "must be at least 1, and no count negative",
        ));
    }
    for (field, at) in [
        ("status.episode_time", Some(*episode_at)),
        ("status.level_enter_time", Some(*level_entered_at)),
        ("status.progress_time", Some(*progressed_at)),
        ("status.close_time", *closed_at),
    ] {
        if at > Some(event.at) {
            return Err(late(field));
        }
    }
    if progressed_at < level_entered_at {
        return Err(Error::field(
            "status.progress_time",
            "lies before level_enter_time: to come to a holder is progress",
        ));
    }
    let acknowledged = *stage == State::Acknowledged;
    let held = *stage == State::OnHold;
    if acknowledged != acknowledged_until.is_some()
        || held != held_until.is_some()
        || held != hold_approver.is_some()
    {
        return Err(Error::field(
            "status.state",
            "must be ACKNOWLEDGED exactly with acknowledgement_expire_time, and ON_HOLD exactly with hold_expire_time and \
             hold_approver",
        ));
    }
    if let Some(into) = merged_into
        && (*into == change.number || into.get() < 1 || *into >= state.next_blocker())
    {
        return Err(Error::field(
            "status.merged_into",
            format!(
                "{into} is the blocker itself or does not exist: name the one that is its cause"
            ),
        ));
    }
    for (field, text) in [
        ("status.owner", owner),
        ("status.hold_approver", hold_approver),
    ] {
        if let Some(text) = text {
            text::check_line(field, text, TITLE_MAX)?;
        }
    }
    text::check_body("status.resolution", resolution, BODY_MAX)?;
    text::check_body("status.guidance", guidance, BODY_MAX)?;
    for mark in marks {
        text::check_line("status.marks.rule", &mark.rule, TITLE_MAX)?;
    }
    Ok(())
}

fn missing(field: &str) -> Error {
    Error::field(field, "is missing")
}

fn late(field: &str) -> Error {
    Error::field(
        field,
        "lies after the time of the event: an event tells what has happened by then",
    )
}
