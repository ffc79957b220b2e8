//! SQLite: each row a step of a statement that stays prepared, all in one go on one thread.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params_from_iter};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Mutex, OwnedMutexGuard},
};

use super::{Flush, HeadWrite};
use crate::{
    error::StoreError,
    organization::Head,
    sql::{Part, Text},
    statements::Statements,
};

/// Statements that stay prepared: one for each way to write.
const STATEMENT_CACHE: usize = 32;

/// Most rows that are written on the caller's own thread, whose other tasks go to another one: what is written soon is
/// done before a thread has been woken for it. A long write would keep the caller from gathering the next batch.
const ROWS_IN_PLACE: usize = 24;

/// What the connection is told first: as the others, and that it keeps 16 MiB of the file: the pages of a whole batch fit
/// into it. The log is folded into the file after as much.
const SESSION: &str = "PRAGMA busy_timeout = 5000; \
     PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; \
     PRAGMA wal_autocheckpoint = 4000; \
     PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -16000";

/// The only writer of a file, besides what is done before it serves. It is opened by the first who writes.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    path: Arc<Path>,
    connection: Arc<Mutex<Option<Connection>>>,
    statements: Arc<Statements>,
}

/// The turn to write: nobody else does meanwhile.
pub(crate) type Turn = OwnedMutexGuard<Option<Connection>>;

impl Writer {
    /// A writer of a file.
    pub(crate) fn new(path: PathBuf, statements: Arc<Statements>) -> Self {
        Self {
            path: path.into(),
            connection: Arc::default(),
            statements,
        }
    }

    /// Waits for the turn to write.
    pub(crate) async fn turn(&self) -> Turn {
        self.connection.clone().lock_owned().await
    }

    /// Writes all of it, durably, or nothing. Errors: [`StoreError::Stale`].
    pub(crate) async fn write(&self, mut turn: Turn, flush: Flush) -> Result<Head, StoreError> {
        if flush.rows() <= ROWS_IN_PLACE && may_block_in_place() {
            return tokio::task::block_in_place(|| self.write_now(&mut turn, flush));
        }
        let writer = self.clone();
        on_another_thread(move || writer.write_now(&mut turn, flush)).await
    }

    /// Writes rows that belong to no commit, durably, or none of them.
    pub(crate) async fn write_rows(&self, mut turn: Turn, part: Part) -> Result<(), StoreError> {
        let writer = self.clone();
        on_another_thread(move || {
            let connection = writer.connection(&mut turn)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            writer.rows(&transaction, part)?;
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Closes the connection, if there is one, and waits for what is written.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self.turn().await.take() {
            Some(connection) => Ok(connection.close().map_err(|(_, error)| error)?),
            None => Ok(()),
        }
    }

    fn write_now(&self, turn: &mut Turn, flush: Flush) -> Result<Head, StoreError> {
        self.commit(self.connection(turn)?, flush)
    }

    fn connection<'a>(&self, turn: &'a mut Turn) -> Result<&'a mut Connection, StoreError> {
        Ok(match &mut **turn {
            Some(connection) => connection,
            closed => closed.insert(self.open()?),
        })
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.execute_batch(SESSION)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        Ok(connection)
    }

    fn commit(&self, connection: &mut Connection, flush: Flush) -> Result<Head, StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stale = flush.stale();
        let Flush {
            head,
            parts,
            later,
            base_revision: _,
            after,
        } = flush;
        match head {
            HeadWrite::Create(part) => self.rows(&transaction, part)?,
            HeadWrite::Move { sql, values } => {
                let started = Instant::now();
                let mut statement = transaction.prepare_cached(sql)?;
                let is_moved = statement.exists(params_from_iter(values))?;
                self.statements.note(sql, started.elapsed());
                if !is_moved {
                    return Err(stale);
                }
            }
        }
        for part in parts.into_iter().chain(later) {
            self.rows(&transaction, part)?;
        }
        transaction.commit()?;
        Ok(after)
    }

    fn rows(&self, connection: &Connection, part: Part) -> Result<(), StoreError> {
        let Part { text, rows } = part;
        let started = Instant::now();
        let sql = text.sqlite();
        let mut statement = connection.prepare_cached(sql)?;
        for row in rows {
            statement.execute(params_from_iter(row))?;
        }
        self.statements.note(sql, started.elapsed());
        Ok(())
    }
}

async fn on_another_thread<T: Send + 'static>(
    write: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let span = tracing::Span::current();
    let working = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        write()
    });
    working.await.map_err(|error| StoreError::Other {
        cause: format!("a write was cut off: {error}"),
    })?
}

fn may_block_in_place() -> bool {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread)
}

impl Text {
    /// The statement that writes one row.
    fn sqlite(&self) -> &str {
        self.of_row.get_or_init(|| {
            let values = vec!["?"; self.columns.len()].join(", ");
            format!("{} VALUES ({values}){}", self.insert, self.conflict)
        })
    }
}
