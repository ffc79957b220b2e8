//! Deciding: a snapshot, a command and its surroundings in; events, the next snapshot and an outcome out.
//!
//! A refused command leaves nothing behind, because the snapshot it was given never changes.

pub(crate) mod about;
mod blocker;
mod counters;
mod meeting;
mod node;
mod organization;
mod policy;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    blocker::{Blocker, Change, ChangeKind, Content, Status},
    command::{Command, Context, Outcome},
    error::{ConflictReason, Error},
    event::{Event, Payload},
    id::{BlockerNumber, RequestId},
    organization::Organization,
    time::Timestamp,
};

/// What a command comes to.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The state after the events.
    pub next: Organization,
    /// What happened, all of one revision. Empty: nothing changed, and there is no new revision.
    pub events: Vec<Event>,
    /// What to tell the caller.
    pub outcome: Outcome,
}

/// What a command that is refused leaves of a snapshot that was given away.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub error: Error,
    /// The snapshot as it was; none if the command was refused only after something had changed.
    pub untouched: Option<Organization>,
}

/// Decides a command on a snapshot. Closed blockers and meetings that the command names must be at hand; see
/// [`Organization::recall`]. Errors: as documented at the RPC of the command's name.
pub fn decide(
    organization: &Organization,
    command: &Command,
    context: &Context,
) -> Result<Decision, Error> {
    decide_onto(organization.clone(), command, context).map_err(|refused| refused.error)
}

/// As [`decide`], on a snapshot that is given away. What no other snapshot shares with it is changed in its place: to
/// decide many commands in a row copies each part once, and not once for each of them.
pub fn decide_onto(
    organization: Organization,
    command: &Command,
    context: &Context,
) -> Result<Decision, Box<Refused>> {
    let revision = organization.revision();
    let mut draft = Draft {
        next: organization,
        events: Vec::new(),
        now: context.now,
        actor: context.actor.clone(),
        request: context.request.clone(),
    };
    match dispatch(&mut draft, command) {
        Ok(outcome) => Ok(Decision {
            next: draft.next,
            events: draft.events,
            outcome,
        }),
        Err(error) => Err(Box::new(Refused {
            error,
            // Whatever changes it begins with a new revision.
            untouched: (draft.next.revision() == revision).then_some(draft.next),
        })),
    }
}

fn dispatch(draft: &mut Draft, command: &Command) -> Result<Outcome, Error> {
    if !matches!(
        command,
        Command::CreateOrganization { .. } | Command::ApplyOrganization(_)
    ) {
        draft.next.profile()?;
    }
    match command {
        Command::CreateOrganization {
            display_name,
            settings,
            root,
            root_level,
        } => organization::create(draft, display_name, settings, root, root_level),
        Command::UpdateOrganization {
            display_name,
            settings,
            etag,
        } => organization::update(draft, display_name.as_deref(), settings, *etag),
        Command::ApplyOrganization(declaration) => organization::apply(draft, declaration),
        Command::CreateNode {
            id,
            parent,
            level,
            display_name,
            representatives,
        } => node::create(
            draft,
            id,
            parent,
            level,
            display_name.as_deref(),
            representatives,
        ),
        Command::UpdateNode {
            id,
            display_name,
            level,
            representatives,
            etag,
        } => {
            check_etag(*etag, draft.next.tree().require(id)?.revision, "node", id)?;
            node::update(
                draft,
                id,
                display_name.as_deref(),
                level.as_ref(),
                representatives.as_deref(),
            )
        }
        Command::MoveNode {
            id,
            new_parent,
            etag,
        } => {
            check_etag(*etag, draft.next.tree().require(id)?.revision, "node", id)?;
            node::relocate(draft, id, new_parent, &BTreeSet::new())
        }
        Command::ArchiveNode { id, etag } => {
            check_etag(*etag, draft.next.tree().require(id)?.revision, "node", id)?;
            node::archive(draft, id, &BTreeSet::new())
        }
        Command::RaiseBlocker { blocker, anonymous } => blocker::raise(draft, blocker, *anonymous),
        Command::UpdateBlocker {
            number,
            patch,
            etag,
        } => blocker::update(draft, *number, patch, *etag),
        Command::AcknowledgeBlocker {
            number,
            until,
            etag,
        } => blocker::acknowledge(draft, *number, *until, *etag),
        Command::OwnBlocker {
            number,
            owner,
            committed_at,
            etag,
        } => blocker::own(draft, *number, owner, *committed_at, *etag),
        Command::HoldBlocker {
            number,
            until,
            approver,
            reason,
            etag,
        } => blocker::hold(draft, *number, *until, approver, reason, *etag),
        Command::ResolveBlocker {
            number,
            resolution,
            etag,
        } => blocker::resolve(draft, *number, resolution, *etag),
        Command::VerifyBlocker { number, etag } => blocker::verify(draft, *number, *etag),
        Command::ReopenBlocker {
            number,
            reason,
            etag,
        } => blocker::reopen(draft, *number, reason, *etag),
        Command::WithdrawBlocker {
            number,
            reason,
            etag,
        } => blocker::withdraw(draft, *number, reason, *etag),
        Command::MergeBlocker { number, into, etag } => {
            blocker::merge(draft, *number, *into, *etag)
        }
        Command::EscalateBlocker {
            number,
            to,
            reason,
            etag,
        } => blocker::escalate(draft, *number, to.as_ref(), reason, *etag),
        Command::ReturnBlocker {
            number,
            to,
            guidance,
            etag,
        } => blocker::send_back(draft, *number, to.as_ref(), guidance, *etag),
        Command::CommentOnBlocker { number, text } => blocker::comment(draft, *number, text),
        Command::OpenMeeting { node, title } => meeting::open(draft, node, title.as_deref()),
        Command::SubmitCheckIn { meeting, check_in } => {
            meeting::check_in(draft, *meeting, check_in)
        }
        Command::CloseMeeting { number } => meeting::close(draft, *number),
        Command::CreatePolicy {
            id,
            node,
            display_name,
            rules,
        } => policy::create(draft, id, node, display_name.as_deref(), rules),
        Command::UpdatePolicy {
            id,
            display_name,
            rules,
            etag,
        } => policy::update(draft, id, display_name.as_deref(), rules.as_deref(), *etag),
        Command::RebasePolicy { id } => policy::rebase(draft, id),
        Command::PassTimers { limit, apart } => blocker::pass_timers(draft, *limit, apart),
        Command::RepairCounters { books, limit } => counters::repair(draft, books, *limit),
    }
}

