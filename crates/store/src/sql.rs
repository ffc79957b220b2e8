//! What the statements of every table share.
//!
//! A row costs little and a statement much, and a statement that is new to the database costs most: it is parsed and
//! planned. So the text of a write does not depend on its number of rows, or hardly. PostgreSQL takes an array for each
//! column. SQLite has no arrays: there a few sizes are kept, and the rows that a statement has room for and that
//! are not there are nulls, which it leaves out.

use std::sync::{Arc, OnceLock};

use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr, EntityTrait,
    FromQueryResult as _, IdenStatic as _, IntoActiveModel, Iterable, PrimaryKeyToColumn as _,
    sqlx::{AssertSqlSafe, SqlSafeStr as _},
};

use crate::{
    cell::{self, Cell, Column},
    error::StoreError,
    transaction::{Arguments, Keep, Transaction},
};

/// Most parameters of one statement of SQLite.
const PARAMETERS_MAX: usize = 32_000;
/// Most rows of one statement on PostgreSQL: what is sent at once is held in memory at both ends.
const ROWS_MAX: usize = 10_000;
/// Rows that a statement of SQLite has room for, each about a third more than the one before.
const SIZES: [usize; 19] = [
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768,
];
/// Most parameters of a statement of SQLite that stays prepared: it takes a hundred bytes for each, and keeps the last
/// values.
const KEPT_PARAMETERS_MAX: usize = 8_192;

/// Most values of one list in a condition. A list is a parameter each: databases plan that best, and keep the plan.
pub(crate) const LIST_MAX: usize = 1_000;

/// What becomes of a column of a row whose key is there already; none leaves it as it is.
type Merge<C> = fn(&C) -> Option<String>;

/// A statement that writes any number of rows of a table, made once.
pub(crate) struct Write<E: EntityTrait> {
    merge: Option<Merge<E::Column>>,
    postgres: OnceLock<Arc<str>>,
    sqlite: [OnceLock<Arc<str>>; SIZES.len()],
}

impl<E> Write<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// Of rows that are new: one whose key is there already is an error.
    pub(crate) const fn insert() -> Self {
        Self::new(None)
    }

    /// Of rows that may be there: all their columns are written.
    pub(crate) const fn replace() -> Self {
        Self::new(Some(excluded::<E>))
    }

    /// Of rows that may be there: then `merge` gives what becomes of a column, in terms of the table's row and of
    /// the one that is written, `excluded`.
    pub(crate) const fn merge(merge: Merge<E::Column>) -> Self {
        Self::new(Some(merge))
    }

    const fn new(merge: Option<Merge<E::Column>>) -> Self {
        Self {
            merge,
            postgres: OnceLock::new(),
            sqlite: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// Writes rows, in order, in as few statements as the limits allow. Nothing if there are none.
    pub(crate) async fn rows(
        &self,
        transaction: &Transaction,
        rows: Vec<E::Model>,
    ) -> Result<(), StoreError> {
        let postgres = transaction.get_database_backend() == DbBackend::Postgres;
        let most = if postgres { ROWS_MAX } else { Self::most() };
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let count = rows.len().min(most);
            let some = rows.by_ref().take(count);
            let (sql, arguments) = if postgres {
                self.for_postgres(count, some)?
            } else {
                self.for_sqlite(count, some)?
            };
            let keep = if postgres || count * E::Column::iter().count() <= KEPT_PARAMETERS_MAX {
                Keep::Prepared
            } else {
                Keep::Nothing
            };
            transaction.write(sql, arguments, keep).await?;
        }
        Ok(())
    }

    fn for_postgres(
        &self,
        count: usize,
        rows: impl Iterator<Item = E::Model>,
    ) -> Result<(Arc<str>, Arguments), DbErr> {
        let mut columns = E::Column::iter()
            .map(|column| Column::new(column.def().get_column_type(), count))
            .collect::<Result<Vec<_>, _>>()?;
        let sql = self.postgres.get_or_init(|| self.postgres_sql(&columns));
        for row in rows {
            for (cell, column) in cells::<E>(row).zip(&mut columns) {
                column.push(cell?)?;
            }
        }
        Ok((sql.clone(), Arguments::Postgres(cell::arrays(columns)?)))
    }

    fn for_sqlite(
        &self,
        count: usize,
        rows: impl Iterator<Item = E::Model>,
    ) -> Result<(Arc<str>, Arguments), DbErr> {
        let size = SIZES.partition_point(|size| *size < count);
        let sql = self.sqlite[size].get_or_init(|| self.sqlite_sql(SIZES[size]));
        let cells = rows.flat_map(cells::<E>);
        let cells: Vec<Cell> = cells.collect::<Result<_, _>>()?;
        Ok((sql.clone(), Arguments::Sqlite(cell::sqlite(cells)?)))
    }

    /// The most rows of a statement of SQLite.
    fn most() -> usize {
        let room = PARAMETERS_MAX / E::Column::iter().count();
        SIZES[SIZES.partition_point(|size| *size <= room).max(1) - 1]
    }

    fn postgres_sql(&self, columns: &[Column]) -> Arc<str> {
        let arrays = columns.iter().enumerate();
        let arrays = arrays.map(|(n, column)| format!("${}::{}", n + 1, column.array()));
        let arrays: Vec<String> = arrays.collect();
        self.sql("INSERT", &format!("UNNEST({})", arrays.join(", ")), "")
    }

    fn sqlite_sql(&self, size: usize) -> Arc<str> {
        let row = vec!["?"; E::Column::iter().count()].join(", ");
        let rows = vec![format!("({row})"); size].join(", ");
        // The first column of every table is the organization, which is never null but where there is no row.
        // What fails is rolled back with all of its transaction: nothing need be kept to undo the statement alone.
        self.sql(
            "INSERT OR FAIL",
            &format!("(VALUES {rows})"),
            " WHERE column1 IS NOT NULL",
        )
    }

    fn sql(&self, verb: &str, source: &str, condition: &str) -> Arc<str> {
        let table = E::default();
        let table = table.table_name();
        let columns = names::<E>().join(", ");
        let mut sql = format!("{verb} INTO {table} ({columns}) SELECT * FROM {source}{condition}");
        if let Some(merge) = self.merge {
            let key = E::PrimaryKey::iter().map(|key| key.into_column().as_str());
            let key: Vec<&str> = key.collect();
            let set: Vec<String> = E::Column::iter()
                .filter(|column| !key.contains(&column.as_str()))
                .filter_map(|column| {
                    merge(&column).map(|value| format!("{} = {value}", column.as_str()))
                })
                .collect();
            let (key, set) = (key.join(", "), set.join(", "));
            sql.push_str(&format!(" ON CONFLICT ({key}) DO UPDATE SET {set}"));
        }
        sql.into()
    }
}

