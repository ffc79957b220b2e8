//! Counters and their rows.

use std::collections::{BTreeMap, HashSet};

use echelon_domain::{NodeId, OrganizationId, counters::Counters, node::Level};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    entity::{counter_log, node_counter::Model},
    error::StoreError,
    row::{Row, to_json},
};

/// Every number that is counted for a node, in the order of the columns.
type Numbers = [i64; 21];

/// A node in a row of the log: its id, and what it has, which is read of the newest only.
#[derive(Debug, Deserialize, Serialize)]
struct Entry<'a, T>(&'a str, T);

/// Unresolved blockers by the level of their holder, as they are written.
struct Levels<'a>(&'a BTreeMap<Level, i64>);

impl Serialize for Levels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.0.iter();
        serializer.collect_map(levels.map(|(level, open)| (level.as_str(), open)))
    }
}

fn numbers(counters: &Counters) -> Numbers {
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
    } = *counters;
    [
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
    ]
}

fn counters(
    row: &Row,
    numbers: Numbers,
    levels: BTreeMap<&str, i64>,
) -> Result<Counters, StoreError> {
    let [
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
    ] = numbers;
    let levels = levels.into_iter();
    let levels =
        levels.map(|(level, open)| Ok((row.checked("levels", Level::new("level", level))?, open)));
    Ok(Counters {
        by_severity: [open_low, open_medium, open_high, open_critical],
        by_state: [state_raised, state_acknowledged, state_owned, state_on_hold],
        by_holder_level: levels.collect::<Result<_, StoreError>>()?,
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
    })
}

pub(crate) fn to_row(
    organization: &OrganizationId,
    node: &NodeId,
    counters: &Counters,
) -> Result<Model, StoreError> {
    let [
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
    ] = numbers(counters);
    Ok(Model {
        organization: organization.to_string(),
        node: node.to_string(),
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
        levels: to_json(&Levels(&counters.by_holder_level))?,
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
    let numbers = [
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
    ];
    let levels = row.json("levels", &levels)?;
    Ok((node, counters(&row, numbers, levels)?))
}

/// What nodes have since a commit.
pub(super) fn to_log(
    organization: &OrganizationId,
    revision: i64,
    counted: &[(NodeId, Counters)],
) -> Result<counter_log::Model, StoreError> {
    let entries = counted.iter().map(|(node, counters)| {
        let levels = Levels(&counters.by_holder_level);
        Entry(node.as_str(), (numbers(counters), levels))
    });
    Ok(counter_log::Model {
        organization: organization.to_string(),
        revision,
        counters: to_json(&entries.collect::<Vec<_>>())?,
    })
}

/// What nodes have after all rows of the log, which are given newest first.
pub(super) fn from_log(rows: &[counter_log::Model]) -> Result<Vec<(NodeId, Counters)>, StoreError> {
    let mut seen = HashSet::new();
    let mut newest = Vec::new();
    for model in rows {
        let row = Row::new("counter_log", &model.organization, model.revision);
        let entries: Vec<Entry<'_, &RawValue>> = row.json("counters", &model.counters)?;
        for Entry(node, figures) in entries {
            if seen.insert(node) {
                let (numbers, levels) = row.json("counters", figures.get())?;
                let node = row.node("counters", node)?;
                newest.push((node, counters(&row, numbers, levels)?));
            }
        }
    }
    Ok(newest)
}
