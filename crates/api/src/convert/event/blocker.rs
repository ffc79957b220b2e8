//! Records of blockers.

use std::sync::Arc;

use echelon_domain::{
    BlockerNumber, Error, NodeId, OrganizationId, PolicyId, Text,
    blocker::{
        Arrival, Change, ChangeKind, Content, MarkKind, Move, MoveKind, RuleMark, Severity, Status,
    },
};

use super::{by_name, missing};
use crate::{
    convert::{
        blocker::{
            escalation_state, parse_escalation_state, parse_severity, parse_state, severity, state,
        },
        known, moved,
        time::{optional_timestamp, parse_optional_timestamp, parse_timestamp, timestamp},
    },
    v1::{self, BlockerChange},
};

pub(super) fn to_record(id: &OrganizationId, change: &Change) -> v1::BlockerRecord {
    let Change {
        number,
        kind,
        content,
        status,
    } = change;
    let mut record = v1::BlockerRecord {
        change: 0,
        number: number.get(),
        content: content.as_deref().map(content_to_record),
        status: Some(status_to_record(status)),
        r#move: None,
        text: String::new(),
        roles: Vec::new(),
        rule: String::new(),
    };
    let change = match kind {
        ChangeKind::Raised => BlockerChange::Raised,
        ChangeKind::Updated => BlockerChange::Updated,
        ChangeKind::Acknowledged => BlockerChange::Acknowledged,
        ChangeKind::AcknowledgementLapsed => BlockerChange::AcknowledgementLapsed,
        ChangeKind::Owned => BlockerChange::Owned,
        ChangeKind::Held => BlockerChange::Held,
        ChangeKind::HoldEnded => BlockerChange::HoldEnded,
        ChangeKind::Resolved => BlockerChange::Resolved,
        ChangeKind::Verified => BlockerChange::Verified,
        ChangeKind::Reopened(reason) => {
            record.text.clone_from(reason);
            BlockerChange::Reopened
        }
        ChangeKind::Withdrawn => BlockerChange::Withdrawn,
        ChangeKind::Merged => BlockerChange::Merged,
        ChangeKind::Moved(moved) => {
            record.r#move = Some(moved::to_proto(id, moved));
            match moved.kind {
                MoveKind::Escalated => BlockerChange::Escalated,
                MoveKind::Returned => BlockerChange::Returned,
                MoveKind::Reheld => BlockerChange::Reheld,
            }
        }
        ChangeKind::CarriedOver(reason) => {
            record.text.clone_from(reason);
            BlockerChange::CarriedOver
        }
        ChangeKind::Exhausted(reason) => {
            record.text.clone_from(reason);
            BlockerChange::Exhausted
        }
        ChangeKind::Commented(text) => {
            record.text.clone_from(text);
            BlockerChange::Commented
        }
        ChangeKind::Rebased => BlockerChange::Rebased,
        ChangeKind::OwnerRequired { rule } => {
            record.rule.clone_from(rule);
            BlockerChange::OwnerRequired
        }
        ChangeKind::Notified {
            rule,
            roles,
            message,
        } => {
            record.rule.clone_from(rule);
            record.roles.clone_from(roles);
            record.text.clone_from(message);
            BlockerChange::Notified
        }
        ChangeKind::RulePassed { rule, reason } => {
            record.rule.clone_from(rule);
            record.text.clone_from(reason);
            BlockerChange::RulePassed
        }
        ChangeKind::Imported => BlockerChange::Imported,
    };
    record.change = change.into();
    record
}