/// A question for the rows of an organization with one of many values in a column, made once.
pub(crate) struct Find<E: EntityTrait> {
    column: E::Column,
    postgres: OnceLock<Arc<str>>,
    sqlite: [OnceLock<Arc<str>>; SIZES.len()],
}

impl<E: EntityTrait> Find<E> {
    /// By a column of texts.
    pub(crate) const fn by(column: E::Column) -> Self {
        Self {
            column,
            postgres: OnceLock::new(),
            sqlite: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// The rows with one of these values.
    pub(crate) async fn rows(
        &self,
        transaction: &Transaction,
        organization: &str,
        values: &[&str],
    ) -> Result<Vec<E::Model>, StoreError> {
        let mut found = Vec::new();
        for values in values.chunks(SIZES[SIZES.len() - 1]) {
            let organization = Cell::Text(Some(organization.to_owned()));
            let texts = values.iter().map(|value| Some((*value).to_owned()));
            let (sql, arguments) = match transaction.get_database_backend() {
                DbBackend::Postgres => {
                    let mut arguments = cell::postgres([organization])?;
                    cell::add_array(&mut arguments, texts.collect())?;
                    let sql = self.postgres.get_or_init(|| self.postgres_sql());
                    (sql, Arguments::Postgres(arguments))
                }
                _ => {
                    let size = SIZES.partition_point(|size| *size < values.len());
                    let sql = self.sqlite[size].get_or_init(|| self.sqlite_sql(SIZES[size]));
                    let cells = [organization].into_iter().chain(texts.map(Cell::Text));
                    (sql, Arguments::Sqlite(cell::sqlite(cells)?))
                }
            };
            let sql = AssertSqlSafe(sql.clone()).into_sql_str();
            for row in transaction.read(sql, arguments).await? {
                found.push(E::Model::from_query_result(&row, "")?);
            }
        }
        Ok(found)
    }

    /// A join, since a list as long as the one that is asked for makes the planner read the whole table.
    fn postgres_sql(&self) -> Arc<str> {
        let table = E::default();
        let (table, column) = (table.table_name(), self.column.as_str());
        format!(
            "SELECT found.* FROM UNNEST($2::text[]) AS asked(value) \
             JOIN {table} AS found ON found.organization = $1 AND found.{column} = asked.value"
        )
        .into()
    }

    /// What there is no value for is null, which no row has.
    fn sqlite_sql(&self, size: usize) -> Arc<str> {
        let table = E::default();
        let (table, column) = (table.table_name(), self.column.as_str());
        let columns = names::<E>().join(", ");
        let list = vec!["?"; size].join(", ");
        format!("SELECT {columns} FROM {table} WHERE organization = ? AND {column} IN ({list})")
            .into()
    }
}

fn names<E: EntityTrait>() -> Vec<&'static str> {
    E::Column::iter().map(|column| column.as_str()).collect()
}

/// The values of a row, in the order of the columns.
fn cells<E>(row: E::Model) -> impl Iterator<Item = Result<Cell, DbErr>>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let mut row = row.into_active_model();
    E::Column::iter().map(move |column| {
        let value = row.take(column).into_value();
        Cell::new(value.ok_or_else(|| DbErr::Type("a row lacks a column".to_owned()))?)
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the functions that say what becomes of a column"
)]
fn excluded<E: EntityTrait>(column: &E::Column) -> Option<String> {
    Some(format!("excluded.{}", column.as_str()))
}

/// A limit as both databases take it.
pub(crate) fn limit(rows: u64) -> u64 {
    rows.min(i64::MAX.unsigned_abs())
}
