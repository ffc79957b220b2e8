//! Deciding about blockers.

use std::collections::BTreeSet;

use super::{Draft, check_etag};
use crate::{
    blocker::{
        Arrival, Blocker, Cause, Change, ChangeKind, EscalationState, Marks, Move, MoveKind, State,
        Status, check,
    },
    command::{ContentPatch, NewBlocker, Outcome},
    error::{Error, Precondition},
    escalation::{self, Stimulus},
    id::{BlockerNumber, NodeId},
    text::{self, BODY_MAX, TITLE_MAX, Text},
    time::Timestamp,
};

pub(super) fn raise(
    draft: &mut Draft,
    new: &NewBlocker,
    anonymous: bool,
) -> Result<Outcome, Error> {
    let reporter = if anonymous {
        // Nobody's name must stay behind, in the log neither.
        draft.actor = None;
        None
    } else {
        draft.actor.clone()
    };
    let (number, duplicate) = raise_one(draft, "blocker", new, reporter)?;
    Ok(Outcome::Blocker { number, duplicate })
}

/// Raises one blocker, or finds the open one with the same dedupe key.
pub(super) fn raise_one(
    draft: &mut Draft,
    field: &str,
    new: &NewBlocker,
    reporter: Option<String>,
) -> Result<(BlockerNumber, bool), Error> {
    draft.next.tree().require_active(&new.origin)?;
    let reporter = reporter.map(Text::from);
    let content = check::content(field, draft.next.tree(), new, reporter, draft.now)?;
    if !content.dedupe_key.is_empty()
        && let Some(open) = draft.next.blocker_with_key(&content.dedupe_key)
    {
        return Ok((open.number, true));
    }
    let number = draft.next.next_blocker();
    let (policy, policy_version) = escalation::in_force(&draft.next, &content.origin)?;
    let unarmed = Status {
        state: State::Raised,
        escalation: EscalationState::Closed,
        holder: content.origin.clone(),
        arrival: Arrival::Raised,
        episode: 1,
        episode_at: draft.now,
        owner: None,
        committed_at: None,
        acknowledged_until: None,
        held_until: None,
        hold_approver: None,
        resolution: Text::EMPTY,
        merged_into: None,
        guidance: Text::EMPTY,
        escalations: 0,
        meetings_survived: 0,
        policy,
        policy_version,
        level_entered_at: draft.now,
        progressed_at: draft.now,
        closed_at: None,
        timer_at: None,
        owner_required: false,
        marks: Marks::NONE,
    };
    let origin = content.origin.clone();
    let status = escalation::arrive(
        &draft.next,
        &content,
        &unarmed,
        &origin,
        Arrival::Raised,
        draft.now,
    );
    draft.change_content(number, ChangeKind::Raised, content, status)?;
    let request = draft.request.clone();
    react(draft, number, &Stimulus::Raised { request })?;
    Ok((number, false))
}

/// Lets the rules look at a blocker, and records what they do.
pub(super) fn react(
    draft: &mut Draft,
    number: BlockerNumber,
    stimulus: &Stimulus,
) -> Result<Vec<Change>, Error> {
    let blocker = draft.blocker(number)?;
    let changes = escalation::react(&draft.next, &blocker, stimulus, draft.now);
    for change in &changes {
        draft.record_change(change.clone())?;
    }
    Ok(changes)
}

pub(super) fn update(
    draft: &mut Draft,
    number: BlockerNumber,
    patch: &ContentPatch,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let content = check::patched(draft.next.tree(), &blocker.content, patch)?;
    if content != *blocker.content {
        let mut status = blocker.status;
        escalation::note_edit(
            &draft.next,
            &blocker.content,
            &content,
            &mut status,
            draft.now,
        );
        draft.change_content(number, ChangeKind::Updated, content, status)?;
        let edited = Stimulus::Changed {
            request: draft.request.clone(),
            before: blocker.content,
        };
        react(draft, number, &edited)?;
    }
    Ok(changed(number))
}

