//! Counters of nodes, written in the transaction of what they count.
//!
//! A commit writes what it counted in one row, in a log. From time to time the log is folded into the rows of the nodes, each
//! of which is then written once, however often it has been counted since. What nodes have is what their rows say, and the log
//! after them.

mod stored;

use std::{cmp::Reverse, collections::HashMap};

use echelon_domain::{NodeId, OrganizationId, counters::Counters};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use crate::{
    entity::{
        counter_log,
        node_counter::{Column, Entity},
    },
    error::StoreError,
    packed,
    sql::{Part, Write},
};

pub(crate) use stored::{from_row, to_row};

static REPLACE: Write<Entity> = Write::replace();
static LOG: Write<counter_log::Entity> = Write::insert();

/// What the log holds: the newest of each node, by id.
#[derive(Debug)]
pub(crate) struct Logged {
    /// The last revision of the log; none if it is empty.
    pub(crate) up_to: Option<i64>,
    pub(crate) counters: Vec<(NodeId, Counters)>,
}

/// The counters of every node that has any. Both tables must be read from one snapshot.
pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<(NodeId, Counters)>, StoreError> {
    let rows = Entity::find().filter(Column::Organization.eq(id.as_str()));
    let rows = packed::all(connection, rows).await?;
    let logged = logged(connection, id).await?.counters;
    let mut logged: HashMap<_, _> = logged.into_iter().collect();
    let mut counters = Vec::with_capacity(rows.len());
    for row in rows {
        let (node, folded) = from_row(row)?;
        let newest = logged.remove(&node).unwrap_or(folded);
        counters.push((node, newest));
    }
    counters.extend(logged);
    Ok(counters)
}

/// What the log holds.
pub(crate) async fn logged(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Logged, StoreError> {
    newest(packed::all(connection, log_of(id)).await?)
}

/// What the log holds, in a transaction of PostgreSQL: others who ask this wait until it ends.
pub(crate) async fn logged_alone(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Logged, StoreError> {
    // In one order, so that two who ask wait for each other and not for ever.
    let rows = log_of(id).order_by_asc(counter_log::Column::Revision);
    newest(packed::all(connection, rows.lock_exclusive()).await?)
}

fn log_of(id: &OrganizationId) -> Select<counter_log::Entity> {
    counter_log::Entity::find().filter(counter_log::Column::Organization.eq(id.as_str()))
}

fn newest(mut rows: Vec<counter_log::Model>) -> Result<Logged, StoreError> {
    rows.sort_unstable_by_key(|row| Reverse(row.revision));
    let mut counters = stored::from_log(&rows)?;
    counters.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Logged {
        up_to: rows.first().map(|row| row.revision),
        counters,
    })
}

/// What nodes have since the commit of a revision, as it is: whoever holds the head knows it.
pub(crate) fn part(
    id: &OrganizationId,
    revision: i64,
    counters: &[(NodeId, Counters)],
) -> Result<Part, StoreError> {
    let rows = if counters.is_empty() {
        Vec::new()
    } else {
        vec![stored::to_log(id, revision, counters)?]
    };
    LOG.part(rows)
}

/// The rows of nodes.
pub(crate) fn rows(
    id: &OrganizationId,
    counters: &[(NodeId, Counters)],
) -> Result<Part, StoreError> {
    let rows = counters
        .iter()
        .map(|(node, counters)| to_row(id, node, counters));
    REPLACE.part(rows.collect::<Result<_, _>>()?)
}

/// Lets go of the log up to a revision. All of it at once: what is older must not be left alone.
pub(crate) async fn forget(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    up_to: i64,
) -> Result<(), StoreError> {
    counter_log::Entity::delete_many()
        .filter(counter_log::Column::Organization.eq(id.as_str()))
        .filter(counter_log::Column::Revision.lte(up_to))
        .exec(connection)
        .await?;
    Ok(())
}
