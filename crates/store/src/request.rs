//! Answers of mutating calls, kept for retries (E7).

use echelon_domain::{OrganizationId, RequestId, Timestamp};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, FromQueryResult as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Statement,
    sea_query::{Expr, ExprTrait as _, LockBehavior, LockType},
};

use crate::{
    entity::request::{Column, Entity, Model},
    error::StoreError,
    row::{Row, to_json},
    sql::{self, Part, Write},
};

static INSERT: Write<Entity> = Write::insert();

/// A join, since a list as long as the one that is asked for makes PostgreSQL read the whole table.
const FIND_POSTGRES: &str = "SELECT found.* FROM json_array_elements_text($2::json) AS asked(value) \
     JOIN request AS found ON found.organization = $1 AND found.request_id = asked.value";
const FIND_SQLITE: &str = "SELECT * FROM request \
     WHERE organization = $1 AND request_id IN (SELECT value FROM json_each($2))";

/// Rows lie in the order in which they came, so that the oldest are the first, and need no index to be found.
const PURGE_SQLITE: &str = "DELETE FROM request \
     WHERE rowid IN (SELECT rowid FROM request ORDER BY rowid LIMIT $1) AND at_us < $2";

/// The answer of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// Idempotency key.
    pub request_id: RequestId,
    /// Method, such as `RaiseBlocker`.
    pub method: String,
    /// Hash of the request without its key.
    pub fingerprint: i64,
    /// The encoded answer.
    pub response: Vec<u8>,
    /// Revision the answer was given at.
    pub revision: i64,
    /// When it was answered.
    pub at: Timestamp,
}

pub(crate) async fn identified(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    ids: &[RequestId],
) -> Result<Vec<StoredRequest>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let backend = connection.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => FIND_POSTGRES,
        _ => FIND_SQLITE,
    };
    let ids: Vec<&str> = ids.iter().map(RequestId::as_str).collect();
    let values = [id.as_str().into(), to_json(&ids)?.into()];
    let ask = Statement::from_sql_and_values(backend, sql, values);
    let rows = connection.query_all_raw(ask).await?;
    rows.iter()
        .map(|row| from_row(Model::from_query_result(row, "")?))
        .collect()
}

/// An answer is given once: a second one is an error.
pub(crate) fn part(id: &OrganizationId, requests: &[StoredRequest]) -> Result<Part, StoreError> {
    let rows = requests.iter().map(|request| to_row(id, request));
    INSERT.part(rows.collect())
}

/// Deletes the oldest answers from before an instant. What another replica is deleting is left to it.
pub(crate) async fn purge(
    connection: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    if connection.get_database_backend() == DbBackend::Sqlite {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [limit.into(), before.as_micros().into()];
        let delete = Statement::from_sql_and_values(DbBackend::Sqlite, PURGE_SQLITE, values);
        return Ok(connection.execute_raw(delete).await?.rows_affected());
    }
    let oldest = Entity::find()
        .select_only()
        .columns([Column::Organization, Column::RequestId])
        .filter(Column::AtUs.lt(before.as_micros()))
        .order_by_asc(Column::AtUs)
        .limit(sql::limit(limit))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    let key = Expr::tuple([
        Expr::col(Column::Organization),
        Expr::col(Column::RequestId),
    ]);
    let deleted = Entity::delete_many()
        .filter(key.in_subquery(oldest))
        .exec(connection)
        .await?;
    Ok(deleted.rows_affected)
}

fn to_row(organization: &OrganizationId, request: &StoredRequest) -> Model {
    let StoredRequest {
        request_id,
        method,
        fingerprint,
        response,
        revision,
        at,
    } = request;
    Model {
        organization: organization.to_string(),
        request_id: request_id.as_str().to_owned(),
        method: method.clone(),
        fingerprint: *fingerprint,
        response: response.clone(),
        revision: *revision,
        at_us: at.as_micros(),
    }
}

fn from_row(model: Model) -> Result<StoredRequest, StoreError> {
    let Model {
        organization,
        request_id,
        method,
        fingerprint,
        response,
        revision,
        at_us,
    } = model;
    let row = Row::new("request", &organization, &request_id);
    Ok(StoredRequest {
        request_id: row.checked("request_id", RequestId::new("request_id", &request_id))?,
        method,
        fingerprint,
        response,
        revision,
        at: Timestamp::from_micros(at_us),
    })
}
