//! A write transaction on the driver itself: rows go to it as it wants them, and not by way of a query builder.

use std::{sync::Arc, time::Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
    entity::prelude::async_trait,
    sqlx::{
        self, AssertSqlSafe, Executor as _, PgPool, Postgres, SqlSafeStr as _, SqlStr, Sqlite,
        SqlitePool, postgres::PgArguments, sqlite::SqliteArguments,
    },
};
use tokio::sync::Mutex;

use crate::{cell, cell::Cell, error::StoreError, statements::Statements};

/// A transaction that writes. It rolls back when dropped.
#[derive(Debug)]
pub(crate) struct Transaction {
    backend: DbBackend,
    connection: Mutex<Connection>,
    statements: Arc<Statements>,
}

#[derive(Debug)]
enum Connection {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// The only connection of a pool, on which somebody else has begun a transaction and ends it.
    SqliteAlone(SqlitePool),
    PostgresAlone(PgPool),
}

/// Whether a statement stays prepared once it is executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Prepared,
    Nothing,
}

/// The values of a statement, as its driver takes them.
pub(crate) enum Arguments {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

impl Transaction {
    pub(crate) async fn postgres(
        pool: &PgPool,
        statements: Arc<Statements>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            backend: DbBackend::Postgres,
            connection: Mutex::new(Connection::Postgres(pool.begin().await?)),
            statements,
        })
    }

    /// Immediately, because a transaction that reads before it writes cannot wait for another writer.
    pub(crate) async fn sqlite(
        pool: &SqlitePool,
        statements: Arc<Statements>,
    ) -> Result<Self, StoreError> {
        let begun = pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Self {
            backend: DbBackend::Sqlite,
            connection: Mutex::new(Connection::Sqlite(begun)),
            statements,
        })
    }

    /// The transaction that has begun on the only connection of a pool. Whoever began it ends it.
    pub(crate) fn alone(connection: &DatabaseConnection) -> Self {
        let backend = connection.get_database_backend();
        let connection = match backend {
            DbBackend::Postgres => {
                Connection::PostgresAlone(connection.get_postgres_connection_pool().clone())
            }
            _ => Connection::SqliteAlone(connection.get_sqlite_connection_pool().clone()),
        };
        Self {
            backend,
            connection: Mutex::new(connection),
            statements: Arc::default(),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.connection.into_inner() {
            Connection::Sqlite(transaction) => transaction.commit().await?,
            Connection::Postgres(transaction) => transaction.commit().await?,
            Connection::SqliteAlone(_) | Connection::PostgresAlone(_) => {}
        }
        Ok(())
    }

    /// Executes a statement, and tells how many rows it wrote.
    pub(crate) async fn write(
        &self,
        sql: Arc<str>,
        arguments: Arguments,
        keep: Keep,
    ) -> Result<u64, StoreError> {
        let done = self.run(AssertSqlSafe(sql).into_sql_str(), arguments, keep);
        Ok(done.await?.rows_affected())
    }

    async fn run(
        &self,
        sql: SqlStr,
        arguments: Arguments,
        keep: Keep,
    ) -> Result<ExecResult, DbErr> {
        let kept = keep == Keep::Prepared;
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let told = sql.clone();
        let done = match (&mut *connection, arguments) {
            (Connection::Sqlite(transaction), Arguments::Sqlite(arguments)) => {
                let query = sqlx::query_with(sql, arguments).persistent(kept);
                query.execute(&mut **transaction).await.map(Into::into)
            }
            (Connection::Postgres(transaction), Arguments::Postgres(arguments)) => {
                let query = sqlx::query_with(sql, arguments).persistent(kept);
                query.execute(&mut **transaction).await.map(Into::into)
            }
            (Connection::SqliteAlone(pool), Arguments::Sqlite(arguments)) => {
                let query = sqlx::query_with(sql, arguments);
                query.execute(&*pool).await.map(Into::into)
            }
            (Connection::PostgresAlone(pool), Arguments::Postgres(arguments)) => {
                let query = sqlx::query_with(sql, arguments);
                query.execute(&*pool).await.map(Into::into)
            }
            _ => return Err(mismatch()),
        };
        self.statements.note(told.as_str(), started.elapsed());
        done.map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }

    /// Rows as the driver gives them.
    pub(crate) async fn read(
        &self,
        sql: SqlStr,
        arguments: Arguments,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let told = sql.clone();
        let rows = match (&mut *connection, arguments) {
            (Connection::Sqlite(transaction), Arguments::Sqlite(arguments)) => {
                let query = sqlx::query_with(sql, arguments);
                let rows = query.fetch_all(&mut **transaction).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
            (Connection::Postgres(transaction), Arguments::Postgres(arguments)) => {
                let query = sqlx::query_with(sql, arguments);
                let rows = query.fetch_all(&mut **transaction).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
            (Connection::SqliteAlone(pool), Arguments::Sqlite(arguments)) => {
                let rows = sqlx::query_with(sql, arguments).fetch_all(&*pool).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
            (Connection::PostgresAlone(pool), Arguments::Postgres(arguments)) => {
                let rows = sqlx::query_with(sql, arguments).fetch_all(&*pool).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
            _ => return Err(mismatch()),
        };
        self.statements.note(told.as_str(), started.elapsed());
        rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
    }

    /// A statement of the query builder.
    fn built(&self, statement: Statement) -> Result<(SqlStr, Arguments), DbErr> {
        let values = statement.values.map(|values| values.0).unwrap_or_default();
        let cells = values.into_iter().map(Cell::new);
        let cells: Vec<Cell> = cells.collect::<Result<_, _>>()?;
        let arguments = match self.backend {
            DbBackend::Postgres => Arguments::Postgres(cell::postgres(cells)?),
            _ => Arguments::Sqlite(cell::sqlite(cells)?),
        };
        Ok((AssertSqlSafe(statement.sql).into_sql_str(), arguments))
    }
}

/// So that what reads through a pool reads within the transaction too.
#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let (sql, arguments) = self.built(statement)?;
        self.run(sql, arguments, Keep::Prepared).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match &mut *connection {
            Connection::Sqlite(transaction) => transaction.execute(query).await.map(Into::into),
            Connection::Postgres(transaction) => transaction.execute(query).await.map(Into::into),
            Connection::SqliteAlone(pool) => (&*pool).execute(query).await.map(Into::into),
            Connection::PostgresAlone(pool) => (&*pool).execute(query).await.map(Into::into),
        };
        self.statements.note(sql, started.elapsed());
        done.map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let (sql, arguments) = self.built(statement)?;
        self.read(sql, arguments).await
    }
}

fn mismatch() -> DbErr {
    DbErr::Custom("arguments of one database were made for another".to_owned())
}
