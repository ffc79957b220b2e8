//! Counters and their rows.

use std::collections::BTreeMap;

use echelon_domain::{NodeId, OrganizationId, counters::Counters, node::Level};

use crate::{
    entity::node_counter::Model,
    error::StoreError,
    row::{Row, to_json},
};

pub(crate) fn to_row(
    organization: &OrganizationId,
    node: &NodeId,
    counters: &Counters,
) -> Result<Model, StoreError> {
    let Counters {
        by_severity: [open_low, open_medium, open_high, open_critical],
        by_state: [state_raised, state_acknowledged, state_owned, state_on_hold],
        by_holder_level,
        held_here,
        held_below,
        held_above,
        unowned,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        escalated_in,
        escalated_out,
        meetings_held,
        day,
        day_open,
    } = counters;
    let levels: BTreeMap<&str, i64> = by_holder_level
        .iter()
        .map(|(level, open)| (level.as_str(), *open))
        .collect();
    Ok(Model {
        organization: organization.to_string(),
        node: node.to_string(),
        open_low: *open_low,
        open_medium: *open_medium,
        open_high: *open_high,
        open_critical: *open_critical,
        state_raised: *state_raised,
        state_acknowledged: *state_acknowledged,
        state_owned: *state_owned,
        state_on_hold: *state_on_hold,
        held_here: *held_here,
        held_below: *held_below,
        held_above: *held_above,
        unowned: *unowned,
        exhausted: *exhausted,
        awaiting_verification: *awaiting_verification,
        raised_total: *raised_total,
        closed_total: *closed_total,
        escalated_in: *escalated_in,
        escalated_out: *escalated_out,
        meetings_held: *meetings_held,
        day: *day,
        day_open: *day_open,
        levels: to_json(&levels)?,
    })
}

pub(crate) fn from_row(model: Model) -> Result<(NodeId, Counters), StoreError> {
    let Model {
        organization,
        node,
        open_low,
        open_medium,
        open_high,
        open_critical,
        state_raised,
        state_acknowledged,
        state_owned,
        state_on_hold,
        held_here,
        held_below,
        held_above,
        unowned,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        escalated_in,
        escalated_out,
        meetings_held,
        day,
        day_open,
        levels,
    } = model;
    let row = Row::new("node_counter", &organization, &node);
    let node = row.node("node", &node)?;
    let levels: BTreeMap<String, i64> = row.json("levels", &levels)?;
    let by_holder_level = levels
        .into_iter()
        .map(|(level, open)| Ok((row.checked("levels", Level::new("level", &level))?, open)))
        .collect::<Result<_, StoreError>>()?;
    let counters = Counters {
        by_severity: [open_low, open_medium, open_high, open_critical],
        by_state: [state_raised, state_acknowledged, state_owned, state_on_hold],
        by_holder_level,
        held_here,
        held_below,
        held_above,
        unowned,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        escalated_in,
        escalated_out,
        meetings_held,
        day,
        day_open,
    };
    Ok((node, counters))
}
