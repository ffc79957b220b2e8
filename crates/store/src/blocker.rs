//! Blockers: live ones for the snapshot, all of them for a check, pages of them for lists.

mod query;
mod stored;

use std::sync::Arc;

use echelon_domain::{
    BlockerNumber, OrganizationId, Timestamp,
    blocker::{Blocker, State},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::{
    entity::blocker::{Column, Entity},
    error::StoreError,
    row::Row,
    sql,
};
pub(crate) use query::page;
use stored::from_row;
pub(crate) use stored::to_row;

/// Rows read at once where there may be a million.
const CHUNK: u64 = 10_000;

/// The open ones, and the resolved ones that are not verified.
pub(crate) async fn live(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Blocker>, StoreError> {
    let live = State::ALL
        .into_iter()
        .filter(|state| state.is_open() || *state == State::Resolved)
        .map(State::as_str);
    let rows = Entity::find()
        .filter(Column::Organization.eq(id.as_str()))
        .filter(Column::State.is_in(live))
        .all(connection)
        .await?;
    rows.into_iter().map(from_row).collect()
}

pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Blocker>, StoreError> {
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
    numbers: &[BlockerNumber],
) -> Result<Vec<Blocker>, StoreError> {
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

pub(crate) async fn due_organizations(
    connection: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<OrganizationId>, StoreError> {
    let due: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Organization)
        .distinct()
        // The partial index is used only where the condition is spelled out.
        .filter(Column::TimerUs.is_not_null())
        .filter(Column::TimerUs.lte(now.as_micros()))
        .order_by_asc(Column::Organization)
        .into_tuple()
        .all(connection)
        .await?;
    due.iter()
        .map(|organization| Row::new("blocker", organization, "").organization(organization))
        .collect()
}

/// The closed ones go first: a dedupe key that one of them frees may be taken by another in the same statement.
pub(crate) async fn write(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    blockers: &[Arc<Blocker>],
) -> Result<(), StoreError> {
    let rows = blockers.iter().map(|blocker| to_row(id, blocker));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| (row.open, row.number));
    sql::insert::<Entity>(connection, rows, Some(sql::replace::<Entity>())).await
}
