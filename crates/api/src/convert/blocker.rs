//! Blockers.

use echelon_domain::{
    Error, OrganizationId,
    blocker::{Blocker, Content, EscalationState, Severity, State, Status},
    command::{ContentPatch, NewBlocker},
};
use prost_types::FieldMask;

use super::{
    etag, known,
    mask::Mask,
    name,
    time::{optional_timestamp, parse_optional_timestamp, timestamp},
};
use crate::v1;

/// Fields that an update may name.
const UPDATABLE: &[&str] = &[
    "title",
    "description",
    "severity",
    "category",
    "due_time",
    "labels",
    "blocked_nodes",
    "causing_nodes",
    "external_reference",
];

/// A blocker as the API has it.
#[must_use]
pub fn to_proto(id: &OrganizationId, blocker: &Blocker) -> v1::Blocker {
    let Blocker {
        number,
        content,
        status,
        revision,
    } = blocker;
    let Content {
        origin,
        title,
        description,
        severity: how_bad,
        category,
        blocked_nodes,
        causing_nodes,
        due_at,
        labels,
        external_reference,
        dedupe_key,
        reporter,
        raised_at,
    } = &**content;
    let Status {
        state: stage,
        escalation,
        holder,
        arrival: _,
        episode,
        episode_at: _,
        owner,
        committed_at,
        acknowledged_until,
        held_until,
        hold_approver,
        resolution,
        merged_into,
        guidance,
        escalations,
        meetings_survived,
        policy,
        policy_version,
        level_entered_at,
        progressed_at,
        closed_at,
        timer_at,
        owner_required: _,
        marks: _,
    } = status;
    let nodes =
        |ids: &[echelon_domain::NodeId]| ids.iter().map(|node| name::node(id, node)).collect();
    v1::Blocker {
        name: name::blocker(id, *number),
        origin: name::node(id, origin),
        holder: name::node(id, holder),
        title: title.into(),
        description: description.into(),
        severity: severity(*how_bad).into(),
        category: category.into(),
        blocked_nodes: nodes(blocked_nodes),
        causing_nodes: nodes(causing_nodes),
        due_time: optional_timestamp(*due_at),
        labels: labels.into(),
        external_reference: external_reference.into(),
        dedupe_key: dedupe_key.into(),
        reporter: reporter.as_ref().map_or_else(String::new, String::from),
        state: state(*stage).into(),
        escalation_state: escalation_state(*escalation).into(),
        escalation_time: optional_timestamp(*timer_at),
        episode: *episode,
        owner: owner.as_ref().map_or_else(String::new, String::from),
        commit_time: optional_timestamp(*committed_at),
        acknowledgement_expire_time: optional_timestamp(*acknowledged_until),
        hold_expire_time: optional_timestamp(*held_until),
        hold_approver: hold_approver
            .as_ref()
            .map_or_else(String::new, String::from),
        resolution: resolution.into(),
        merged_into: merged_into.map_or_else(String::new, |into| name::blocker(id, into)),
        guidance: guidance.into(),
        escalation_count: *escalations,
        meetings_survived: *meetings_survived,
        policy_version: name::policy_version(id, policy, *policy_version),
        raise_time: Some(timestamp(*raised_at)),
        level_enter_time: Some(timestamp(*level_entered_at)),
        progress_time: Some(timestamp(*progressed_at)),
        close_time: optional_timestamp(*closed_at),
        etag: etag(*revision),
    }
}

/// A severity as the API has it.
#[must_use]
pub const fn severity(severity: Severity) -> v1::Severity {
    match severity {
        Severity::Low => v1::Severity::Low,
        Severity::Medium => v1::Severity::Medium,
        Severity::High => v1::Severity::High,
        Severity::Critical => v1::Severity::Critical,
    }
}

/// Reads a severity given in `field`; none if it is not set. Errors: [`Error::Invalid`].
pub fn parse_severity(field: &str, number: i32) -> Result<Option<Severity>, Error> {
    Ok(match known::<v1::Severity>(field, number)? {
        v1::Severity::Unspecified => None,
        v1::Severity::Low => Some(Severity::Low),
        v1::Severity::Medium => Some(Severity::Medium),
        v1::Severity::High => Some(Severity::High),
        v1::Severity::Critical => Some(Severity::Critical),
    })
}

/// A state as the API has it.
#[must_use]
pub const fn state(state: State) -> v1::BlockerState {
    match state {
        State::Raised => v1::BlockerState::Raised,
        State::Acknowledged => v1::BlockerState::Acknowledged,
        State::Owned => v1::BlockerState::Owned,
        State::OnHold => v1::BlockerState::OnHold,
        State::Resolved => v1::BlockerState::Resolved,
        State::Verified => v1::BlockerState::Verified,
        State::Withdrawn => v1::BlockerState::Withdrawn,
        State::Merged => v1::BlockerState::Merged,
    }
}

