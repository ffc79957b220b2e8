//! Counters of nodes: written as deltas, in the transaction of what they count.

mod stored;

use std::collections::{BTreeMap, HashMap};

use echelon_domain::{NodeId, OrganizationId, counters::Counters, node::Level};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IdenStatic as _, QueryFilter as _,
};

use crate::{
    changes::CounterChange,
    entity::{node_counter, node_level_counter},
    error::StoreError,
    packed,
    row::Row,
    sql::{self, Write},
    transaction::Transaction,
};

static ADD: Write<node_counter::Entity> = Write::merge(added);
static ADD_LEVELS: Write<node_level_counter::Entity> = Write::merge(added_to_level);

/// The counters of every node that has any.
pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<(NodeId, Counters)>, StoreError> {
    let levels = node_level_counter::Entity::find()
        .filter(node_level_counter::Column::Organization.eq(id.as_str()))
        // Rows that have come down to zero stay in the table; the counters hold none.
        .filter(node_level_counter::Column::Open.ne(0));
    let levels = packed::all(connection, levels).await?;
    let mut by_level: HashMap<String, BTreeMap<Level, i64>> = HashMap::new();
    for node_level_counter::Model {
        organization,
        node,
        level,
        open,
    } in levels
    {
        let row = Row::new("node_level_counter", &organization, &node);
        let level = row.checked("level", Level::new("level", &level))?;
        by_level.entry(node).or_default().insert(level, open);
    }
    let rows =
        node_counter::Entity::find().filter(node_counter::Column::Organization.eq(id.as_str()));
    let rows = packed::all(connection, rows).await?;
    let mut found = Vec::with_capacity(rows.len());
    for model in rows {
        let levels = by_level.remove(&model.node).unwrap_or_default();
        found.push(stored::from_row(model, levels)?);
    }
    // A node without a row has no levels either; if it does, an audit must see it.
    for (node, by_holder_level) in by_level {
        let node = Row::new("node_level_counter", id.as_str(), &node).node("node", &node)?;
        let counters = Counters {
            by_holder_level,
            ..Counters::default()
        };
        found.push((node, counters));
    }
    Ok(found)
}

pub(crate) async fn write(
    transaction: &Transaction,
    id: &OrganizationId,
    changes: &[CounterChange],
) -> Result<(), StoreError> {
    let rows = changes.iter().map(|change| stored::delta(id, change));
    ADD.rows(transaction, rows.collect()).await?;
    let rows = changes.iter();
    let rows = rows.flat_map(|change| stored::level_deltas(id, change));
    ADD_LEVELS.rows(transaction, rows.collect()).await
}

/// Writes what these nodes have as it is, whatever was stored of them.
pub(crate) async fn rewrite(
    transaction: &Transaction,
    id: &OrganizationId,
    repaired: &[CounterChange],
) -> Result<(), StoreError> {
    for changes in repaired.chunks(sql::LIST_MAX) {
        let nodes = || changes.iter().map(|change| change.node.as_str());
        node_counter::Entity::delete_many()
            .filter(node_counter::Column::Organization.eq(id.as_str()))
            .filter(node_counter::Column::Node.is_in(nodes()))
            .exec(transaction)
            .await?;
        node_level_counter::Entity::delete_many()
            .filter(node_level_counter::Column::Organization.eq(id.as_str()))
            .filter(node_level_counter::Column::Node.is_in(nodes()))
            .exec(transaction)
            .await?;
    }
    write(transaction, id, repaired).await
}

/// Adds to what is there. The change of a day begins anew with each day.
fn added(column: &node_counter::Column) -> Option<String> {
    use node_counter::Column;
    match column {
        Column::Organization | Column::Node => None,
        Column::Day => Some("excluded.day".to_owned()),
        Column::DayOpen => Some(
            "CASE WHEN node_counter.day = excluded.day \
             THEN node_counter.day_open + excluded.day_open ELSE excluded.day_open END"
                .to_owned(),
        ),
        Column::OpenLow
        | Column::OpenMedium
        | Column::OpenHigh
        | Column::OpenCritical
        | Column::StateRaised
        | Column::StateAcknowledged
        | Column::StateOwned
        | Column::StateOnHold
        | Column::HeldHere
        | Column::HeldBelow
        | Column::HeldAbove
        | Column::Unowned
        | Column::Exhausted
        | Column::AwaitingVerification
        | Column::RaisedTotal
        | Column::ClosedTotal
        | Column::EscalatedIn
        | Column::EscalatedOut
        | Column::MeetingsHeld => {
            let name = column.as_str();
            Some(format!("node_counter.{name} + excluded.{name}"))
        }
    }
}

fn added_to_level(column: &node_level_counter::Column) -> Option<String> {
    use node_level_counter::Column;
    match column {
        Column::Organization | Column::Node | Column::Level => None,
        Column::Open => Some("node_level_counter.open + excluded.open".to_owned()),
    }
}
