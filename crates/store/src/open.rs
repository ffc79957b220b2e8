//! Opening a database: the address, the pools and what each connection is told first.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        self, ConnectOptions as _, Connection as _, Executor as _, Row as _,
        postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use crate::{error::StoreError, lock::Lock, wakeup::Wakeups};

/// How long a statement waits for a lock of another process on SQLite; only tools from outside hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that idled longer than this is tried before it is used.
pub(crate) const IDLE_BEFORE_PING: Duration = Duration::from_secs(30);
/// Prepared statements kept per connection: on SQLite those that write come in several sizes.
const STATEMENT_CACHE: usize = 256;
/// Pages of SQLite's write-ahead log before a commit folds it into the file: 16 MiB. What changes often is folded once.
const WAL_PAGES: &str = "4000";
/// What each connection to PostgreSQL is told first. A commit is durable; nobody waits without end for a head, and a
/// replica that hangs with a head locked loses it.
const POSTGRES_SESSION: &str = "SET synchronous_commit = on; \
     SET statement_timeout = '30s'; \
     SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '30s'";

/// What each transaction is told first behind a pooler, where what a session is told holds for nobody: the same, and
/// to forget the statements that others have prepared on its connection under the names that ours will have.
pub(crate) const POOLED_TRANSACTION: &str = "DEALLOCATE ALL; \
     SET LOCAL synchronous_commit = on; \
     SET LOCAL statement_timeout = '30s'; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL idle_in_transaction_session_timeout = '30s'";
/// What makes one snapshot of a transaction there.
pub(crate) const POOLED_SNAPSHOT: &str =
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// How long a call waits for a connection to PostgreSQL at most; then it is told to come again.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether two connections are one.
const PROBES: usize = 3;

/// Pages that SQLite keeps in memory for a bulk load, in KiB if negative.
const BULK_CACHE: &str = "-131072";
/// What a connection for a bulk load is told: nobody waits for it, and it may take its time. A lock that others hold
/// does not come free by waiting for long.
const BULK_POSTGRES_SESSION: &str = "SET synchronous_commit = on; \
     SET statement_timeout = 0; \
     SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = 0; \
     SET maintenance_work_mem = '128MB'";

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// `sqlite://<path>`, or `postgres://…` (also `postgresql://…`).
    pub url: String,
    /// Most connections at once, half of them for writes; on SQLite most readers, beside the one writer. At least 2 count.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// What stands between this process and PostgreSQL.
    pub pooling: Pooling,
}

impl Options {
    /// The SQLite file that the URL names; none if it names a PostgreSQL. Errors: [`StoreError::InvalidUrl`].
    pub fn file(&self) -> Result<Option<PathBuf>, StoreError> {
        Ok(match address(&self.url)? {
            Address::Sqlite(path) => Some(path),
            Address::Postgres(_) => None,
        })
    }

    /// The same, but with an SQLite file for the database.
    #[must_use]
    pub fn with_file(&self, file: &Path) -> Self {
        Self {
            url: format!("sqlite://{}", file.display()),
            ..self.clone()
        }
    }
}

/// How long a connection to PostgreSQL stays the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// For as long as it is open.
    #[default]
    Session,
    /// For one transaction: a pooler such as PgBouncer in transaction mode stands between.
    Transaction,
}

impl fmt::Debug for Options {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url: _,
            max_connections,
            connect_timeout,
            pooling,
        } = self;
        f.debug_struct("Options")
            .field("max_connections", max_connections)
            .field("connect_timeout", connect_timeout)
            .field("pooling", pooling)
            .finish_non_exhaustive()
    }
}

/// What a URL means.
enum Address {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// Whether a missing SQLite file is created.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Create,
    Refuse,
}

/// The pools of an open database.
pub(crate) struct Opened {
    /// For write transactions.
    pub(crate) writer: DatabaseConnection,
    /// For reads.
    pub(crate) readers: DatabaseConnection,
    /// The file, if it is SQLite.
    pub(crate) file: Option<PathBuf>,
    /// Held while an SQLite file is open.
    pub(crate) lock: Option<Lock>,
    /// Between replicas, if there can be several.
    pub(crate) wakeups: Option<Wakeups>,
}

/// One connection to a database that is filled in bulk.
pub(crate) struct Alone {
    /// A pool of one connection: whatever is asked of it is part of the transaction that was begun on it.
    pub(crate) connection: DatabaseConnection,
    /// Held while an SQLite file is open.
    pub(crate) lock: Option<Lock>,
}

