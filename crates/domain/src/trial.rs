//! Trying rules on an existing or a described blocker: what they say now, and what would happen.

use std::sync::Arc;

use crate::{
    blocker::{Arrival, Blocker, Content, EscalationState, Marks, State, Status, check},
    command::NewBlocker,
    error::Error,
    escalation,
    explain::{self, SimulatedStep, Verdict},
    id::{BlockerNumber, NodeId},
    organization::Organization,
    policy::Version,
    text::{self, TITLE_MAX, Text},
    time::Timestamp,
};

/// Number of a blocker that is only described.
const DESCRIBED: BlockerNumber = BlockerNumber::new(0);

/// A described blocker, unchecked. Its state follows from what is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What people wrote about it.
    pub content: NewBlocker,
    /// Default: the origin.
    pub holder: Option<NodeId>,
    /// Owned if set.
    pub owner: Option<String>,
    /// By when the owner commits to solve it.
    pub committed_at: Option<Timestamp>,
    /// Acknowledged if set.
    pub acknowledged_until: Option<Timestamp>,
    /// On hold if set.
    pub held_until: Option<Timestamp>,
    /// Default: now.
    pub raised_at: Option<Timestamp>,
    /// Default: when it was raised.
    pub level_entered_at: Option<Timestamp>,
    /// Default: when it came to its holder.
    pub progressed_at: Option<Timestamp>,
    /// Meetings of the holder survived.
    pub meetings_survived: i32,
}

/// What rules make of a blocker.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What each rule says now.
    pub verdicts: Vec<Verdict>,
    /// What would happen if nobody ever acted and every meeting were held once a day.
    pub steps: Vec<SimulatedStep>,
}

/// Tries rules on a blocker, as if they were in force everywhere. Changes nothing.
#[must_use]
pub fn trial(
    organization: &Organization,
    version: Version,
    blocker: &Blocker,
    now: Timestamp,
) -> Trial {
    let policy = version.policy.clone();
    let number = version.number;
    let tried = organization.with_only_policy(version);
    let mut blocker = blocker.clone();
    let status = &mut blocker.status;
    status.policy = policy;
    status.policy_version = number;
    status.marks.clear();
    if status.escalation == EscalationState::Exhausted {
        status.escalation = EscalationState::WaitingForMeeting;
    }
    escalation::arm(&tried, &blocker.content, status);
    Trial {
        verdicts: explain::explain(&tried, &blocker, now).verdicts,
        steps: explain::simulate(&tried, &blocker, now),
    }
}

/// Makes a blocker of a description. Errors: [`Error::Invalid`], [`Error::NotFound`] for a node.
pub fn described(
    organization: &Organization,
    description: &Description,
    now: Timestamp,
) -> Result<Blocker, Error> {
    let Description {
        content,
        holder,
        owner,
        committed_at,
        acknowledged_until,
        held_until,
        raised_at,
        level_entered_at,
        progressed_at,
        meetings_survived,
    } = description;
    let tree = organization.tree();
    tree.require_active(&content.origin)?;
    let holder = holder.as_ref().unwrap_or(&content.origin);
    tree.require_active(holder)?;
    if !tree.is_self_or_ancestor(holder, &content.origin) {
        return Err(Error::field(
            "blocker.holder",
            "is neither the origin nor above it: name one of these",
        ));
    }
    let raised_at = past("blocker.raise_time", *raised_at, now)?.unwrap_or(now);
    let entered = past("blocker.level_enter_time", *level_entered_at, now)?.unwrap_or(raised_at);
    let progressed = past("blocker.progress_time", *progressed_at, now)?.unwrap_or(entered);
    if *meetings_survived < 0 {
        return Err(Error::field(
            "blocker.meetings_survived",
            "must not be negative",
        ));
    }
    let content: Content = check::content("blocker", tree, &content.clone(), None, raised_at)?;
    let owner = owner
        .as_ref()
        .map(|owner| text::line("blocker.owner", owner, TITLE_MAX))
        .transpose()?;
    let (policy, policy_version) = escalation::in_force(organization, holder)?;
    let mut status = Status {
        state: match (&held_until, &acknowledged_until, &owner) {
            (Some(_), _, _) => State::OnHold,
            (None, Some(_), _) => State::Acknowledged,
            (None, None, Some(_)) => State::Owned,
            (None, None, None) => State::Raised,
        },
        escalation: EscalationState::WaitingForMeeting,
        holder: holder.clone(),
        arrival: if *holder == content.origin {
            Arrival::Raised
        } else {
            Arrival::Escalated
        },
        episode: 1,
        episode_at: raised_at,
        owner: owner.map(Text::from),
        committed_at: *committed_at,
        acknowledged_until: *acknowledged_until,
        held_until: *held_until,
        hold_approver: None,
        resolution: Text::EMPTY,
        merged_into: None,
        guidance: Text::EMPTY,
        escalations: 0,
        meetings_survived: *meetings_survived,
        policy,
        policy_version,
        level_entered_at: entered,
        progressed_at: progressed.max(entered),
        closed_at: None,
        timer_at: None,
        owner_required: false,
        marks: Marks::NONE,
    };
    escalation::arm(organization, &content, &mut status);
    Ok(Blocker {
        number: DESCRIBED,
        content: Arc::new(content),
        status,
        revision: 0,
    })
}

fn past(field: &str, at: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    match at {
        Some(at) if at > now => Err(Error::field(
            field,
            format!("{at} is in the future: the time is {now}"),
        )),
        _ => Ok(at),
    }
}
