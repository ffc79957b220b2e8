//! One place less to write for each blocker that is raised: open ones are listed from memory, by origin too, so that the index
//! needs to have the closed ones only.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in [
            "DROP INDEX blocker_origin",
            "CREATE INDEX blocker_origin ON blocker (organization, origin, number) WHERE open = 0",
        ] {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