/// Opens one connection alone; an SQLite file that is missing is created.
pub(crate) async fn alone(options: &Options) -> Result<Alone, StoreError> {
    match address(&options.url)? {
        Address::Sqlite(path) => {
            let lock = Lock::take(&path)?;
            let connect = sqlite_options(&path)
                .pragma("cache_size", BULK_CACHE)
                .create_if_missing(true);
            let pool = sqlite_pool(1, options).connect_with(connect).await;
            let pool = pool.map_err(|error| unopened(&path, error))?;
            Ok(Alone {
                connection: SqlxSqliteConnector::from_sqlx_sqlite_pool(pool),
                lock: Some(lock),
            })
        }
        Address::Postgres(address) => {
            if options.pooling == Pooling::Transaction {
                return Err(StoreError::InvalidUrl {
                    message: "a bulk load needs a session of its own: name PostgreSQL itself and not its pooler, with \
                              transaction_pooling = false"
                        .to_owned(),
                });
            }
            let address = postgres_options(*address, options.pooling);
            reach(&address, options).await?;
            Ok(Alone {
                connection: postgres_pool(address, 1, BULK_POSTGRES_SESSION, options),
                lock: None,
            })
        }
    }
}

pub(crate) async fn open(options: &Options, missing: Missing) -> Result<Opened, StoreError> {
    match address(&options.url)? {
        Address::Sqlite(path) => sqlite(&path, options, missing).await,
        Address::Postgres(address) => postgres(*address, options).await,
    }
}

fn address(url: &str) -> Result<Address, StoreError> {
    const USAGE: &str = "use sqlite://<path> or postgres://<user>@<host>/<database>";
    let invalid = |message: String| StoreError::InvalidUrl { message };
    if let Some(path) = url.strip_prefix("sqlite://") {
        if path.is_empty() || path.starts_with(":memory:") || path.contains('?') {
            return Err(invalid(
                "sqlite:// needs the path of a file, without options: use sqlite://<path>"
                    .to_owned(),
            ));
        }
        return Ok(Address::Sqlite(path.into()));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        // The cause may quote the URL, and with it a password.
        let address = PgConnectOptions::from_str(url)
            .map_err(|_| invalid(format!("the PostgreSQL URL is malformed: {USAGE}")))?;
        return Ok(Address::Postgres(Box::new(address)));
    }
    Err(invalid(format!("it has no known scheme: {USAGE}")))
}

async fn sqlite(path: &Path, options: &Options, missing: Missing) -> Result<Opened, StoreError> {
    if missing == Missing::Refuse && !path.is_file() {
        return Err(StoreError::InvalidUrl {
            message: format!(
                "there is no file `{}`: name an existing one",
                path.display()
            ),
        });
    }
    let lock = Lock::take(path)?;
    let connect = sqlite_options(path);
    let writer = sqlite_pool(1, options)
        .connect_with(
            connect
                .clone()
                .create_if_missing(missing == Missing::Create),
        )
        .await
        .map_err(|error| unopened(path, error))?;
    let readers = sqlite_pool(options.max_connections.max(1), options)
        .connect_with(connect.pragma("query_only", "ON"))
        .await?;
    Ok(Opened {
        writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        readers: SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
        file: Some(path.to_owned()),
        lock: Some(lock),
        wakeups: None,
    })
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENT_CACHE)
        .pragma("wal_autocheckpoint", WAL_PAGES)
        .disable_statement_logging()
}

fn sqlite_pool(connections: u32, options: &Options) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.connect_timeout)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                if !connection.is_in_transaction() {
                    return Ok(true);
                }
                // A rollback is under way: it is done when something after it is.
                connection.ping().await?;
                // SQLite ends a transaction by itself when the disk is full, and the driver never learns of it: it would
                // refuse to begin another one on this connection for ever.
                Ok(!connection.is_in_transaction())
            })
        })
}

fn unopened(path: &Path, error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Other { cause } => StoreError::InvalidUrl {
            message: format!(
                "cannot open `{}`: {cause}; check that it may be read and written",
                path.display()
            ),
        },
        error => error,
    }
}

