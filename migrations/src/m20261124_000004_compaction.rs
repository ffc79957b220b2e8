//! Logs that do not begin at the beginning: the state that the rest of one follows, and what is kept of the events before it.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (text, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("text COLLATE \"C\"", "bytea"),
            _ => ("text", "blob"),
        };
        for sql in [
            format!(
                "CREATE TABLE log_base (organization {text} NOT NULL, revision bigint NOT NULL, \
                 PRIMARY KEY (organization))"
            ),
            format!(
                "CREATE TABLE log_base_rows (organization {text} NOT NULL, position bigint NOT NULL, \
                 kind {text} NOT NULL, content text NOT NULL, PRIMARY KEY (organization, position))"
            ),
            format!(
                "CREATE TABLE blocker_history (organization {text} NOT NULL, blocker bigint NOT NULL, \
                 revision bigint NOT NULL, position bigint NOT NULL, at_us bigint NOT NULL, kind {text} NOT NULL, \
                 payload {bytes} NOT NULL, PRIMARY KEY (organization, blocker, revision, position))"
            ),
        ] {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
