//! Counters of nodes, written in the transaction of what they count.

mod stored;

use echelon_domain::{NodeId, OrganizationId, counters::Counters};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use crate::{
    entity::node_counter::{Column, Entity},
    error::StoreError,
    packed,
    sql::{Part, Write},
};

pub(crate) use stored::{from_row, to_row};

static REPLACE: Write<Entity> = Write::replace();

/// The counters of every node that has any.
pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<(NodeId, Counters)>, StoreError> {
    let rows = Entity::find().filter(Column::Organization.eq(id.as_str()));
    let rows = packed::all(connection, rows).await?;
    rows.into_iter().map(from_row).collect()
}

/// What nodes have, as it is: whoever holds the head knows it.
pub(crate) fn part(
    id: &OrganizationId,
    counters: &[(NodeId, Counters)],
) -> Result<Part, StoreError> {
    let rows = counters
        .iter()
        .map(|(node, counters)| to_row(id, node, counters));
    REPLACE.part(rows.collect::<Result<_, _>>()?)
}
