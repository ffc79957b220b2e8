//! Indexes that are left out while a table is filled. The database itself says which there are, as migrations made them.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use crate::{error::StoreError, store::DatabaseKind};

/// Those of keys belong to their tables and stay.
const OF_SQLITE: &str = "SELECT name, sql FROM sqlite_master \
     WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('blocker', 'event', 'meeting')";
const OF_POSTGRES: &str = "SELECT indexname AS name, indexdef AS sql FROM pg_indexes \
     WHERE schemaname = current_schema() AND tablename IN ('blocker', 'event', 'meeting') \
     AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)";

/// The indexes that a transaction has taken away and must put back.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    /// The statements that make them.
    statements: Vec<String>,
}

impl Indexes {
    /// Drops the secondary indexes of the tables that have many rows.
    pub(super) async fn take(
        connection: &DatabaseConnection,
        kind: DatabaseKind,
    ) -> Result<Self, StoreError> {
        let sql = match kind {
            DatabaseKind::Sqlite => OF_SQLITE,
            DatabaseKind::Postgres => OF_POSTGRES,
        };
        let ask = Statement::from_string(connection.get_database_backend(), sql);
        let mut statements = Vec::new();
        for row in connection.query_all_raw(ask).await? {
            let name: String = row.try_get("", "name")?;
            statements.push(row.try_get("", "sql")?);
            let drop = format!("DROP INDEX \"{name}\"");
            connection.execute_unprepared(&drop).await?;
        }
        Ok(Self { statements })
    }

    /// Makes them again.
    pub(super) async fn put_back(&self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        for sql in &self.statements {
            connection.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
