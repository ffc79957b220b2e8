//! The schema of a database: brought up to date, or checked.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};

use crate::error::StoreError;

/// Key of PostgreSQL's advisory lock for migrations; any number that nothing else uses.
const MIGRATION_LOCK: i64 = 0x4563_6865_6c6f_6e01;

/// Applies the missing migrations, all or nothing, one process at a time. Errors: [`StoreError::NewerSchema`].
pub(crate) async fn migrate(transaction: DatabaseTransaction) -> Result<(), StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Another replica may take its time, and so may a migration.
        for sql in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL lock_timeout = 0",
            &format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"),
        ] {
            transaction.execute_unprepared(sql).await?;
        }
    }
    let missing = compare(&transaction).await?;
    if missing.is_some() {
        echelon_migrations::apply(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Checks that the schema is this binary's. Errors: [`StoreError::NewerSchema`], [`StoreError::OutdatedSchema`].
pub(crate) async fn check(transaction: DatabaseTransaction) -> Result<(), StoreError> {
    match compare(&transaction).await? {
        None => Ok(()),
        Some(migration) => Err(StoreError::OutdatedSchema { migration }),
    }
}

/// The first migration that is missing. Errors: [`StoreError::NewerSchema`].
async fn compare(transaction: &DatabaseTransaction) -> Result<Option<String>, StoreError> {
    let known = echelon_migrations::known();
    let applied = echelon_migrations::applied(transaction).await?;
    if let Some(migration) = applied.difference(&known).next() {
        return Err(StoreError::NewerSchema {
            migration: migration.clone(),
        });
    }
    Ok(known.difference(&applied).next().cloned())
}
