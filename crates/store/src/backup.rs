//! A copy of an SQLite file as it is at one moment, while a server goes on writing to it.
//!
//! The pages are copied within one read transaction. In the write-ahead log a reader holds up no writer, and what is written
//! meanwhile does not make the copy begin anew. The log cannot be folded into the file beyond the moment of the copy: it grows
//! by what is written until the copy is done.

use std::{path::Path, time::Duration};

use echelon_domain::OrganizationId;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use crate::{error::StoreError, lock::Lock, row::Row};

/// Pages copied at once: 4 MiB.
const PAGES: i32 = 1024;
/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The newest migration of its schema.
    pub schema: String,
    /// Its organizations by id, with the revisions of their newest events.
    pub organizations: Vec<(OrganizationId, i64)>,
}

/// Copies an SQLite file, which a server may serve, to a file that is empty or not there. The copy is a file of its own,
/// without a log beside it; it is not synced. `progress` is told the bytes that are copied and those of the whole. It blocks.
/// Errors: [`StoreError::InvalidUrl`] if the file holds no Echelon database, [`StoreError::Locked`] while an import writes to
/// it, [`StoreError::NoRoom`].
pub fn copy(
    file: &Path,
    to: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Contents, StoreError> {
    let (from, _lock) = open(file)?;
    let contents = contents(&from, file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    // If it fails the file is thrown away.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    copy_pages(&from, &mut copy, progress)?;
    copy.close().map_err(|(_, error)| error)?;
    leave_write_ahead_log(to)?;
    from.execute_batch("COMMIT")?;
    from.close().map_err(|(_, error)| error)?;
    Ok(contents)
}

/// Opens the file and begins a snapshot of it. Where it has no write-ahead log a reader would hold up a writer: then nobody may
/// use it meanwhile.
fn open(file: &Path) -> Result<(Connection, Option<Lock>), StoreError> {
    if !file.is_file() {
        return Err(StoreError::InvalidUrl {
            message: format!(
                "there is no file `{}`: name an existing one",
                file.display()
            ),
        });
    }
    let connection = begin(file)?;
    if journal_mode(&connection)? == "wal" {
        return Ok((connection, None));
    }
    drop(connection);
    let lock = Lock::take(file)?;
    Ok((begin(file)?, Some(lock)))
}

fn begin(file: &Path) -> Result<Connection, StoreError> {
    // It falls back to reading only, where no more is allowed. What an import that was killed has begun is rolled back.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    // The snapshot is that of the first read.
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn journal_mode(connection: &Connection) -> Result<String, StoreError> {
    Ok(connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?)
}

fn contents(connection: &Connection, file: &Path) -> Result<Contents, StoreError> {
    const TABLES: &str = "SELECT COUNT(*) FROM sqlite_schema \
         WHERE type = 'table' AND name IN ('seaql_migrations', 'organization_head')";
    let tables: i64 = connection.query_row(TABLES, [], |row| row.get(0))?;
    if tables != 2 {
        return Err(StoreError::InvalidUrl {
            message: format!(
                "`{}` holds no database of Echelon: name another one",
                file.display()
            ),
        });
    }
    let newest = "SELECT COALESCE(MAX(version), '') FROM seaql_migrations";
    let schema = connection.query_row(newest, [], |row| row.get(0))?;
    let heads = "SELECT organization, revision FROM organization_head ORDER BY organization";
    let mut heads = connection.prepare(heads)?;
    let heads = heads.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let organizations = heads
        .map(|head| {
            let (organization, revision): (String, i64) = head?;
            let row = Row::new("organization_head", &organization, "");
            Ok((row.organization(&organization)?, revision))
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Contents {
        schema,
        organizations,
    })
}

fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    let page: u32 = from.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let page = u64::from(page);
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(PAGES)?;
        let told = backup.progress();
        let total = u64::try_from(told.pagecount).unwrap_or(0);
        let left = u64::try_from(told.remaining).unwrap_or(0);
        progress(total.saturating_sub(left) * page, total * page);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            other => {
                return Err(StoreError::Busy {
                    cause: format!("the file cannot be copied: {other:?}"),
                });
            }
        }
    }
}

/// A copied page says that a log is beside it; there is none, and there will be none until the copy is served.
fn leave_write_ahead_log(file: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Other {
            cause: format!("the copy keeps its journal mode {mode}"),
        });
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than is copied at once, several times.
    const ROWS: i64 = 4_000;

    fn served(file: &Path) -> Connection {
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; \
                 CREATE TABLE seaql_migrations (version text); INSERT INTO seaql_migrations VALUES ('first'); \
                 CREATE TABLE organization_head (organization text, revision bigint); \
                 INSERT INTO organization_head VALUES ('acme', 0); \
                 CREATE TABLE event (content blob)",
            )
            .unwrap();
        write(&connection, ROWS);
        connection
    }

    /// Writes rows, and moves the head on with each.
    fn write(connection: &Connection, rows: i64) {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..rows {
            connection
                .execute_batch(
                    "INSERT INTO event VALUES (randomblob(4000)); \
                     UPDATE organization_head SET revision = revision + 1",
                )
                .unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    }

    fn number(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn e2_writes_between_the_steps_are_neither_held_up_nor_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (file, to) = (folder.path().join("served"), folder.path().join("copy"));
        let writer = served(&file);
        let mut steps = 0;
        let contents = copy(&file, &to, |_, _| {
            steps += 1;
            assert!(steps < 100, "it begins anew with each write");
            write(&writer, 10);
        })
        .unwrap();
        assert!(steps > 2, "it was copied at once");
        let [(organization, revision)] = contents.organizations.as_slice() else {
            panic!("{contents:?}");
        };
        assert_eq!((organization.as_str(), *revision), ("acme", ROWS));
        assert_eq!(contents.schema, "first");
        let copied = Connection::open(&to).unwrap();
        let revision = "SELECT revision FROM organization_head";
        assert_eq!(number(&copied, revision), ROWS);
        assert_eq!(number(&copied, "SELECT COUNT(*) FROM event"), ROWS);
        let sound: String = copied
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        assert_eq!(number(&writer, revision), ROWS + 10 * steps);
        // The log can be folded into the file again.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        assert_eq!(number(&writer, checkpoint), 0);
    }

    #[test]
    fn a_file_without_a_write_ahead_log_is_copied_only_while_nobody_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, to) = (folder.path().join("served"), folder.path().join("copy"));
        let writer = served(&file);
        writer
            .query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
            .unwrap();
        let lock = Lock::take(&file).unwrap();
        let refused = copy(&file, &to, |_, _| {}).unwrap_err();
        assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
        drop(lock);
        copy(&file, &to, |_, _| {}).unwrap();
    }
}
