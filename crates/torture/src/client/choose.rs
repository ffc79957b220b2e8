//! From an action of the plan to a request: choices become what there is now, spans of time become instants.

use echelon_api::v1::{self, BlockerState};

use super::{Known, Request, node, organization};
use crate::plan::{Plan, Shape, shape, step::Action};

const OPEN: [BlockerState; 4] = [
    BlockerState::Raised,
    BlockerState::Acknowledged,
    BlockerState::Owned,
    BlockerState::OnHold,
];
const CLOSED: [BlockerState; 3] = [
    BlockerState::Resolved,
    BlockerState::Verified,
    BlockerState::Withdrawn,
];

/// The request of an action; none if there is nothing yet that it could be about. `now_us` is the servers' time.
pub(super) fn request(
    plan: &Plan,
    known: &Known,
    action: Action,
    id: &str,
    now_us: i64,
) -> Option<Request> {
    let shape = &plan.shape;
    let request_id = id.to_owned();
    let text = id.to_owned();
    let etag = String::new();
    let open = |choice| known.blocker(choice, &OPEN);
    let after = |millis: u64| {
        let micros = i64::try_from(millis).unwrap_or(0).saturating_mul(1_000);
        Some(instant(now_us.saturating_add(micros)))
    };
    Some(match action {
        Action::Raise {
            team,
            severity,
            key,
            anonymous,
            due_ms,
            causing,
        } => {
            let teams = shape.of_level("TEAM");
            let origin = node(teams[pick(team, teams.len())]);
            let causing = causing.map(|choice| node(teams[pick(choice, teams.len())]));
            let about = origin.clone();
            let request = v1::RaiseBlockerRequest {
                parent: organization(),
                blocker: Some(v1::Blocker {
                    causing_nodes: causing.into_iter().filter(|id| *id != origin).collect(),
                    origin,
                    title: text,
                    severity,
                    dedupe_key: key.map_or_else(String::new, |key| format!("key-{key}")),
                    due_time: due_ms.and_then(after),
                    ..v1::Blocker::default()
                }),
                anonymous,
                request_id,
            };
            Request::Raise(Box::new(request), about)
        }
        Action::Edit { blocker, severity } => {
            let name = open(blocker)?;
            let request = v1::UpdateBlockerRequest {
                blocker: Some(v1::Blocker {
                    name: name.clone(),
                    severity,
                    description: text,
                    ..v1::Blocker::default()
                }),
                update_mask: None,
                request_id,
            };
            Request::Edit(Box::new(request), name)
        }
        Action::Comment { blocker } => {
            let name = known.blocker(blocker, &[OPEN.as_slice(), &CLOSED].concat())?;
            let request = v1::CommentOnBlockerRequest {
                name: name.clone(),
                text,
                request_id,
            };
            Request::Comment(Box::new(request), name)
        }
        Action::Acknowledge { blocker, for_ms } => {
            let states = [BlockerState::Raised, BlockerState::Acknowledged];
            let name = known.blocker(blocker, &states)?;
            let request = v1::AcknowledgeBlockerRequest {
                name: name.clone(),
                expire_time: after(for_ms),
                etag,
                request_id,
            };
            Request::Acknowledge(Box::new(request), name)
        }
        Action::Own { blocker, commit_ms } => {
            let name = open(blocker)?;
            let request = v1::OwnBlockerRequest {
                name: name.clone(),
                owner: text,
                commit_time: commit_ms.and_then(after),
                etag,
                request_id,
            };
            Request::Own(Box::new(request), name)
        }
        Action::Hold { blocker, for_ms } => {
            let name = open(blocker)?;
            let request = v1::HoldBlockerRequest {
                name: name.clone(),
                expire_time: after(for_ms),
                approver: "rte@example.com".to_owned(),
                reason: text,
                etag,
                request_id,
            };
            Request::Hold(Box::new(request), name)
        }
        Action::Resolve { blocker } => {
            let name = open(blocker)?;
            let request = v1::ResolveBlockerRequest {
                name: name.clone(),
                resolution: text,
                etag,
                request_id,
            };
            Request::Resolve(Box::new(request), name)
        }
        Action::Verify { blocker } => {
            let name = known.blocker(blocker, &[BlockerState::Resolved])?;
            let request = v1::VerifyBlockerRequest {
                name: name.clone(),
                etag,
                request_id,
            };
            Request::Verify(Box::new(request), name)
        }
        Action::Reopen { blocker } => {
            let name = known.blocker(blocker, &CLOSED)?;
            let request = v1::ReopenBlockerRequest {
                name: name.clone(),
                reason: text,
                etag,
                request_id,
            };
            Request::Reopen(Box::new(request), name)
        }
        Action::Withdraw { blocker } => {
            let name = open(blocker)?;
            let request = v1::WithdrawBlockerRequest {
                name: name.clone(),
                reason: text,
                etag,
                request_id,
            };
            Request::Withdraw(Box::new(request), name)
        }
        Action::Merge { blocker, into } => {
            let (name, into) = (open(blocker)?, open(into)?);
            let about = format!("{name} into {into}");
            let request = v1::MergeBlockerRequest {
                name,
                into,
                etag,
                request_id,
            };
            Request::Merge(Box::new(request), about)
        }
        Action::Escalate { blocker } => {
            let name = open(blocker)?;
            let request = v1::EscalateBlockerRequest {
                name: name.clone(),
                to: String::new(),
                reason: text,
                etag,
                request_id,
            };
            Request::Escalate(Box::new(request), name)
        }
        Action::Return { blocker } => {
            let name = open(blocker)?;
            let request = v1::ReturnBlockerRequest {
                name: name.clone(),
                to: String::new(),
                guidance: text,
                etag,
                request_id,
            };
            Request::Return(Box::new(request), name)
        }
        Action::OpenMeeting { node: choice } => {
            let node = any_node(shape, choice);
            let request = v1::OpenMeetingRequest {
                node: node.clone(),
                title: text,
                request_id,
            };
            Request::OpenMeeting(Box::new(request), node)
        }
        Action::CheckIn { meeting, blockers } => {
            let (meeting, node) = known.open_meeting(meeting)?;
            let named = (0..blockers).map(|number| v1::CheckInBlocker {
                title: format!("{text}/{number}"),
                ..v1::CheckInBlocker::default()
            });
            let request = v1::SubmitCheckInRequest {
                check_in: Some(v1::CheckIn {
                    node,
                    accomplished: text.clone(),
                    blockers: named.collect(),
                    ..v1::CheckIn::default()
                }),
                meeting: meeting.clone(),
                request_id,
            };
            Request::CheckIn(Box::new(request), meeting)
        }
        Action::CloseMeeting { meeting } => {
            let name = known.meeting(meeting)?;
            let request = v1::CloseMeetingRequest {
                name: name.clone(),
                request_id,
            };
            Request::CloseMeeting(Box::new(request), name)
        }
        Action::MoveNode {
            node: choice,
            parent,
        } => {
            let (nodes, parents) = if choice % 4 == 0 {
                (shape.of_level("SOS"), shape.of_level("TRAIN"))
            } else {
                (shape.of_level("TEAM"), shape.of_level("SOS"))
            };
            let name = node(nodes[pick(choice / 4, nodes.len())]);
            let new_parent = node(parents[pick(parent, parents.len())]);
            let about = format!("{name} below {new_parent}");
            let request = v1::MoveNodeRequest {
                name,
                new_parent,
                etag,
                request_id,
            };
            Request::MoveNode(Box::new(request), about)
        }
        Action::ArchiveNode { team } => {
            let teams = shape.of_level("TEAM");
            let name = node(teams[pick(team, teams.len())]);
            let request = v1::ArchiveNodeRequest {
                name: name.clone(),
                etag,
                request_id,
            };
            Request::ArchiveNode(Box::new(request), name)
        }
        Action::Apply => {
            let request = v1::ApplyOrganizationRequest {
                request_id,
                ..declared(shape)
            };
            Request::Apply(Box::new(request), organization())
        }
        Action::CreatePolicy {
            node: choice,
            variant,
        } => {
            let node = any_node(shape, choice);
            let request = v1::CreateEscalationPolicyRequest {
                parent: organization(),
                policy_id: format!("policy-{id}"),
                policy: Some(v1::EscalationPolicy {
                    node: node.clone(),
                    version: Some(version(variant)),
                    ..v1::EscalationPolicy::default()
                }),
                validate_only: false,
                request_id,
            };
            Request::CreatePolicy(Box::new(request), node)
        }
        Action::UpdatePolicy { policy, variant } => {
            let name = policy_name(known, policy);
            let request = v1::UpdateEscalationPolicyRequest {
                policy: Some(v1::EscalationPolicy {
                    name: name.clone(),
                    version: Some(version(variant)),
                    ..v1::EscalationPolicy::default()
                }),
                validate_only: false,
                request_id,
            };
            Request::UpdatePolicy(Box::new(request), name)
        }
        Action::Rebase { policy } => {
            let name = policy_name(known, policy);
            let request = v1::RebasePolicyRequest {
                name: name.clone(),
                dry_run: false,
                request_id,
            };
            Request::Rebase(Box::new(request), name)
        }
        // It is no mutation.
        Action::Read { .. } => return None,
    })
}

