//! Pages of blockers.

use std::collections::HashSet;

use echelon_domain::{
    NodeId, OrganizationId,
    blocker::Blocker,
    list::{BlockerCursor, BlockerOrder, BlockerQuery},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, IdenStatic as _, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _},
};

use super::stored::from_row;
use crate::{
    entity::blocker::{Column, Entity},
    error::StoreError,
    sql,
};

/// What the index of closed blockers by origin is made for: a database takes it only where this is part of the text.
pub(super) const CLOSED: &str = "open = 0";

/// Most origins whose closed blockers are all read and sorted, on SQLite, which knows no more of them than that there are several, and
/// would rather pass through the whole organization in the order of the list.
const SORTED_ORIGINS: usize = 50;

/// Fewest rows read at once where rows are filtered in memory.
const CHUNK_MIN: u64 = 500;

/// What rows are sorted by before their number. A blocker is numbered as it is raised, so that numbers have the order of
/// times too.
const fn column(order: BlockerOrder) -> Option<Column> {
    match order {
        BlockerOrder::Number | BlockerOrder::RaiseTime => None,
        BlockerOrder::Severity => Some(Column::Severity),
    }
}

pub(crate) async fn page(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    query: &BlockerQuery,
) -> Result<Vec<Blocker>, StoreError> {
    let origins = Among::new(query.origins.as_deref());
    let holders = Among::new(query.holders.as_deref());
    let limit = sql::limit(query.limit);
    let filtered = matches!(origins, Among::Many(_)) || matches!(holders, Among::Many(_));
    let chunk = if filtered {
        Ord::max(limit, CHUNK_MIN)
    } else {
        limit
    };
    let is_sorted = connection.get_database_backend() == DbBackend::Sqlite
        && query.is_closed()
        && query
            .origins
            .as_ref()
            .is_some_and(|origins| origins.len() <= SORTED_ORIGINS);
    let place = if is_sorted { hidden } else { plain };
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut after = query.after;
    while found.len() < full {
        let mut select = Entity::find().filter(Column::Organization.eq(id.as_str()));
        select = restrict(select, query);
        select = origins.restrict(select, Column::Origin);
        select = holders.restrict(select, Column::Holder);
        select = order(select, query, after, place).limit(chunk);
        let rows = select.all(connection).await?;
        let last = u64::try_from(rows.len()).unwrap_or(u64::MAX) < chunk;
        for row in rows {
            let blocker = from_row(row)?;
            after = Some(BlockerCursor::of(&blocker, query.order));
            if origins.holds(&blocker.content.origin) && holders.holds(&blocker.status.holder) {
                found.push(blocker);
            }
        }
        if last {
            break;
        }
    }
    found.truncate(full);
    Ok(found)
}

/// A list of nodes to be among. A long one is a good part of the organization: most rows that are read pass it.
enum Among<'a> {
    Any,
    /// In the statement.
    Few(&'a [NodeId]),
    /// Looked up row by row, in memory.
    Many(HashSet<&'a NodeId>),
}

impl<'a> Among<'a> {
    fn new(nodes: Option<&'a [NodeId]>) -> Self {
        match nodes {
            None => Self::Any,
            Some(nodes) if nodes.len() <= sql::LIST_MAX => Self::Few(nodes),
            Some(nodes) => Self::Many(nodes.iter().collect()),
        }
    }

    fn restrict(&self, select: Select<Entity>, column: Column) -> Select<Entity> {
        match self {
            Self::Few(nodes) => select.filter(column.is_in(nodes.iter().map(NodeId::as_str))),
            Self::Any | Self::Many(_) => select,
        }
    }

    fn holds(&self, node: &NodeId) -> bool {
        match self {
            Self::Any | Self::Few(_) => true,
            Self::Many(nodes) => nodes.contains(node),
        }
    }
}

/// All that a row alone decides.
fn restrict(mut select: Select<Entity>, query: &BlockerQuery) -> Select<Entity> {
    let BlockerQuery {
        states,
        severities,
        origins: _,
        holders: _,
        owner,
        unowned,
        category,
        escalation,
        raised_before,
        order: _,
        descending: _,
        after: _,
        limit: _,
    } = query;
    if !states.is_empty() {
        select = select.filter(Column::State.is_in(states.iter().map(|state| state.as_str())));
    }
    if query.is_closed() {
        select = select.filter(Expr::cust(CLOSED));
    }
    if !severities.is_empty() {
        let ranks = severities.iter().map(|severity| severity.rank());
        select = select.filter(Column::Severity.is_in(ranks));
    }
    if let Some(owner) = owner {
        select = select.filter(Column::Owner.eq(owner.as_str()));
    }
    if *unowned {
        select = select.filter(Column::Owner.is_null());
    }
    if let Some(category) = category {
        select = select.filter(Column::Category.eq(category.as_str()));
    }
    if let Some(escalation) = escalation {
        select = select.filter(Column::Escalation.eq(escalation.as_str()));
    }
    if let Some(before) = raised_before {
        select = select.filter(Column::RaisedUs.lt(before.as_micros()));
    }
    select
}

/// How a column by which a list is ordered is written.
type Term = fn(Column) -> Expr;

fn plain(column: Column) -> Expr {
    Expr::col(column)
}

/// So that no index is taken for the sake of its order.
fn hidden(column: Column) -> Expr {
    Expr::cust(format!("+{}", column.as_str()))
}

/// Orders, and begins after a place.
fn order(
    mut select: Select<Entity>,
    query: &BlockerQuery,
    after: Option<BlockerCursor>,
    term: Term,
) -> Select<Entity> {
    let key = column(query.order);
    if let Some(BlockerCursor { key: at, number }) = after {
        let columns = key.into_iter().chain([Column::Number]);
        let values = key.map(|_| at).into_iter().chain([number.get()]);
        let place = Expr::tuple(columns.map(term));
        let last = Expr::tuple(values.map(Expr::value));
        select = select.filter(if query.descending {
            place.lt(last)
        } else {
            place.gt(last)
        });
    }
    let direction = if query.descending {
        Order::Desc
    } else {
        Order::Asc
    };
    if let Some(key) = key {
        select = select.order_by(term(key), direction.clone());
    }
    select.order_by(term(Column::Number), direction)
}