pub(super) fn acknowledge(
    draft: &mut Draft,
    number: BlockerNumber,
    until: Option<Timestamp>,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let settings = draft.next.settings();
    let until = until.unwrap_or_else(|| {
        let usual = settings.acknowledgement_expiry.min(settings.hold_limit);
        draft.now.plus(usual)
    });
    future("expire_time", until, draft.now)?;
    if until > draft.now.plus(settings.hold_limit) {
        return Err(Error::field(
            "expire_time",
            "lies beyond the organization's hold_limit: choose an earlier time",
        ));
    }
    let mut status = blocker.status.clone();
    match status.state {
        // A second acknowledgement extends the first and is no progress.
        State::Acknowledged => {}
        State::Raised => escalation::progress(&draft.next, &mut status, draft.now),
        State::Owned
        | State::OnHold
        | State::Resolved
        | State::Verified
        | State::Withdrawn
        | State::Merged => {
            return Err(wrong_state(
                &blocker,
                "only a raised blocker can be acknowledged",
            ));
        }
    }
    status.state = State::Acknowledged;
    status.acknowledged_until = Some(until);
    settle(draft, &blocker, ChangeKind::Acknowledged, status)
}

pub(super) fn own(
    draft: &mut Draft,
    number: BlockerNumber,
    owner: &str,
    committed_at: Option<Timestamp>,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let owner = text::line("owner", owner, TITLE_MAX)?;
    if let Some(at) = committed_at {
        future("commit_time", at, draft.now)?;
    }
    let before = &blocker.status;
    if before.state == State::Owned
        && before.owner.as_deref() == Some(owner.as_str())
        && before.committed_at == committed_at
    {
        return Ok(changed(number));
    }
    let mut status = before.clone();
    escalation::progress(&draft.next, &mut status, draft.now);
    unpause(&mut status);
    status.state = State::Owned;
    status.owner = Some(owner.into());
    status.committed_at = committed_at;
    status.owner_required = false;
    settle(draft, &blocker, ChangeKind::Owned, status)
}

pub(super) fn hold(
    draft: &mut Draft,
    number: BlockerNumber,
    until: Timestamp,
    approver: &str,
    reason: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    future("expire_time", until, draft.now)?;
    if until > draft.now.plus(draft.next.settings().hold_limit) {
        return Err(Error::field(
            "expire_time",
            "lies beyond the organization's hold_limit: choose an earlier time",
        ));
    }
    let mut status = blocker.status.clone();
    escalation::progress(&draft.next, &mut status, draft.now);
    unpause(&mut status);
    status.state = State::OnHold;
    status.held_until = Some(until);
    status.hold_approver = Some(text::line("approver", approver, TITLE_MAX)?.into());
    status.resolution = text::body("reason", reason, BODY_MAX)?.into();
    settle(draft, &blocker, ChangeKind::Held, status)
}

pub(super) fn resolve(
    draft: &mut Draft,
    number: BlockerNumber,
    resolution: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let mut status = closed(&blocker, State::Resolved, draft.now);
    status.resolution = text::body("resolution", resolution, BODY_MAX)?.into();
    settle(draft, &blocker, ChangeKind::Resolved, status)
}

pub(super) fn verify(
    draft: &mut Draft,
    number: BlockerNumber,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = draft.blocker(number)?;
    check_etag(etag, blocker.revision, "blocker", number)?;
    if blocker.status.state != State::Resolved {
        return Err(wrong_state(
            &blocker,
            "only a resolved blocker can be verified",
        ));
    }
    let mut status = blocker.status.clone();
    status.state = State::Verified;
    settle(draft, &blocker, ChangeKind::Verified, status)
}

pub(super) fn withdraw(
    draft: &mut Draft,
    number: BlockerNumber,
    reason: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let mut status = closed(&blocker, State::Withdrawn, draft.now);
    status.resolution = text::body("reason", reason, BODY_MAX)?.into();
    settle(draft, &blocker, ChangeKind::Withdrawn, status)
}

pub(super) fn merge(
    draft: &mut Draft,
    number: BlockerNumber,
    into: BlockerNumber,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    if number == into {
        return Err(Error::field(
            "into",
            "is the blocker itself: name the blocker that is its cause",
        ));
    }
    open_blocker(draft, into, None)?;
    let mut status = closed(&blocker, State::Merged, draft.now);
    status.merged_into = Some(into);
    settle(draft, &blocker, ChangeKind::Merged, status)
}