/// Reads a state given in `field`; none if it is not set. Errors: [`Error::Invalid`].
pub fn parse_state(field: &str, number: i32) -> Result<Option<State>, Error> {
    Ok(match known::<v1::BlockerState>(field, number)? {
        v1::BlockerState::Unspecified => None,
        v1::BlockerState::Raised => Some(State::Raised),
        v1::BlockerState::Acknowledged => Some(State::Acknowledged),
        v1::BlockerState::Owned => Some(State::Owned),
        v1::BlockerState::OnHold => Some(State::OnHold),
        v1::BlockerState::Resolved => Some(State::Resolved),
        v1::BlockerState::Verified => Some(State::Verified),
        v1::BlockerState::Withdrawn => Some(State::Withdrawn),
        v1::BlockerState::Merged => Some(State::Merged),
    })
}

/// An escalation state as the API has it.
#[must_use]
pub const fn escalation_state(state: EscalationState) -> v1::EscalationState {
    match state {
        EscalationState::Closed => v1::EscalationState::Unspecified,
        EscalationState::Armed => v1::EscalationState::Armed,
        EscalationState::WaitingForMeeting => v1::EscalationState::WaitingForMeeting,
        EscalationState::Paused => v1::EscalationState::Paused,
        EscalationState::Exhausted => v1::EscalationState::Exhausted,
    }
}

/// Reads an escalation state given in `field`; `CLOSED` if it is not set. Errors: [`Error::Invalid`].
pub fn parse_escalation_state(field: &str, number: i32) -> Result<EscalationState, Error> {
    Ok(match known::<v1::EscalationState>(field, number)? {
        v1::EscalationState::Unspecified => EscalationState::Closed,
        v1::EscalationState::Armed => EscalationState::Armed,
        v1::EscalationState::WaitingForMeeting => EscalationState::WaitingForMeeting,
        v1::EscalationState::Paused => EscalationState::Paused,
        v1::EscalationState::Exhausted => EscalationState::Exhausted,
    })
}

/// Reads what a caller wrote of a new blocker. What only the server sets is left aside. Errors: [`Error::Invalid`].
pub fn parse_new(id: &OrganizationId, blocker: &v1::Blocker) -> Result<NewBlocker, Error> {
    Ok(NewBlocker {
        origin: name::parse_node_of(id, "blocker.origin", &blocker.origin)?,
        title: blocker.title.clone(),
        description: blocker.description.clone(),
        severity: parse_severity("blocker.severity", blocker.severity)?,
        category: blocker.category.clone(),
        blocked_nodes: name::parse_nodes_of(id, "blocker.blocked_nodes", &blocker.blocked_nodes)?,
        causing_nodes: name::parse_nodes_of(id, "blocker.causing_nodes", &blocker.causing_nodes)?,
        due_at: parse_optional_timestamp("blocker.due_time", blocker.due_time.as_ref())?,
        labels: blocker.labels.clone(),
        external_reference: blocker.external_reference.clone(),
        dedupe_key: blocker.dedupe_key.clone(),
    })
}

/// Reads an update. Errors: [`Error::Invalid`].
pub fn parse_patch(
    id: &OrganizationId,
    blocker: &v1::Blocker,
    mask: Option<&FieldMask>,
) -> Result<ContentPatch, Error> {
    let mask = Mask::new(mask, UPDATABLE)?;
    let text = |path: &str, value: &String| mask.pick(path, value.clone(), !value.is_empty());
    let nodes = |path: &str, names: &[String]| {
        name::parse_nodes_of(id, &format!("blocker.{path}"), names)
            .map(|nodes| mask.pick(path, nodes, !names.is_empty()))
    };
    let severity = parse_severity("blocker.severity", blocker.severity)?;
    let due_at = parse_optional_timestamp("blocker.due_time", blocker.due_time.as_ref())?;
    Ok(ContentPatch {
        title: text("title", &blocker.title),
        description: text("description", &blocker.description),
        severity: mask
            .pick("severity", severity, severity.is_some())
            .map(|severity| severity.unwrap_or(Severity::Medium)),
        category: text("category", &blocker.category),
        due_at: mask.pick("due_time", due_at, due_at.is_some()),
        labels: mask.pick("labels", blocker.labels.clone(), !blocker.labels.is_empty()),
        blocked_nodes: nodes("blocked_nodes", &blocker.blocked_nodes)?,
        causing_nodes: nodes("causing_nodes", &blocker.causing_nodes)?,
        external_reference: text("external_reference", &blocker.external_reference),
    })
}