pub(super) fn from_record(record: v1::BlockerRecord) -> Result<Change, Error> {
    let v1::BlockerRecord {
        change,
        number,
        content,
        status,
        r#move,
        text,
        roles,
        rule,
    } = record;
    let moved = || -> Result<Move, Error> {
        moved::from_proto(r#move.as_ref().ok_or_else(|| missing("move"))?)
    };
    let kind = match known::<BlockerChange>("change", change)? {
        BlockerChange::Unspecified => return Err(missing("change")),
        BlockerChange::Raised => ChangeKind::Raised,
        BlockerChange::Updated => ChangeKind::Updated,
        BlockerChange::Acknowledged => ChangeKind::Acknowledged,
        BlockerChange::AcknowledgementLapsed => ChangeKind::AcknowledgementLapsed,
        BlockerChange::Owned => ChangeKind::Owned,
        BlockerChange::Held => ChangeKind::Held,
        BlockerChange::HoldEnded => ChangeKind::HoldEnded,
        BlockerChange::Resolved => ChangeKind::Resolved,
        BlockerChange::Verified => ChangeKind::Verified,
        BlockerChange::Reopened => ChangeKind::Reopened(text),
        BlockerChange::Withdrawn => ChangeKind::Withdrawn,
        BlockerChange::Merged => ChangeKind::Merged,
        BlockerChange::Escalated | BlockerChange::Returned | BlockerChange::Reheld => {
            ChangeKind::Moved(moved()?)
        }
        BlockerChange::CarriedOver => ChangeKind::CarriedOver(text),
        BlockerChange::Exhausted => ChangeKind::Exhausted(text),
        BlockerChange::Commented => ChangeKind::Commented(text),
        BlockerChange::Rebased => ChangeKind::Rebased,
        BlockerChange::OwnerRequired => ChangeKind::OwnerRequired { rule },
        BlockerChange::Notified => ChangeKind::Notified {
            rule,
            roles,
            message: text,
        },
        BlockerChange::RulePassed => ChangeKind::RulePassed { rule, reason: text },
        BlockerChange::Imported => ChangeKind::Imported,
    };
    Ok(Change {
        number: BlockerNumber::new(number),
        kind,
        content: content.map(content_from_record).transpose()?.map(Arc::new),
        status: status_from_record(status.ok_or_else(|| missing("status"))?)?,
    })
}

fn content_to_record(content: &Content) -> v1::BlockerContentRecord {
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
    } = content;
    let ids = |nodes: &[NodeId]| nodes.iter().map(NodeId::to_string).collect();
    v1::BlockerContentRecord {
        origin: origin.to_string(),
        title: title.into(),
        description: description.into(),
        severity: severity(*how_bad).into(),
        category: category.into(),
        blocked_nodes: ids(blocked_nodes),
        causing_nodes: ids(causing_nodes),
        due_time: optional_timestamp(*due_at),
        labels: labels.into(),
        external_reference: external_reference.into(),
        dedupe_key: dedupe_key.into(),
        reporter: reporter.as_ref().map_or_else(String::new, String::from),
        raise_time: Some(timestamp(*raised_at)),
    }
}

fn content_from_record(record: v1::BlockerContentRecord) -> Result<Content, Error> {
    let v1::BlockerContentRecord {
        origin,
        title,
        description,
        severity: how_bad,
        category,
        blocked_nodes,
        causing_nodes,
        due_time,
        labels,
        external_reference,
        dedupe_key,
        reporter,
        raise_time,
    } = record;
    let ids = |field: &str, nodes: &[String]| {
        nodes
            .iter()
            .map(|node| NodeId::new(field, node))
            .collect::<Result<Box<[_]>, _>>()
    };
    Ok(Content {
        origin: NodeId::new("origin", &origin)?,
        title: title.into(),
        description: description.into(),
        severity: parse_severity("severity", how_bad)?.unwrap_or(Severity::Medium),
        category: category.into(),
        blocked_nodes: ids("blocked_nodes", &blocked_nodes)?,
        causing_nodes: ids("causing_nodes", &causing_nodes)?.into(),
        due_at: parse_optional_timestamp("due_time", due_time.as_ref())?,
        labels: labels.into(),
        external_reference: external_reference.into(),
        dedupe_key: dedupe_key.into(),
        reporter: some(&reporter),
        raised_at: instant("raise_time", raise_time.as_ref())?,
    })
}