pub(super) fn reopen(
    draft: &mut Draft,
    number: BlockerNumber,
    reason: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = draft.blocker(number)?;
    check_etag(etag, blocker.revision, "blocker", number)?;
    let reason = text::body("reason", reason, BODY_MAX)?;
    if !matches!(
        blocker.status.state,
        State::Resolved | State::Verified | State::Withdrawn
    ) {
        return Err(wrong_state(
            &blocker,
            "only a resolved, verified or withdrawn blocker can be reopened",
        ));
    }
    let key = &blocker.content.dedupe_key;
    if !key.is_empty()
        && let Some(other) = draft.next.blocker_with_key(key)
    {
        return Err(Error::precondition(
            Precondition::WrongState,
            format!(
                "{} is open with the same dedupe_key: work on that one instead of reopening {number}",
                other.number
            ),
        ));
    }
    let holder = reopening_holder(draft, &blocker)?;
    let mut status = blocker.status.clone();
    status.episode += 1;
    status.episode_at = draft.now;
    status.escalations = 0;
    status.closed_at = None;
    status.resolution = Text::EMPTY;
    status.guidance = Text::EMPTY;
    let status = escalation::arrive(
        &draft.next,
        &blocker.content,
        &status,
        &holder,
        Arrival::Reopened,
        draft.now,
    );
    draft.change(number, ChangeKind::Reopened(reason), status)?;
    let request = draft.request.clone();
    react(draft, number, &Stimulus::Raised { request })?;
    Ok(changed(number))
}

/// The last holder, or, where the tree has changed around it, the nearest active node above it and the origin.
fn reopening_holder(draft: &Draft, blocker: &Blocker) -> Result<NodeId, Error> {
    let tree = draft.next.tree();
    tree.common_ancestor([&blocker.status.holder, &blocker.content.origin])
        .filter(|_| !tree.is_self_or_ancestor(&blocker.status.holder, &blocker.content.origin))
        .or_else(|| Some(blocker.status.holder.clone()))
        .and_then(|holder| tree.nearest_active(&holder).cloned())
        .ok_or_else(|| Error::internal(format!("no node can hold {}", blocker.number)))
}

pub(super) fn escalate(
    draft: &mut Draft,
    number: BlockerNumber,
    to: Option<&NodeId>,
    reason: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let reason = text::required_body("reason", reason, BODY_MAX)?;
    let tree = draft.next.tree();
    let holder = &blocker.status.holder;
    let to = match to {
        Some(to) => {
            tree.require_active(to)?;
            if to == holder || !tree.is_self_or_ancestor(to, holder) {
                return Err(Error::precondition(
                    Precondition::NoLevelAbove,
                    format!(
                        "`{to}` is not above `{holder}`, which holds {number}: name an ancestor of it"
                    ),
                ));
            }
            to.clone()
        }
        None => tree.parent(holder).cloned().ok_or_else(|| {
            Error::precondition(
                Precondition::NoLevelAbove,
                format!("{number} is held by the root `{holder}`: own, hold or resolve it there"),
            )
        })?,
    };
    relocate(draft, &blocker, to, MoveKind::Escalated, reason)?;
    Ok(changed(number))
}

pub(super) fn send_back(
    draft: &mut Draft,
    number: BlockerNumber,
    to: Option<&NodeId>,
    guidance: &str,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let blocker = open_blocker(draft, number, etag)?;
    let guidance = text::required_body("guidance", guidance, BODY_MAX)?;
    let tree = draft.next.tree();
    let holder = &blocker.status.holder;
    let below: Vec<&NodeId> = tree
        .path_up(&blocker.content.origin)
        .take_while(|step| *step != holder)
        .collect();
    let to = match to {
        Some(to) => {
            tree.require(to)?;
            below.iter().find(|step| **step == to).copied()
        }
        None => below.last().copied(),
    };
    let to = to.cloned().ok_or_else(|| {
        Error::precondition(
            Precondition::NoLevelBelow,
            format!(
                "{number} is held by `{holder}` and was raised by `{}`: name a node from the origin up to below the holder",
                blocker.content.origin
            ),
        )
    })?;
    tree.require_active(&to)?;
    relocate(draft, &blocker, to, MoveKind::Returned, guidance)?;
    Ok(changed(number))
}

