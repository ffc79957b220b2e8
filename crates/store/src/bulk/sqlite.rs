//! SQLite: statements that insert a fixed number of rows, each prepared once.

use std::{fmt::Write as _, sync::Arc};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, EntityTrait, IdenStatic as _, Iterable as _,
    sqlx::{self, Arguments as _, AssertSqlSafe, Encode, Sqlite, Type, sqlite::SqliteArguments},
};

use super::rows::Sink;
use crate::error::StoreError;

/// Parameters of one statement: enough that the way to the connection's thread costs little per row.
const PARAMETERS: usize = 8_192;

/// Keeps the changes of a transaction out of the write-ahead log: pages that are appended to the file are then written
/// once and not twice. The rollback journal, which holds only what is overwritten, is as safe. Somebody who reads the
/// file at this moment prevents it; then it is only slower.
pub(super) async fn leave_write_ahead_log(connection: &DatabaseConnection) {
    if let Err(error) = connection
        .execute_unprepared("PRAGMA journal_mode = DELETE")
        .await
    {
        tracing::debug!(%error, "the write-ahead log stays in use");
    }
}

/// As a server has it.
pub(super) async fn enter_write_ahead_log(
    connection: &DatabaseConnection,
) -> Result<(), StoreError> {
    connection
        .execute_unprepared("PRAGMA journal_mode = WAL")
        .await?;
    Ok(())
}

/// Rows of one table.
#[derive(Debug)]
pub(super) struct InsertRows {
    table: &'static str,
    columns: Vec<&'static str>,
    per_statement: usize,
    /// Full statements' worth of values, and a last one that may have fewer.
    statements: Vec<SqliteArguments>,
    /// Rows in the last.
    rows: usize,
    /// The text that each column had last: many columns say the same in row after row, and share it.
    texts: Vec<Arc<str>>,
    /// The column that comes next.
    column: usize,
}

impl InsertRows {
    pub(super) fn of<E: EntityTrait>() -> Self {
        let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
        Self {
            table: E::default().table_name(),
            per_statement: PARAMETERS / columns.len(),
            texts: vec![Arc::from(""); columns.len()],
            columns,
            statements: Vec::new(),
            rows: 0,
            column: 0,
        }
    }

    fn sql(&self, rows: usize) -> String {
        let mut row = "(?".to_owned();
        row.push_str(&",?".repeat(self.columns.len() - 1));
        row.push(')');
        let mut sql = format!("INSERT INTO {} (", self.table);
        for (index, column) in self.columns.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(sql, "{separator}\"{column}\"");
        }
        sql.push_str(") VALUES ");
        sql.push_str(&row);
        for _ in 1..rows {
            sql.push(',');
            sql.push_str(&row);
        }
        sql
    }

    fn add<'t>(&mut self, value: impl Encode<'t, Sqlite> + Type<Sqlite>) -> Result<(), StoreError> {
        self.column += 1;
        let statement = self.statements.last_mut();
        let statement = statement.expect("a row was begun before its columns");
        statement.add(value).map_err(|error| StoreError::Other {
            cause: format!("cannot encode a column: {error}"),
        })
    }

    pub(super) async fn write(mut self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        let Some(last) = self.statements.pop() else {
            return Ok(());
        };
        let pool = connection.get_sqlite_connection_pool();
        let mut sqlite = pool.acquire().await?;
        let full: Arc<str> = self.sql(self.per_statement).into();
        for arguments in self.statements.drain(..) {
            sqlx::query_with(AssertSqlSafe(full.clone()), arguments)
                .execute(&mut *sqlite)
                .await?;
        }
        sqlx::query_with(AssertSqlSafe(self.sql(self.rows)), last)
            .persistent(self.rows == self.per_statement)
            .execute(&mut *sqlite)
            .await?;
        Ok(())
    }
}

fn beyond() -> StoreError {
    StoreError::Other {
        cause: "a row has more columns than its table".to_owned(),
    }
}

impl Sink for InsertRows {
    fn row(&mut self) {
        if self.statements.is_empty() || self.rows == self.per_statement {
            let mut statement = SqliteArguments::default();
            statement.reserve(self.per_statement * self.columns.len(), 0);
            self.statements.push(statement);
            self.rows = 0;
        }
        self.rows += 1;
        self.column = 0;
    }

    fn number(&mut self, number: i64) -> Result<(), StoreError> {
        self.add(number)
    }

    fn text(&mut self, text: String) -> Result<(), StoreError> {
        let last = self.texts.get_mut(self.column).ok_or_else(beyond)?;
        if **last != *text {
            *last = Arc::from(text);
        }
        let text = last.clone();
        self.add(text)
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.add(bytes)
    }

    fn null(&mut self) -> Result<(), StoreError> {
        self.add(None::<i64>)
    }
}
