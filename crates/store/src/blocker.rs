//! Blockers: live ones for the snapshot, all of them for a check, pages of them for lists.

mod query;
mod stored;

use std::{collections::HashMap, sync::Arc};

use echelon_domain::{
    BlockerNumber, NodeId, OrganizationId, Timestamp,
    blocker::{Blocker, State},
    check::OriginTotals,
    organization::Names,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IdenStatic as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _},
};

use crate::{
    changes::{BlockerChange, Extent},
    entity::blocker::{Column, Entity},
    error::StoreError,
    packed,
    row::Row,
    sql::{self, Part, Write},
};
pub(crate) use query::page;
pub(crate) use stored::{from_row, to_row};

static INSERT: Write<Entity> = Write::insert();
static MERGE_STATUS: Write<Entity> = Write::merge(status);
static REPLACE: Write<Entity> = Write::replace();

/// Rows read at once where there may be a million.
const CHUNK: u64 = 1_000;

/// The open ones, and the resolved ones that are not verified.
pub(crate) async fn live(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Arc<Blocker>>, StoreError> {
    let mut found = Vec::new();
    // What rows have in common is kept once from the first page on, so that it never takes room for all of them.
    let mut names = Names::default();
    for state in live_states() {
        let mut after = 0;
        loop {
            // A tuple, because only the index of states has its order: by number alone every closed one is passed.
            let place = Expr::tuple([Expr::col(Column::State), Expr::col(Column::Number)]);
            let last = Expr::tuple([Expr::value(state), Expr::value(after)]);
            let page = Entity::find()
                .filter(Column::Organization.eq(id.as_str()))
                .filter(place.gt(last))
                .filter(Column::State.lte(state))
                .order_by_asc(Column::State)
                .order_by_asc(Column::Number)
                .limit(CHUNK);
            let take = |mut blocker| {
                names.blocker(&mut blocker);
                found.push(Arc::new(blocker));
            };
            let Some(last) = take_page(connection, page, take).await? else {
                break;
            };
            after = last;
        }
    }
    Ok(found)
}

/// The states of blockers that are not closed for good.
fn live_states() -> impl Iterator<Item = &'static str> {
    State::ALL
        .into_iter()
        .filter(|state| state.is_open() || *state == State::Resolved)
        .map(State::as_str)
}

/// The numbers of the live ones.
pub(crate) async fn live_numbers(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<i64>, StoreError> {
    let numbers = Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::Organization.eq(id.as_str()))
        .filter(Column::State.is_in(live_states()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(numbers)
}

pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Blocker>, StoreError> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = Entity::find()
            .filter(Column::Organization.eq(id.as_str()))
            .filter(Column::Number.gt(after))
            .order_by_asc(Column::Number)
            .limit(CHUNK);
        let Some(last) = take_page(connection, page, |blocker| found.push(blocker)).await? else {
            return Ok(found);
        };
        after = last;
    }
}

