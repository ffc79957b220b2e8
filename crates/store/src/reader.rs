//! What reads of one call go to: any connection that is free, or, behind a pooler that gives each transaction another
//! connection, a transaction of their own.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement, entity::prelude::async_trait,
};

/// A way to read. A transaction ends when it is dropped.
pub(crate) enum Reader<'a> {
    /// Each statement for itself.
    Any(&'a DatabaseConnection),
    /// A statement is prepared and executed in two steps, which only a transaction keeps on one connection.
    Within(Box<DatabaseTransaction>),
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader<'_> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Any(connection) => connection.get_database_backend(),
            Self::Within(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Any(connection) => connection.execute_raw(statement).await,
            Self::Within(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Any(connection) => connection.execute_unprepared(sql).await,
            Self::Within(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Any(connection) => connection.query_one_raw(statement).await,
            Self::Within(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Any(connection) => connection.query_all_raw(statement).await,
            Self::Within(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}
