//! Counters and their rows.

use std::collections::{BTreeMap, BTreeSet};

use echelon_domain::{NodeId, OrganizationId, counters::Counters, node::Level};

use crate::{
    changes::CounterChange,
    entity::{node_counter, node_level_counter},
    error::StoreError,
    row::Row,
};

/// What to add to the row of a node.
pub(super) fn delta(organization: &OrganizationId, change: &CounterChange) -> node_counter::Model {
    let CounterChange {
        node,
        before,
        after,
    } = change;
    let Counters {
        by_severity: [open_low, open_medium, open_high, open_critical],
        by_state: [state_raised, state_acknowledged, state_owned, state_on_hold],
        by_holder_level: _,
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
    } = after;
    let [low, medium, high, critical] = before.by_severity;
    let [raised, acknowledged, owned, on_hold] = before.by_state;
    node_counter::Model {
        organization: organization.to_string(),
        node: node.to_string(),
        open_low: open_low - low,
        open_medium: open_medium - medium,
        open_high: open_high - high,
        open_critical: open_critical - critical,
        state_raised: state_raised - raised,
        state_acknowledged: state_acknowledged - acknowledged,
        state_owned: state_owned - owned,
        state_on_hold: state_on_hold - on_hold,
        held_here: held_here - before.held_here,
        held_below: held_below - before.held_below,
        held_above: held_above - before.held_above,
        unowned: unowned - before.unowned,
        exhausted: exhausted - before.exhausted,
        awaiting_verification: awaiting_verification - before.awaiting_verification,
        raised_total: raised_total - before.raised_total,
        closed_total: closed_total - before.closed_total,
        escalated_in: escalated_in - before.escalated_in,
        escalated_out: escalated_out - before.escalated_out,
        meetings_held: meetings_held - before.meetings_held,
        day: *day,
        day_open: if *day == before.day {
            day_open - before.day_open
        } else {
            *day_open
        },
    }
}

/// What to add to the rows of a node's levels.
pub(super) fn level_deltas(
    organization: &OrganizationId,
    change: &CounterChange,
) -> Vec<node_level_counter::Model> {
    let CounterChange {
        node,
        before,
        after,
    } = change;
    let levels: BTreeSet<&Level> = before
        .by_holder_level
        .keys()
        .chain(after.by_holder_level.keys())
        .collect();
    let open = |counters: &Counters, level: &Level| {
        counters.by_holder_level.get(level).copied().unwrap_or(0)
    };
    levels
        .into_iter()
        .filter_map(|level| {
            let added = open(after, level) - open(before, level);
            (added != 0).then(|| node_level_counter::Model {
                organization: organization.to_string(),
                node: node.to_string(),
                level: level.as_str().to_owned(),
                open: added,
            })
        })
        .collect()
}

pub(super) fn from_row(
    model: node_counter::Model,
    by_holder_level: BTreeMap<Level, i64>,
) -> Result<(NodeId, Counters), StoreError> {
    let node_counter::Model {
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
    } = model;
    let node = Row::new("node_counter", &organization, &node).node("node", &node)?;
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