/// A decision in the making: events are folded into the next state as they are recorded.
struct Draft {
    next: Organization,
    events: Vec<Event>,
    now: Timestamp,
    actor: Option<String>,
    request: RequestId,
}

impl Draft {
    fn record(&mut self, payload: Payload) -> Result<(), Error> {
        let (revision, index) = match self.events.last() {
            None => (self.next.revision() + 1, 0),
            Some(last) => (last.revision, last.index + 1),
        };
        let mut event = Event {
            revision,
            index,
            at: self.now,
            actor: self.actor.clone(),
            nodes: Vec::new(),
            payload,
        };
        let parent_before = about::parent_before(&self.next, &event.payload);
        self.next.apply(&event)?;
        event.nodes = about::about(&self.next, &event.payload, parent_before.as_ref());
        self.events.push(event);
        Ok(())
    }

    /// Records a change of a blocker's status.
    fn change(
        &mut self,
        number: BlockerNumber,
        kind: ChangeKind,
        status: Status,
    ) -> Result<(), Error> {
        self.record_change(Change {
            number,
            kind,
            content: None,
            status,
        })
    }

    /// Records a change of a blocker's content.
    fn change_content(
        &mut self,
        number: BlockerNumber,
        kind: ChangeKind,
        content: Content,
        status: Status,
    ) -> Result<(), Error> {
        self.record_change(Change {
            number,
            kind,
            content: Some(Arc::new(content)),
            status,
        })
    }

    fn record_change(&mut self, mut change: Change) -> Result<(), Error> {
        if let ChangeKind::Moved(moved) = &mut change.kind {
            moved.revision = self
                .events
                .last()
                .map_or(self.next.revision() + 1, |last| last.revision);
        }
        self.record(Payload::BlockerChanged(Box::new(change)))
    }

    fn blocker(&self, number: BlockerNumber) -> Result<Blocker, Error> {
        Ok((**self.next.blocker(number)?).clone())
    }
}

fn check_etag(
    etag: Option<i64>,
    revision: i64,
    kind: &str,
    id: impl std::fmt::Display,
) -> Result<(), Error> {
    match etag {
        Some(etag) if etag != revision => Err(Error::Conflict {
            reason: ConflictReason::StaleEtag,
            message: format!(
                "{kind} `{id}` was changed by somebody else (etag is {revision}, not {etag}): read it again and retry"
            ),
        }),
        _ => Ok(()),
    }
}
