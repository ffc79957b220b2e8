//! What the statements of every table share.

use sea_orm::{
    ConnectionTrait, EntityTrait, IdenStatic as _, IntoActiveModel, Iterable,
    PrimaryKeyToColumn as _, sea_query::OnConflict,
};

use crate::error::StoreError;

/// Most parameters of one statement: SQLite takes 32,766, PostgreSQL 65,535.
const PARAMETERS_MAX: usize = 32_000;

/// Most values of one list in a condition. A list is a parameter each: databases plan that best, and keep the plan.
pub(crate) const LIST_MAX: usize = 1_000;

/// Inserts rows in as few statements as the limits allow. Nothing if there are none.
pub(crate) async fn insert<E>(
    connection: &impl ConnectionTrait,
    rows: Vec<E::Model>,
    on_conflict: Option<OnConflict>,
) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let per_statement = PARAMETERS_MAX / E::Column::iter().count();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(per_statement);
        let mut statement = E::insert_many(some.map(IntoActiveModel::into_active_model));
        if let Some(on_conflict) = &on_conflict {
            statement = statement.on_conflict(on_conflict.clone());
        }
        statement.exec_without_returning(connection).await?;
    }
    Ok(())
}

/// Replaces the row with the same key.
pub(crate) fn replace<E: EntityTrait>() -> OnConflict {
    let key: Vec<&str> = E::PrimaryKey::iter()
        .map(|key| key.into_column().as_str())
        .collect();
    let others = E::Column::iter().filter(|column| !key.contains(&column.as_str()));
    OnConflict::columns(E::PrimaryKey::iter())
        .update_columns(others)
        .to_owned()
}

/// A limit as both databases take it.
pub(crate) fn limit(rows: u64) -> u64 {
    rows.min(i64::MAX.unsigned_abs())
}