/// The whole organization, as it is applied: with spans of seconds where others have days.
#[must_use]
pub(crate) fn declared(shape: &Shape) -> v1::ApplyOrganizationRequest {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    v1::ApplyOrganizationRequest {
        name: organization(),
        display_name: "Torture".to_owned(),
        settings: Some(v1::OrganizationSettings {
            aged_after: seconds(20),
            due_soon_within: seconds(4),
            acknowledgement_expiry: seconds(3),
            hold_limit: None,
        }),
        nodes: shape.declarations(),
        ..v1::ApplyOrganizationRequest::default()
    }
}

/// Resource name of a policy of the organization.
pub(super) fn policy_name(known: &Known, choice: u64) -> String {
    let id = known.policy(choice);
    let id = id.as_deref().unwrap_or(shape::DEFAULT_POLICY);
    format!("{}/policies/{id}", organization())
}

pub(super) fn version(variant: u64) -> v1::EscalationPolicyVersion {
    v1::EscalationPolicyVersion {
        rules: shape::rules(variant),
        ..v1::EscalationPolicyVersion::default()
    }
}

/// Resource name of a node; teams more often than what is above them.
pub(super) fn any_node(shape: &Shape, choice: u64) -> String {
    node(&shape.places[pick(choice, shape.places.len())].id)
}

pub(super) fn pick(choice: u64, length: usize) -> usize {
    let length = u64::try_from(length).unwrap_or(1).max(1);
    usize::try_from(choice % length).unwrap_or(0)
}

fn instant(micros: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0) * 1_000,
    }
}
