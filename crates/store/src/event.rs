//! The log. Payloads are opaque here: the app encodes and decodes them.

use echelon_domain::{BlockerNumber, OrganizationId, Timestamp};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Select, Statement, Value,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{
    entity::event::{Column, Entity, Model},
    error::StoreError,
    row::Row,
    sql::{self, Part, Write},
};

static INSERT: Write<Entity> = Write::insert();

/// A revision is at least 1, so that what follows (0, 0) is all.
const OF_BLOCKER: &str = "SELECT * FROM (\
     SELECT organization, revision, position, at_us, kind, blocker, payload FROM blocker_history \
     WHERE organization = $1 AND blocker = $2 AND (revision, position) > ($3, $4) \
     UNION ALL \
     SELECT organization, revision, position, at_us, kind, blocker, payload FROM event \
     WHERE organization = $1 AND blocker = $2 AND (revision, position) > ($3, $4)) AS told \
     ORDER BY revision, position LIMIT $5";

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Revision of its commit.
    pub revision: i64,
    /// Position within the revision, from 0.
    pub index: i32,
    /// When.
    pub at: Timestamp,
    /// Kind, as in [`echelon_domain::event::Payload::kind`].
    pub kind: String,
    /// The blocker it is about, if any.
    pub blocker: Option<BlockerNumber>,
    /// The encoded event.
    pub payload: Vec<u8>,
}

/// About `limit` events after a revision: the revision of the last one is complete.
pub(crate) async fn after(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    revision: i64,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let following = || {
        Entity::find()
            .filter(Column::Organization.eq(id.as_str()))
            .filter(Column::Revision.gt(revision))
            .order_by_asc(Column::Revision)
            .order_by_asc(Column::Position)
    };
    let within_limit = following()
        .select_only()
        .column(Column::Revision)
        .limit(sql::limit(u64::try_from(limit).unwrap_or(u64::MAX)))
        .into_query();
    // One statement, so that no commit comes in between.
    let last = Query::select()
        .expr(Expr::col(Column::Revision).max())
        .from_subquery(within_limit, "within_limit")
        .take();
    let rows = following()
        .filter(Expr::col(Column::Revision).lte(Expr::SubQuery(None, Box::new(last.into()))))
        .all(connection)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// The oldest revision; none if there is no event.
pub(crate) async fn oldest(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<i64>, StoreError> {
    let oldest = Entity::find()
        .select_only()
        .column(Column::Revision)
        .filter(Column::Organization.eq(id.as_str()))
        .order_by_asc(Column::Revision)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(oldest)
}

/// What is kept of a blocker's history when the log is compacted comes before what the log holds: one statement, so that nothing
/// moves from one to the other in between.
pub(crate) async fn of_blocker(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    number: BlockerNumber,
    after: Option<(i64, i32)>,
    limit: u64,
) -> Result<Vec<EventRow>, StoreError> {
    let (revision, index) = after.unwrap_or((0, 0));
    let values = [
        Value::from(id.as_str()),
        number.get().into(),
        revision.into(),
        i64::from(index).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let ask = Statement::from_sql_and_values(connection.get_database_backend(), OF_BLOCKER, values);
    let rows = connection.query_all_raw(ask).await?;
    rows.iter()
        .map(|row| from_row(Model::from_query_result(row, "")?))
        .collect()
}

/// At most `limit` events after a revision and index, in order, wherever a revision ends.
pub(crate) async fn following(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    place: Option<(i64, i32)>,
    limit: u64,
) -> Result<Vec<EventRow>, StoreError> {
    let rows = beginning_after(id, place)
        .order_by_asc(Column::Revision)
        .order_by_asc(Column::Position)
        .limit(sql::limit(limit))
        .all(connection)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// How many events there are.
pub(crate) async fn count(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<u64, StoreError> {
    let all = Entity::find().filter(Column::Organization.eq(id.as_str()));
    Ok(all.count(connection).await?)
}

/// The events after a revision and index; all of them if there is none.
fn beginning_after(id: &OrganizationId, place: Option<(i64, i32)>) -> Select<Entity> {
    let select = Entity::find().filter(Column::Organization.eq(id.as_str()));
    let Some((revision, index)) = place else {
        return select;
    };
    let place = Expr::tuple([Expr::col(Column::Revision), Expr::col(Column::Position)]);
    let last = Expr::tuple([Expr::value(revision), Expr::value(i64::from(index))]);
    select.filter(place.gt(last))
}

/// Events are only ever added: a revision that is there already is an error.
pub(crate) fn part(id: &OrganizationId, events: &[EventRow]) -> Result<Part, StoreError> {
    let rows = events.iter().cloned().map(|event| to_row(id, event));
    INSERT.part(rows.collect())
}

pub(crate) fn to_row(organization: &OrganizationId, event: EventRow) -> Model {
    let EventRow {
        revision,
        index,
        at,
        kind,
        blocker,
        payload,
    } = event;
    Model {
        organization: organization.to_string(),
        revision,
        position: i64::from(index),
        at_us: at.as_micros(),
        kind,
        blocker: blocker.map(BlockerNumber::get),
        payload,
    }
}

fn from_row(model: Model) -> Result<EventRow, StoreError> {
    let Model {
        organization,
        revision,
        position,
        at_us,
        kind,
        blocker,
        payload,
    } = model;
    let row = Row::new("event", &organization, format!("{revision}/{position}"));
    Ok(EventRow {
        revision,
        index: row.small("position", position)?,
        at: Timestamp::from_micros(at_us),
        kind,
        blocker: blocker.map(BlockerNumber::new),
        payload,
    })
}
