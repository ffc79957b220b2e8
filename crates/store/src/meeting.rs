//! Meetings, their check-ins and what became of the blockers.

mod fate;
mod stored;

use std::sync::Arc;

use echelon_domain::{MeetingNumber, NodeId, OrganizationId, meeting::Meeting};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::{
    entity::meeting::{Column, Entity},
    error::StoreError,
    sql::{self, Part, Write},
};
use stored::head_from_row;
pub(crate) use stored::{from_row, to_row};

static REPLACE: Write<Entity> = Write::replace();

/// Rows read at once where there may be very many.
const CHUNK: u64 = 1_000;

/// Which meetings to list. What is none does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeetingQuery {
    /// Of this node.
    pub node: Option<NodeId>,
    /// Open (true) or closed (false).
    pub open: Option<bool>,
    /// With a number below this one.
    pub before: Option<MeetingNumber>,
    /// At most so many.
    pub limit: u64,
}

pub(crate) async fn open(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Meeting>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Organization.eq(id.as_str()))
        .filter(Column::ClosedUs.is_null())
        .all(connection)
        .await?;
    rows.into_iter().map(from_row).collect()
}

pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Meeting>, StoreError> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let rows = Entity::find()
            .filter(Column::Organization.eq(id.as_str()))
            .filter(Column::Number.gt(after))
            .order_by_asc(Column::Number)
            .limit(CHUNK)
            .all(connection)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        after = last.number;
        for row in rows {
            found.push(from_row(row)?);
        }
    }
}

pub(crate) async fn numbered(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    numbers: &[MeetingNumber],
) -> Result<Vec<Meeting>, StoreError> {
    let mut found = Vec::with_capacity(numbers.len());
    for numbers in numbers.chunks(sql::LIST_MAX) {
        let rows = Entity::find()
            .filter(Column::Organization.eq(id.as_str()))
            .filter(Column::Number.is_in(numbers.iter().map(|number| number.get())))
            .all(connection)
            .await?;
        for row in rows {
            found.push(from_row(row)?);
        }
    }
    Ok(found)
}

pub(crate) async fn page(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    query: &MeetingQuery,
) -> Result<Vec<Meeting>, StoreError> {
    let MeetingQuery {
        node,
        open,
        before,
        limit,
    } = query;
    let mut select = Entity::find()
        .select_only()
        .columns([
            Column::Organization,
            Column::Number,
            Column::Node,
            Column::Title,
            Column::OpenedUs,
            Column::ClosedUs,
        ])
        .filter(Column::Organization.eq(id.as_str()));
    if let Some(node) = node {
        select = select.filter(Column::Node.eq(node.as_str()));
    }
    match open {
        Some(true) => select = select.filter(Column::ClosedUs.is_null()),
        Some(false) => select = select.filter(Column::ClosedUs.is_not_null()),
        None => {}
    }
    if let Some(before) = before {
        select = select.filter(Column::Number.lt(before.get()));
    }
    let rows = select
        .order_by_desc(Column::Number)
        .limit(sql::limit(*limit))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter().map(head_from_row).collect()
}

/// The closed ones go first: a node whose meeting closed may have opened the next in the same statement.
pub(crate) fn part(id: &OrganizationId, meetings: &[Arc<Meeting>]) -> Result<Part, StoreError> {
    let rows = meetings.iter().map(|meeting| to_row(id, meeting));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| (row.closed_us.is_none(), row.number));
    REPLACE.part(rows)
}
