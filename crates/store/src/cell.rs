//! The three kinds of values that the schema knows, and how they are handed to each driver.

use sea_orm::{
    ColumnType, DbErr, Value,
    sqlx::{Arguments as _, postgres::PgArguments, sqlite::SqliteArguments},
};

/// One value of a row, or of a condition.
pub(crate) enum Cell {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
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
}

/// The values of a statement for PostgreSQL, in order.
pub(crate) fn postgres(cells: impl IntoIterator<Item = Cell>) -> Result<PgArguments, DbErr> {
    let mut arguments = PgArguments::default();
    for cell in cells {
        match cell {
            Cell::Number(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(text),
            Cell::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(unfit)?;
    }
    Ok(arguments)
}

/// The values of a statement for SQLite, in order. What it names beyond them is null.
pub(crate) fn sqlite(cells: impl IntoIterator<Item = Cell>) -> Result<SqliteArguments, DbErr> {
    let mut arguments = SqliteArguments::default();
    for cell in cells {
        match cell {
            Cell::Number(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(text),
            Cell::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(unfit)?;
    }
    Ok(arguments)
}

/// The values of one column in many rows.
pub(crate) enum Column {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    /// Errors: [`DbErr::Type`] for a type that the schema does not use.
    pub(crate) fn new(of: &ColumnType, rows: usize) -> Result<Self, DbErr> {
        match of {
            ColumnType::BigInteger => Ok(Self::Numbers(Vec::with_capacity(rows))),
            ColumnType::String(_) | ColumnType::Text => Ok(Self::Texts(Vec::with_capacity(rows))),
            ColumnType::Blob | ColumnType::VarBinary(_) => {
                Ok(Self::Bytes(Vec::with_capacity(rows)))
            }
            other => Err(DbErr::Type(format!("no column is a {other:?}"))),
        }
    }

    /// Its type, as an array of PostgreSQL.
    pub(crate) const fn array(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "bigint[]",
            Self::Texts(_) => "text[]",
            Self::Bytes(_) => "bytea[]",
        }
    }

    /// Errors: [`DbErr::Type`] for a value of another type.
    pub(crate) fn push(&mut self, cell: Cell) -> Result<(), DbErr> {
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

/// An array for each column, for PostgreSQL.
pub(crate) fn arrays(columns: Vec<Column>) -> Result<PgArguments, DbErr> {
    let mut arguments = PgArguments::default();
    for column in columns {
        match column {
            Column::Numbers(numbers) => arguments.add(numbers),
            Column::Texts(texts) => arguments.add(texts),
            Column::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(unfit)?;
    }
    Ok(arguments)
}

/// One more argument: an array of texts.
pub(crate) fn add_array(
    arguments: &mut PgArguments,
    texts: Vec<Option<String>>,
) -> Result<(), DbErr> {
    arguments.add(texts).map_err(unfit)
}

fn unfit(error: Box<dyn std::error::Error + Send + Sync>) -> DbErr {
    DbErr::Type(error.to_string())
}