fn status_to_record(status: &Status) -> v1::BlockerStatusRecord {
    let Status {
        state: stage,
        escalation,
        holder,
        arrival,
        episode,
        episode_at,
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
        owner_required,
        marks,
    } = status;
    v1::BlockerStatusRecord {
        state: state(*stage).into(),
        escalation_state: escalation_state(*escalation).into(),
        holder: holder.to_string(),
        episode: *episode,
        owner: owner.as_ref().map_or_else(String::new, String::from),
        commit_time: optional_timestamp(*committed_at),
        acknowledgement_expire_time: optional_timestamp(*acknowledged_until),
        hold_expire_time: optional_timestamp(*held_until),
        hold_approver: hold_approver
            .as_ref()
            .map_or_else(String::new, String::from),
        resolution: resolution.into(),
        merged_into: merged_into.map_or(0, BlockerNumber::get),
        guidance: guidance.into(),
        escalation_count: *escalations,
        meetings_survived: *meetings_survived,
        policy: policy.to_string(),
        policy_version: *policy_version,
        episode_time: Some(timestamp(*episode_at)),
        level_enter_time: Some(timestamp(*level_entered_at)),
        progress_time: Some(timestamp(*progressed_at)),
        close_time: optional_timestamp(*closed_at),
        timer_time: optional_timestamp(*timer_at),
        owner_required: *owner_required,
        marks: marks
            .iter()
            .map(|RuleMark { rule, kind, at }| v1::RuleMarkRecord {
                rule: rule.into(),
                kind: kind.as_str().to_owned(),
                time: Some(timestamp(*at)),
            })
            .collect(),
        arrival: arrival.as_str().to_owned(),
    }
}

fn status_from_record(record: v1::BlockerStatusRecord) -> Result<Status, Error> {
    let v1::BlockerStatusRecord {
        state: stage,
        escalation_state: escalation,
        holder,
        episode,
        owner,
        commit_time,
        acknowledgement_expire_time,
        hold_expire_time,
        hold_approver,
        resolution,
        merged_into,
        guidance,
        escalation_count,
        meetings_survived,
        policy,
        policy_version,
        episode_time,
        level_enter_time,
        progress_time,
        close_time,
        timer_time,
        owner_required,
        marks,
        arrival,
    } = record;
    let optional = parse_optional_timestamp;
    Ok(Status {
        state: parse_state("state", stage)?.ok_or_else(|| missing("state"))?,
        escalation: parse_escalation_state("escalation_state", escalation)?,
        holder: NodeId::new("holder", &holder)?,
        arrival: by_name("arrival", &Arrival::ALL, Arrival::as_str, &arrival)?,
        episode,
        episode_at: instant("episode_time", episode_time.as_ref())?,
        owner: some(&owner),
        committed_at: optional("commit_time", commit_time.as_ref())?,
        acknowledged_until: optional(
            "acknowledgement_expire_time",
            acknowledgement_expire_time.as_ref(),
        )?,
        held_until: optional("hold_expire_time", hold_expire_time.as_ref())?,
        hold_approver: some(&hold_approver),
        resolution: resolution.into(),
        merged_into: (merged_into > 0).then(|| BlockerNumber::new(merged_into)),
        guidance: guidance.into(),
        escalations: escalation_count,
        meetings_survived,
        policy: PolicyId::new("policy", &policy)?,
        policy_version,
        level_entered_at: instant("level_enter_time", level_enter_time.as_ref())?,
        progressed_at: instant("progress_time", progress_time.as_ref())?,
        closed_at: optional("close_time", close_time.as_ref())?,
        timer_at: optional("timer_time", timer_time.as_ref())?,
        owner_required,
        marks: marks
            .into_iter()
            .map(|v1::RuleMarkRecord { rule, kind, time }| {
                Ok(RuleMark {
                    rule: rule.into(),
                    kind: by_name("marks.kind", &MarkKind::ALL, MarkKind::as_str, &kind)?,
                    at: instant("marks.time", time.as_ref())?,
                })
            })
            .collect::<Result<_, Error>>()?,
    })
}

/// The text, or none if it is empty.
fn some(text: &str) -> Option<Text> {
    Some(text).filter(|text| !text.is_empty()).map(Text::from)
}

fn instant(
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Result<echelon_domain::Timestamp, Error> {
    parse_timestamp(field, at.ok_or_else(|| missing(field))?)
}
