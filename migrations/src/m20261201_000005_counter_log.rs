//! What a commit counts, in one place: the rows of the nodes that it counts for lie in as many as there are nodes.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // On SQLite the key is the table: one page is written in place of two.
        let (text, table) = match manager.get_database_backend() {
            DbBackend::Postgres => ("text COLLATE \"C\"", ""),
            _ => ("text", " WITHOUT ROWID"),
        };
        let sql = format!(
            "CREATE TABLE counter_log (organization {text} NOT NULL, revision bigint NOT NULL, \
             counters text NOT NULL, PRIMARY KEY (organization, revision)){table}"
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }
}