/// Takes a page of at most [`CHUNK`] rows. Gives the last number; none if no page follows.
async fn take_page(
    connection: &impl ConnectionTrait,
    page: Select<Entity>,
    mut take: impl FnMut(Blocker),
) -> Result<Option<i64>, StoreError> {
    let rows = packed::all(connection, page).await?;
    let full = u64::try_from(rows.len()).is_ok_and(|rows| rows >= CHUNK);
    let last = rows.iter().map(|row| row.number).max();
    for row in rows {
        take(from_row(row)?);
    }
    Ok(last.filter(|_| full))
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

/// How many blockers each node has raised, by two indexes: rows are only looked at where they are open.
pub(crate) async fn totals(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<HashMap<NodeId, OriginTotals>, StoreError> {
    let by_origin = || {
        Entity::find()
            .select_only()
            .column(Column::Origin)
            .column_as(Expr::cust("COUNT(*)"), "blockers")
            .filter(Column::Organization.eq(id.as_str()))
            .group_by(Column::Origin)
    };
    let closed = by_origin().filter(Expr::cust(query::CLOSED));
    let closed: Vec<(String, i64)> = closed.into_tuple().all(connection).await?;
    let open = State::ALL.into_iter().filter(|state| state.is_open());
    let open = by_origin().filter(Column::State.is_in(open.map(State::as_str)));
    let open: Vec<(String, i64)> = open.into_tuple().all(connection).await?;
    let mut totals: HashMap<NodeId, OriginTotals> = HashMap::with_capacity(closed.len());
    let closed = closed
        .into_iter()
        .map(|(origin, closed)| (origin, closed, closed));
    let open = open.into_iter().map(|(origin, open)| (origin, open, 0));
    for (origin, raised, closed) in closed.chain(open) {
        let node = Row::new("blocker", id.as_str(), "").node("origin", &origin)?;
        let total = totals.entry(node).or_default();
        total.raised += raised;
        total.closed += closed;
    }
    Ok(totals)
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

/// Blockers to be written, in an order that must be kept where a dedupe key changes hands.
pub(crate) struct Parts {
    /// Of those that closed: a key that one of them frees may be taken by another.
    pub(crate) closed: Vec<Part>,
    /// Of all others.
    pub(crate) others: Vec<Part>,
    /// Whether a key may have changed hands.
    pub(crate) in_order: bool,
}

pub(crate) fn parts(id: &OrganizationId, changes: &[BlockerChange]) -> Result<Parts, StoreError> {
    let has_closed =
        |change: &BlockerChange| change.extent != Extent::New && !change.blocker.is_open();
    let has_key = |change: &BlockerChange| !change.blocker.content.dedupe_key.is_empty();
    let (closed, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| has_closed(change));
    Ok(Parts {
        in_order: closed.iter().any(|change| has_key(change))
            && others.iter().any(|change| has_key(change)),
        closed: by_extent(id, closed)?,
        others: by_extent(id, others)?,
    })
}

fn by_extent(
    id: &OrganizationId,
    mut changes: Vec<&BlockerChange>,
) -> Result<Vec<Part>, StoreError> {
    changes.sort_by_key(|change| (change.extent, change.blocker.number));
    let same = changes.chunk_by(|a, b| a.extent == b.extent);
    same.map(|changes| {
        let write = match changes[0].extent {
            Extent::Status => &MERGE_STATUS,
            Extent::Content => &REPLACE,
            Extent::New => &INSERT,
        };
        let rows = changes.iter().map(|change| to_row(id, &change.blocker));
        write.part(rows.collect::<Result<_, _>>()?)
    })
    .collect()
}

/// What the engine knows is written; what people wrote stays.
fn status(column: &Column) -> Option<String> {
    match column {
        Column::Organization
        | Column::Number
        | Column::Origin
        | Column::Title
        | Column::Description
        | Column::Category
        | Column::BlockedNodes
        | Column::CausingNodes
        | Column::Labels
        | Column::ExternalReference
        | Column::DedupeKey
        | Column::Reporter
        | Column::Severity
        | Column::RaisedUs
        | Column::DueUs => None,
        Column::State
        | Column::Escalation
        | Column::Holder
        | Column::Arrival
        | Column::Resolution
        | Column::Guidance
        | Column::Policy
        | Column::Marks
        | Column::Owner
        | Column::HoldApprover
        | Column::Open
        | Column::Episode
        | Column::EpisodeUs
        | Column::Escalations
        | Column::MeetingsSurvived
        | Column::PolicyVersion
        | Column::LevelEnteredUs
        | Column::ProgressedUs
        | Column::OwnerRequired
        | Column::Revision
        | Column::CommittedUs
        | Column::AcknowledgedUntilUs
        | Column::HeldUntilUs
        | Column::MergedInto
        | Column::ClosedUs
        | Column::TimerUs => Some(format!("excluded.{}", column.as_str())),
    }
}
