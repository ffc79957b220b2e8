//! Fewer places to write for each blocker. What a node counts by level moves into its row of counters. Two indexes go, one that
//! has the order of another, and one that only served lists which memory gives. On SQLite answers are purged in the order in
//! which they came, and need no index for it.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// An object of levels and counts, as text.
const LEVELS_OF_SQLITE: &str = "UPDATE node_counter SET levels = (\
     SELECT json_group_object(level, open) FROM node_level_counter AS counted \
     WHERE counted.organization = node_counter.organization AND counted.node = node_counter.node AND open <> 0)";
const LEVELS_OF_POSTGRES: &str = "UPDATE node_counter SET levels = COALESCE((\
     SELECT CAST(jsonb_object_agg(level, open) AS text) FROM node_level_counter AS counted \
     WHERE counted.organization = node_counter.organization AND counted.node = node_counter.node AND open <> 0), '{}')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = manager.get_database_backend();
        let (column, levels) = match backend {
            DbBackend::Postgres => ("text COLLATE \"C\"", LEVELS_OF_POSTGRES),
            _ => ("text", LEVELS_OF_SQLITE),
        };
        for sql in [
            &format!("ALTER TABLE node_counter ADD COLUMN levels {column} NOT NULL DEFAULT '{{}}'"),
            levels,
            "DROP TABLE node_level_counter",
            "DROP INDEX blocker_raised",
            "DROP INDEX blocker_holder",
        ] {
            connection.execute_unprepared(sql).await?;
        }
        if backend == DbBackend::Sqlite {
            connection
                .execute_unprepared("DROP INDEX request_at")
                .await?;
        }
        Ok(())
    }
}
