//! The schema of a database: brought up to date, or checked.

use std::{collections::BTreeSet, sync::LazyLock};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use crate::error::StoreError;

/// Key of PostgreSQL's advisory lock for migrations; any number that nothing else uses.
const MIGRATION_LOCK: i64 = 0x4563_6865_6c6f_6e01;

/// The migrations of this binary.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(echelon_migrations::known);

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

/// Checks that the schema is this binary's, or a newer one that this binary may serve. Errors: [`StoreError::NewerSchema`], [`StoreError::OutdatedSchema`].
pub(crate) async fn check(transaction: DatabaseTransaction) -> Result<(), StoreError> {
    match compare(&transaction).await? {
        None => Ok(()),
        Some(migration) => Err(StoreError::OutdatedSchema { migration }),
    }
}

/// The first migration that is missing. Errors: [`StoreError::NewerSchema`].
async fn compare(transaction: &DatabaseTransaction) -> Result<Option<String>, StoreError> {
    let applied = echelon_migrations::applied(transaction).await?;
    if may_serve(transaction, &applied).await? {
        tracing::warn!(
            "the database is of a newer version, which lets this one serve beside it: upgrade this one soon"
        );
        return Ok(None);
    }
    Ok(KNOWN.difference(&applied).next().cloned())
}

/// Checks that this binary may serve the schema, which was this binary's at the start: others may have brought it further.
/// Errors: [`StoreError::NewerSchema`].
pub(crate) async fn check_served(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let applied = echelon_migrations::recorded(connection).await?;
    may_serve(connection, &applied).await?;
    Ok(())
}

/// Whether the schema is newer than this binary, which may serve it all the same. Errors: [`StoreError::NewerSchema`] if
/// it may not.
async fn may_serve(
    connection: &impl ConnectionTrait,
    applied: &BTreeSet<String>,
) -> Result<bool, StoreError> {
    let Some(migration) = applied.difference(&KNOWN).next() else {
        return Ok(false);
    };
    match echelon_migrations::needed(connection).await? {
        Some(needed) if KNOWN.contains(&needed) => Ok(true),
        _ => Err(StoreError::NewerSchema {
            migration: migration.clone(),
        }),
    }
}
