//! Many rows, read at once.
//!
//! SQLite's driver copies each value of each row, and hands each row over to another thread: that costs several times
//! what the rows do. There the database packs the rows of a statement into one text, as JSON.

use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, IdenStatic as _, Iterable as _, QueryTrait as _,
    Select, Statement,
};
use serde::de::DeserializeOwned;

use crate::{error::StoreError, row::Row};

/// The rows of a question, in no order. They are all in memory: a table that may be large is read by pages.
pub(crate) async fn all<E>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    E::Model: DeserializeOwned,
{
    let backend = connection.get_database_backend();
    if backend != DbBackend::Sqlite {
        return Ok(select.all(connection).await?);
    }
    let Statement { sql, values, .. } = select.build(backend);
    let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
    let packed = Statement {
        sql: format!(
            "SELECT json_group_array(json_array({})) AS packed FROM ({sql})",
            columns.join(", ")
        ),
        values,
        db_backend: backend,
    };
    let Some(row) = connection.query_one_raw(packed).await? else {
        return Ok(Vec::new());
    };
    let rows: String = row.try_get("", "packed")?;
    let table = E::default();
    Row::new(table.table_name(), "*", "*").json("*", &rows)
}
