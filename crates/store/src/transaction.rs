//! A write transaction of PostgreSQL, on the driver itself: what is flushed goes to it as it wants it, and not by way of
//! a query builder.

use std::{sync::Arc, time::Instant};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    entity::prelude::async_trait,
    sqlx::{
        self, AssertSqlSafe, Executor as _, PgPool, Postgres,
        postgres::{PgArguments, PgRow},
        query::Query,
    },
};
use tokio::sync::Mutex;

use crate::{cell, cell::Cell, error::StoreError, flush, statements::Statements};

/// A transaction that writes. It rolls back when dropped.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Mutex<sqlx::Transaction<'static, Postgres>>,
    statements: Arc<Statements>,
}

impl Transaction {
    pub(crate) async fn begin(
        pool: &PgPool,
        statements: Arc<Statements>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Mutex::new(pool.begin().await?),
            statements,
        })
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.connection.into_inner().commit().await?)
    }

    /// Executes what a flush is made of, and gives its answer.
    pub(crate) async fn write(
        &self,
        statement: flush::postgres::Statement,
    ) -> Result<PgRow, StoreError> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let sql = statement.sql.clone();
        let row = statement.query().fetch_one(&mut **connection).await;
        self.statements.note(&sql, started.elapsed());
        Ok(row?)
    }
}

/// So that what reads through a pool reads within the transaction too.
#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let sql = statement.sql.clone();
        let done = built(statement)?.execute(&mut **connection).await;
        self.statements.note(&sql, started.elapsed());
        done.map(Into::into)
            .map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = connection.execute(query).await;
        self.statements.note(sql, started.elapsed());
        done.map(Into::into)
            .map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut connection = self.connection.lock().await;
        let started = Instant::now();
        let sql = statement.sql.clone();
        let rows = built(statement)?.fetch_all(&mut **connection).await;
        self.statements.note(&sql, started.elapsed());
        rows.map(|rows| rows.into_iter().map(Into::into).collect())
            .map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
    }
}

/// A statement of the query builder, as the driver takes it.
fn built(statement: Statement) -> Result<Query<'static, Postgres, PgArguments>, DbErr> {
    let values = statement.values.map(|values| values.0).unwrap_or_default();
    let cells = values.into_iter().map(Cell::new);
    let mut arguments = PgArguments::default();
    cell::add(&mut arguments, cells.collect::<Result<Vec<_>, _>>()?)?;
    Ok(sqlx::query_with(AssertSqlSafe(statement.sql), arguments))
}