async fn postgres(address: PgConnectOptions, options: &Options) -> Result<Opened, StoreError> {
    let address = postgres_options(address, options.pooling);
    reach(&address, options).await?;
    // Readers that wait for each other must not keep a write, or a due timer, waiting.
    let writers = (options.max_connections / 2).max(1);
    let readers = options.max_connections.saturating_sub(writers).max(1);
    let (session, listens) = match options.pooling {
        Pooling::Session => (POSTGRES_SESSION, Some(address.clone())),
        // It would hold for whoever is given the connection next.
        Pooling::Transaction => ("", None),
    };
    Ok(Opened {
        writer: postgres_pool(address.clone(), writers, session, options),
        readers: postgres_pool(address, readers, session, options),
        file: None,
        lock: None,
        wakeups: Some(Wakeups::new(listens)),
    })
}

fn postgres_options(address: PgConnectOptions, pooling: Pooling) -> PgConnectOptions {
    let kept = match pooling {
        Pooling::Session => STATEMENT_CACHE,
        Pooling::Transaction => 0,
    };
    address
        .application_name("echelond")
        .statement_cache_capacity(kept)
        .disable_statement_logging()
}

/// A pool retries until its patience ends and then only says so: a first connection tells the cause.
async fn reach(address: &PgConnectOptions, options: &Options) -> Result<(), StoreError> {
    let first = tokio::time::timeout(options.connect_timeout, PgConnection::connect_with(address));
    let target = format!("{}:{}", address.get_host(), address.get_port());
    match first.await {
        Ok(Ok(connection)) if options.pooling == Pooling::Session => {
            refuse_pooler(connection, address).await
        }
        Ok(Ok(connection)) => Ok(connection.close().await?),
        Ok(Err(error)) => Err(match StoreError::from(error) {
            StoreError::Unreachable { cause } => {
                StoreError::unreachable(format!("{target}: {cause}"))
            }
            error => error,
        }),
        Err(_) => Err(StoreError::unreachable(format!(
            "{target} did not answer within {:?}",
            options.connect_timeout
        ))),
    }
}

/// A pooler that gives each transaction another connection must be named as one, or statements would go astray: it is
/// found out by two connections that are served by one backend.
async fn refuse_pooler(
    mut first: PgConnection,
    address: &PgConnectOptions,
) -> Result<(), StoreError> {
    let mut second = PgConnection::connect_with(address).await?;
    let mut pooled = false;
    for _ in 0..PROBES {
        pooled |= backend(&mut first).await? == backend(&mut second).await?;
    }
    first.close().await?;
    second.close().await?;
    if pooled {
        return Err(StoreError::InvalidUrl {
            message: "it leads to a pooler in transaction mode: set transaction_pooling = true, or name PostgreSQL itself"
                .to_owned(),
        });
    }
    Ok(())
}

/// The backend that serves a connection now. As a simple statement: nothing is prepared.
async fn backend(connection: &mut PgConnection) -> Result<String, StoreError> {
    let row = connection
        .fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()::text"))
        .await?;
    Ok(row.try_get(0)?)
}

fn postgres_pool(
    address: PgConnectOptions,
    connections: u32,
    session: &'static str,
    options: &Options,
) -> DatabaseConnection {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.connect_timeout.min(ACQUIRE_PATIENCE))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for >= IDLE_BEFORE_PING {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if !session.is_empty() {
                    connection.execute(sqlx::raw_sql(session)).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(address);
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn e2_a_transaction_that_a_full_disk_has_ended_does_not_end_writing() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            url: format!("sqlite://{}", folder.path().join("full.db").display()),
            max_connections: 2,
            connect_timeout: Duration::from_secs(10),
            pooling: Pooling::Session,
        };
        let opened = open(&options, Missing::Create).await.unwrap();
        let pool = opened.writer.get_sqlite_connection_pool();
        let prepare = "CREATE TABLE room (taken BLOB); PRAGMA max_page_count = 20";
        sqlx::raw_sql(prepare).execute(pool).await.unwrap();

        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let fill = sqlx::raw_sql("INSERT INTO room VALUES (zeroblob(1000000))");
        let full = fill.execute(&mut *transaction).await.unwrap_err();
        assert!(matches!(StoreError::from(full), StoreError::NoRoom { .. }));
        drop(transaction);

        // The bound was the connection's: there is room on the one that takes its place.
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let fill = sqlx::raw_sql("INSERT INTO room VALUES (zeroblob(1000000))");
        fill.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
}