/// Changes the holder by a call: up, down, or because the tree changes.
pub(super) fn relocate(
    draft: &mut Draft,
    blocker: &Blocker,
    to: NodeId,
    kind: MoveKind,
    reason: String,
) -> Result<(), Error> {
    let arrival = match kind {
        MoveKind::Escalated => Arrival::Escalated,
        MoveKind::Returned => Arrival::Returned,
        MoveKind::Reheld => Arrival::Reheld,
    };
    let mut status = blocker.status.clone();
    if kind == MoveKind::Returned {
        status.guidance = reason.as_str().into();
    }
    let status = escalation::arrive(
        &draft.next,
        &blocker.content,
        &status,
        &to,
        arrival,
        draft.now,
    );
    let moved = Move {
        kind,
        from: blocker.status.holder.clone(),
        to,
        cause: Cause::Request(draft.request.clone()),
        rule: None,
        policy_version: None,
        facts: std::collections::BTreeMap::new(),
        reason,
        late_us: 0,
        at: draft.now,
        revision: 0,
    };
    draft.change(blocker.number, ChangeKind::Moved(moved), status)
}

pub(super) fn comment(
    draft: &mut Draft,
    number: BlockerNumber,
    text: &str,
) -> Result<Outcome, Error> {
    let blocker = draft.blocker(number)?;
    let text = text::required_body("text", text, BODY_MAX)?;
    draft.change(number, ChangeKind::Commented(text), blocker.status)?;
    Ok(changed(number))
}

/// Lets the rules look at the blockers whose timers are due, in due order, each at most once (E4).
pub(super) fn pass_timers(
    draft: &mut Draft,
    limit: usize,
    apart: &BTreeSet<BlockerNumber>,
) -> Result<Outcome, Error> {
    let due: Vec<BlockerNumber> = due(draft, apart).take(limit).collect();
    for number in &due {
        react(draft, *number, &Stimulus::Timer)?;
    }
    Ok(Outcome::TimersPassed {
        passed: due.len(),
        remaining: self::due(draft, apart).next().is_some(),
    })
}

/// The blockers that are due and not set apart, in due order.
fn due(draft: &Draft, apart: &BTreeSet<BlockerNumber>) -> impl Iterator<Item = BlockerNumber> {
    let due = draft.next.due(draft.now).map(|(_, number)| number);
    due.filter(|number| !apart.contains(number))
}

/// Arms and records a status that a call has changed.
fn settle(
    draft: &mut Draft,
    blocker: &Blocker,
    kind: ChangeKind,
    mut status: Status,
) -> Result<Outcome, Error> {
    escalation::arm(&draft.next, &blocker.content, &mut status);
    draft.change(blocker.number, kind, status)?;
    Ok(changed(blocker.number))
}

const fn changed(number: BlockerNumber) -> Outcome {
    Outcome::Blocker {
        number,
        duplicate: false,
    }
}

fn open_blocker(draft: &Draft, number: BlockerNumber, etag: Option<i64>) -> Result<Blocker, Error> {
    let blocker = draft.blocker(number)?;
    check_etag(etag, blocker.revision, "blocker", number)?;
    if !blocker.is_open() {
        return Err(Error::precondition(
            Precondition::BlockerClosed,
            format!(
                "{number} is closed ({}): reopen it first if it still blocks",
                blocker.status.state.as_str()
            ),
        ));
    }
    Ok(blocker)
}

fn wrong_state(blocker: &Blocker, need: &str) -> Error {
    Error::precondition(
        Precondition::WrongState,
        format!(
            "{} is {}: {need}",
            blocker.number,
            blocker.status.state.as_str()
        ),
    )
}

fn future(field: &str, at: Timestamp, now: Timestamp) -> Result<(), Error> {
    if at > now {
        return Ok(());
    }
    Err(Error::field(
        field,
        format!("{at} is not in the future: the time is {now}"),
    ))
}

fn unpause(status: &mut Status) {
    status.acknowledged_until = None;
    status.held_until = None;
    status.hold_approver = None;
}

fn closed(blocker: &Blocker, state: State, now: Timestamp) -> Status {
    let mut status = blocker.status.clone();
    unpause(&mut status);
    status.state = state;
    status.closed_at = Some(now);
    status.timer_at = None;
    status.owner_required = false;
    status.marks.clear();
    status
}
