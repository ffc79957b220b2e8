//! The database schema of Echelon: one file per change, append-only, the same set for SQLite and PostgreSQL.
//!
//! A change expands first and contracts in a later release, so that an old and a new binary can serve together.

use std::collections::BTreeSet;

use sea_orm_migration::{
    MigrationTrait, MigratorTrait, SchemaManager,
    sea_orm::{
        ConnectionTrait, DatabaseTransaction, DbErr,
        sea_query::{Expr, ExprTrait as _, Query},
    },
};

mod m20261123_000001_first_release;
mod m20261124_000002_fewer_pages;
mod m20261124_000003_compatibility;
mod m20261124_000004_compaction;
mod m20261201_000005_counter_log;
mod m20261201_000006_closed_by_origin;

/// Where the applied migrations are recorded.
const RECORD: &str = "seaql_migrations";
/// Where it is recorded what a binary must know.
const COMPATIBILITY: &str = "schema_compatibility";
/// The newest migration that a binary must know to serve beside this one. What only adds leaves it as it is. What takes
/// away, or makes this binary write what older ones cannot read (a field, a value or a kind of events), moves it on.
const NEEDS: &str = "m20261201_000005_counter_log";
/// What a binary must know to serve a database in which a log is compacted: others would take the rest for a damaged log.
pub const COMPACTION: &str = "m20261124_000004_compaction";

/// The migrations, oldest first.
struct Migrator;

#[sea_orm_migration::async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_first_release::Migration),
            Box::new(m20261124_000002_fewer_pages::Migration),
            Box::new(m20261124_000003_compatibility::Migration),
            Box::new(m20261124_000004_compaction::Migration),
            Box::new(m20261201_000005_counter_log::Migration),
            Box::new(m20261201_000006_closed_by_origin::Migration),
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
    recorded(transaction).await
}

/// The newest migration that a binary must know to serve; none if the database does not say. Errors: as the database's.
pub async fn needed(transaction: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let needs = Query::select().column("needs").from(COMPATIBILITY).take();
    let row = transaction.query_one(&needs).await?;
    row.map(|row| row.try_get("", "needs")).transpose()
}

/// The names of the migrations that a database has whose schema is up to date. Errors: as the database's.
pub async fn recorded(connection: &impl ConnectionTrait) -> Result<BTreeSet<String>, DbErr> {
    let versions = Query::select().column("version").from(RECORD).take();
    let rows = connection.query_all(&versions).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Applies what is missing, and records what a binary must know from now on, all or nothing. The caller sees to it that nobody
/// else migrates at the same time. Errors: as the database's.
pub async fn apply(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await?;
    let needs = needed(transaction).await?;
    // What is in the database may need more than its schema does.
    let needs = needs.filter(|needs| needs.as_str() > NEEDS);
    let needs = needs.unwrap_or_else(|| NEEDS.to_owned());
    let forget = Query::delete().from_table(COMPATIBILITY).take();
    transaction.execute(&forget).await?;
    let record = Query::insert()
        .into_table(COMPATIBILITY)
        .columns(["id", "needs"])
        .values_panic([1.into(), needs.into()])
        .take();
    transaction.execute(&record).await?;
    Ok(())
}

/// Makes a migration one that a binary must know to serve, from now on. Errors: as the database's.
pub async fn demand(transaction: &DatabaseTransaction, migration: &str) -> Result<(), DbErr> {
    let demand = Query::update()
        .table(COMPATIBILITY)
        .value("needs", migration)
        .and_where(Expr::col("needs").lt(migration))
        .take();
    transaction.execute(&demand).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_binary_must_know_is_a_migration_of_ours() {
        for needed in [NEEDS, COMPACTION] {
            assert!(known().contains(needed), "{needed}");
        }
    }
}
