//! The database schema of Echelon: one file per change, append-only, the same set for SQLite and PostgreSQL.
//!
//! A change expands first and contracts in a later release, so that an old and a new binary can serve together.

use std::collections::BTreeSet;

use sea_orm_migration::{
    MigrationTrait, MigratorTrait, SchemaManager,
    sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, sea_query::Query},
};

mod m20261123_000001_first_release;
mod m20261124_000002_fewer_pages;

/// Where the applied migrations are recorded.
const RECORD: &str = "seaql_migrations";

/// The migrations, oldest first.
struct Migrator;

#[sea_orm_migration::async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_first_release::Migration),
            Box::new(m20261124_000002_fewer_pages::Migration),
        ]
    }
}

/// The names of the migrations that this binary knows.
#[must_use]
pub fn known() -> BTreeSet<String> {
    Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect()
}

/// The names of the migrations that a database has; changes nothing. Errors: as the database's.
pub async fn applied(transaction: &DatabaseTransaction) -> Result<BTreeSet<String>, DbErr> {
    if !SchemaManager::new(transaction).has_table(RECORD).await? {
        return Ok(BTreeSet::new());
    }
    let versions = Query::select().column("version").from(RECORD).take();
    let rows = transaction.query_all(&versions).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Applies what is missing, all or nothing. The caller sees to it that nobody else migrates at the same time.
/// Errors: as the database's.
pub async fn apply(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await
}
