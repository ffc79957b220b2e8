//! How rows of any table are written: the text is made once, whatever the rows.

use std::sync::{Arc, OnceLock};

use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, DbErr, EntityTrait, IdenStatic as _, IntoActiveModel,
    Iterable as _, PrimaryKeyToColumn as _,
};

use crate::{
    cell::{Cell, Kind},
    error::StoreError,
};

/// Most values of one list in a condition. A list is a parameter each: databases plan that best, and keep the plan.
pub(crate) const LIST_MAX: usize = 1_000;

/// What becomes of a column of a row whose key is there already; none leaves it as it is.
type Merge<C> = fn(&C) -> Option<String>;

/// A way to write rows of a table.
pub(crate) struct Write<E: EntityTrait> {
    merge: Option<Merge<E::Column>>,
    text: OnceLock<Arc<Text>>,
}

/// The text of a way to write, in pieces that each database puts together as it likes.
#[derive(Debug)]
pub(crate) struct Text {
    /// `INSERT INTO <table> (<columns>)`.
    pub(crate) insert: String,
    /// What becomes of a row whose key is there already; empty if that is an error.
    pub(crate) conflict: String,
    /// What each column holds.
    pub(crate) columns: Vec<Kind>,
    /// The whole statement for one row, on SQLite.
    pub(crate) of_row: OnceLock<String>,
}

/// Rows that are written in one way.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) text: Arc<Text>,
    pub(crate) rows: Vec<Vec<Cell>>,
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
            text: OnceLock::new(),
        }
    }

    /// Rows to be written, in order. Errors: [`StoreError::Other`] for a value of a type that the schema does not use.
    pub(crate) fn part(&self, rows: Vec<E::Model>) -> Result<Part, StoreError> {
        let text = match self.text.get() {
            Some(text) => text.clone(),
            None => {
                let made = Arc::new(self.make_text()?);
                self.text.get_or_init(|| made).clone()
            }
        };
        let rows = rows.into_iter().map(|row| cells::<E>(row).collect());
        Ok(Part {
            text,
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    fn make_text(&self) -> Result<Text, DbErr> {
        let table = E::default();
        let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
        let insert = format!(
            "INSERT INTO {} ({})",
            table.table_name(),
            columns.join(", ")
        );
        let conflict = self.merge.map(|merge| {
            let key = E::PrimaryKey::iter().map(|key| key.into_column().as_str());
            let key: Vec<&str> = key.collect();
            let set: Vec<String> = E::Column::iter()
                .filter(|column| !key.contains(&column.as_str()))
                .filter_map(|column| {
                    merge(&column).map(|value| format!("{} = {value}", column.as_str()))
                })
                .collect();
            let (key, set) = (key.join(", "), set.join(", "));
            format!(" ON CONFLICT ({key}) DO UPDATE SET {set}")
        });
        let columns = E::Column::iter().map(|column| Kind::of(column.def().get_column_type()));
        Ok(Text {
            insert,
            conflict: conflict.unwrap_or_default(),
            columns: columns.collect::<Result<_, _>>()?,
            of_row: OnceLock::new(),
        })
    }
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
