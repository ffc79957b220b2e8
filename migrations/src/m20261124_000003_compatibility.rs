//! What a binary must know to serve: it can be older than the schema, as while replicas are replaced one by one.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("schema_compatibility")
            .col(big_integer("id").primary_key())
            .col(text("needs"))
            .take();
        manager.create_table(table).await
    }
}
