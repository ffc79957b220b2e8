//! A blocker and its row.

use std::{collections::BTreeMap, sync::Arc};

use echelon_domain::{
    BlockerNumber, OrganizationId, Text, Timestamp,
    blocker::{
        Arrival, Blocker, Content, EscalationState, MarkKind, RuleMark, Severity, State, Status,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::blocker::Model,
    error::StoreError,
    row::{Row, node_texts, optional_micros, optional_time, to_json},
};

/// An entry of the column `marks`.
#[derive(Serialize, Deserialize)]
struct MarkJson {
    rule: String,
    kind: String,
    at_us: i64,
}

impl MarkJson {
    fn of(mark: &RuleMark) -> Self {
        let RuleMark { rule, kind, at } = mark;
        Self {
            rule: rule.into(),
            kind: kind.as_str().to_owned(),
            at_us: at.as_micros(),
        }
    }

    fn into_mark(self, row: &Row) -> Result<RuleMark, StoreError> {
        let Self { rule, kind, at_us } = self;
        Ok(RuleMark {
            rule: rule.into(),
            kind: row.named("marks", &MarkKind::ALL, MarkKind::as_str, &kind)?,
            at: Timestamp::from_micros(at_us),
        })
    }
}

pub(crate) fn to_row(
    organization: &OrganizationId,
    blocker: &Blocker,
) -> Result<Model, StoreError> {
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
        severity,
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
        state,
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
    let marks: Vec<MarkJson> = marks.iter().map(MarkJson::of).collect();
    Ok(Model {
        organization: organization.to_string(),
        number: number.get(),
        origin: origin.to_string(),
        title: title.into(),
        description: description.into(),
        category: category.into(),
        blocked_nodes: to_json(&node_texts(blocked_nodes))?,
        causing_nodes: to_json(&node_texts(causing_nodes))?,
        labels: to_json(&BTreeMap::from_iter(labels.iter()))?,
        external_reference: external_reference.into(),
        dedupe_key: dedupe_key.into(),
        state: state.as_str().to_owned(),
        escalation: escalation.as_str().to_owned(),
        holder: holder.to_string(),
        arrival: arrival.as_str().to_owned(),
        resolution: resolution.into(),
        guidance: guidance.into(),
        policy: policy.to_string(),
        marks: to_json(&marks)?,
        reporter: reporter.as_ref().map(String::from),
        owner: owner.as_ref().map(String::from),
        hold_approver: hold_approver.as_ref().map(String::from),
        severity: severity.rank(),
        open: i64::from(state.is_open()),
        raised_us: raised_at.as_micros(),
        episode: i64::from(*episode),
        episode_us: episode_at.as_micros(),
        escalations: i64::from(*escalations),
        meetings_survived: i64::from(*meetings_survived),
        policy_version: *policy_version,
        level_entered_us: level_entered_at.as_micros(),
        progressed_us: progressed_at.as_micros(),
        owner_required: i64::from(*owner_required),
        revision: *revision,
        due_us: optional_micros(*due_at),
        committed_us: optional_micros(*committed_at),
        acknowledged_until_us: optional_micros(*acknowledged_until),
        held_until_us: optional_micros(*held_until),
        merged_into: merged_into.map(BlockerNumber::get),
        closed_us: optional_micros(*closed_at),
        timer_us: optional_micros(*timer_at),
    })
}

pub(crate) fn from_row(model: Model) -> Result<Blocker, StoreError> {
    let Model {
        organization,
        number,
        origin,
        title,
        description,
        category,
        blocked_nodes,
        causing_nodes,
        labels,
        external_reference,
        dedupe_key,
        state,
        escalation,
        holder,
        arrival,
        resolution,
        guidance,
        policy,
        marks,
        reporter,
        owner,
        hold_approver,
        severity,
        // Follows from the state.
        open: _,
        raised_us,
        episode,
        episode_us,
        escalations,
        meetings_survived,
        policy_version,
        level_entered_us,
        progressed_us,
        owner_required,
        revision,
        due_us,
        committed_us,
        acknowledged_until_us,
        held_until_us,
        merged_into,
        closed_us,
        timer_us,
    } = model;
    let number = BlockerNumber::new(number);
    let row = Row::new("blocker", &organization, number);
    let labels: BTreeMap<String, String> = row.json("labels", &labels)?;
    let marks: Vec<MarkJson> = row.json("marks", &marks)?;
    let content = Content {
        origin: row.node("origin", &origin)?,
        title: title.into(),
        description: description.into(),
        severity: Severity::ALL
            .into_iter()
            .find(|candidate| candidate.rank() == severity)
            .ok_or_else(|| row.corrupt("severity", format!("`{severity}` is unknown")))?,
        category: category.into(),
        blocked_nodes: row.nodes("blocked_nodes", &blocked_nodes)?,
        causing_nodes: row.nodes("causing_nodes", &causing_nodes)?.into(),
        due_at: optional_time(due_us),
        labels: labels.into(),
        external_reference: external_reference.into(),
        dedupe_key: dedupe_key.into(),
        reporter: reporter.map(Text::from),
        raised_at: Timestamp::from_micros(raised_us),
    };
    let status = Status {
        state: row.named("state", &State::ALL, State::as_str, &state)?,
        escalation: row.named(
            "escalation",
            &EscalationState::ALL,
            EscalationState::as_str,
            &escalation,
        )?,
        holder: row.node("holder", &holder)?,
        arrival: row.named("arrival", &Arrival::ALL, Arrival::as_str, &arrival)?,
        episode: row.small("episode", episode)?,
        episode_at: Timestamp::from_micros(episode_us),
        owner: owner.map(Text::from),
        committed_at: optional_time(committed_us),
        acknowledged_until: optional_time(acknowledged_until_us),
        held_until: optional_time(held_until_us),
        hold_approver: hold_approver.map(Text::from),
        resolution: resolution.into(),
        merged_into: merged_into.map(BlockerNumber::new),
        guidance: guidance.into(),
        escalations: row.small("escalations", escalations)?,
        meetings_survived: row.small("meetings_survived", meetings_survived)?,
        policy: row.policy("policy", &policy)?,
        policy_version,
        level_entered_at: Timestamp::from_micros(level_entered_us),
        progressed_at: Timestamp::from_micros(progressed_us),
        closed_at: optional_time(closed_us),
        timer_at: optional_time(timer_us),
        owner_required: owner_required != 0,
        marks: marks
            .into_iter()
            .map(|mark| mark.into_mark(&row))
            .collect::<Result<_, _>>()?,
    };
    Ok(Blocker {
        number,
        content: Arc::new(content),
        status,
        revision,
    })
}
