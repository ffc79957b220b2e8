//! The three kinds of values that the schema knows, and how they are handed to each driver.

use rusqlite::types::{ToSql, ToSqlOutput, Value as SqliteValue, ValueRef};
use sea_orm::{
    ColumnType, DbErr, Value,
    sqlx::{Arguments as _, postgres::PgArguments},
};

/// One value of a row, or of a condition.
#[derive(Debug)]
pub(crate) enum Cell {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
    Bytes,
}

impl Kind {
    /// Errors: [`DbErr::Type`] for a type that the schema does not use.
    pub(crate) fn of(column: &ColumnType) -> Result<Self, DbErr> {
        match column {
            ColumnType::BigInteger => Ok(Self::Number),
            ColumnType::String(_) | ColumnType::Text => Ok(Self::Text),
            ColumnType::Blob | ColumnType::VarBinary(_) => Ok(Self::Bytes),
            other => Err(DbErr::Type(format!("no column is a {other:?}"))),
        }
    }

    /// Its type on PostgreSQL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
        }
    }

    /// An array of it, on PostgreSQL.
    pub(crate) const fn array(self) -> &'static str {
        match self {
            Self::Number => "bigint[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
        }
    }
}

impl Cell {
    /// Errors: [`DbErr::Type`] for a kind of value that no column has.
    pub(crate) fn new(value: Value) -> Result<Self, DbErr> {
        match value {
            Value::BigInt(number) => Ok(Self::Number(number)),
            Value::Int(number) => Ok(Self::Number(number.map(i64::from))),
            // Limits; `sql::limit` keeps them small enough.
            Value::BigUnsigned(number) => number
                .map(i64::try_from)
                .transpose()
                .map(Self::Number)
                .map_err(|error| DbErr::Type(error.to_string())),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            other => Err(DbErr::Type(format!("no column holds {other:?}"))),
        }
    }

    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    /// A number.
    pub(crate) const fn number(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Number(Some(number)) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Number(None) | Self::Text(None) | Self::Bytes(None) => {
                ToSqlOutput::Owned(SqliteValue::Null)
            }
        })
    }
}

/// Adds values to the arguments of a statement of PostgreSQL.
pub(crate) fn add(
    arguments: &mut PgArguments,
    cells: impl IntoIterator<Item = Cell>,
) -> Result<(), DbErr> {
    for cell in cells {
        match cell {
            Cell::Number(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(text),
            Cell::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(unfit)?;
    }
    Ok(())
}

/// Adds an array for each column of rows to the arguments of a statement of PostgreSQL.
pub(crate) fn add_arrays(
    arguments: &mut PgArguments,
    columns: &[Kind],
    rows: Vec<Vec<Cell>>,
) -> Result<(), DbErr> {
    let count = rows.len();
    let mut arrays: Vec<Array> = columns
        .iter()
        .map(|kind| Array::new(*kind, count))
        .collect();
    for row in rows {
        for (cell, array) in row.into_iter().zip(&mut arrays) {
            array.push(cell)?;
        }
    }
    for array in arrays {
        match array {
            Array::Numbers(numbers) => arguments.add(numbers),
            Array::Texts(texts) => arguments.add(texts),
            Array::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(unfit)?;
    }
    Ok(())
}

/// The values of one column in many rows.
enum Array {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Array {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Number => Self::Numbers(Vec::with_capacity(rows)),
            Kind::Text => Self::Texts(Vec::with_capacity(rows)),
            Kind::Bytes => Self::Bytes(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, cell: Cell) -> Result<(), DbErr> {
        match (self, cell) {
            (Self::Numbers(numbers), Cell::Number(number)) => numbers.push(number),
            (Self::Texts(texts), Cell::Text(text)) => texts.push(text),
            (Self::Bytes(all), Cell::Bytes(bytes)) => all.push(bytes),
            _ => {
                return Err(DbErr::Type(
                    "a value is not of its column's type".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

fn unfit(error: Box<dyn std::error::Error + Send + Sync>) -> DbErr {
    DbErr::Type(error.to_string())
}
