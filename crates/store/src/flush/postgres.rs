//! PostgreSQL: one statement, an array for each column, and so one way to the server whatever is written.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use echelon_domain::Timestamp;
use sea_orm::sqlx::{AssertSqlSafe, Postgres, Row as _, postgres::PgArguments, query::Query};

use super::{Flush, HeadWrite};
use crate::{
    cell,
    error::StoreError,
    sql::{Part, Text},
};

/// Most rows of one part: what is sent at once is held in memory at both ends.
const ROWS_MAX: usize = 10_000;

/// In place of the head once it is moved.
const FOUND: HeadWrite = HeadWrite::Move {
    sql: "SELECT 1",
    values: Vec::new(),
};

/// Texts of statements, each made once: by the parts that it is made of.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    made: Mutex<HashMap<Key, Arc<str>>>,
}

/// What the text of a statement depends on: how the head is written, and the other parts in order, each by the address of
/// its text, which is never let go.
type Key = (Option<&'static str>, Vec<usize>);

/// A statement that writes everything, or nothing if the head has moved.
pub(crate) struct Statement {
    pub(crate) sql: Arc<str>,
    arguments: PgArguments,
}

impl Statement {
    /// The statements of a flush: one, or two where the order of what they write matters.
    pub(crate) fn of(texts: &Texts, flush: Flush) -> Result<Vec<Self>, StoreError> {
        let Flush {
            head,
            parts,
            later,
            base_revision: _,
            after: _,
        } = flush;
        let mut statements = vec![Self::with(texts, head, parts)?];
        if !later.is_empty() {
            statements.push(Self::with(texts, FOUND, later)?);
        }
        Ok(statements)
    }

    fn with(texts: &Texts, head: HeadWrite, parts: Vec<Part>) -> Result<Self, StoreError> {
        let parts = small(parts);
        let pieces: Vec<Arc<Text>> = parts.iter().map(|part| part.text.clone()).collect();
        let mut arguments = PgArguments::default();
        let sql = match head {
            HeadWrite::Move { sql, values } => {
                let before = values.len();
                cell::add(&mut arguments, values)?;
                let key = (Some(sql), addresses(&pieces));
                texts.get(key, || text(sql, before, &pieces))
            }
            HeadWrite::Create(head) => {
                let Part { text: piece, rows } = head;
                let key = (None, addresses(&pieces));
                let before = piece.columns.len();
                cell::add_arrays(&mut arguments, &piece.columns, rows)?;
                texts.get(key, || {
                    let mut insert = piece.insert.clone();
                    insert.push_str(&format!(" SELECT * FROM {} RETURNING 1", unnest(&piece, 0)));
                    text(&insert, before, &pieces)
                })
            }
        };
        for Part { text, rows } in parts {
            cell::add_arrays(&mut arguments, &text.columns, rows)?;
        }
        Ok(Self { sql, arguments })
    }

    /// As the driver takes it.
    pub(crate) fn query(self) -> Query<'static, Postgres, PgArguments> {
        sea_orm::sqlx::query_with(AssertSqlSafe(self.sql), self.arguments)
    }
}

/// What a statement answers: the database's clock; none if the head was not where it was expected.
pub(crate) fn answer(
    row: &sea_orm::sqlx::postgres::PgRow,
) -> Result<Option<Timestamp>, StoreError> {
    let heads: i64 = row.try_get("heads")?;
    let clock: i64 = row.try_get("clock_us")?;
    Ok((heads == 1).then(|| Timestamp::from_micros(clock)))
}

impl Texts {
    fn get(&self, key: Key, make: impl FnOnce() -> String) -> Arc<str> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key).or_insert_with(|| make().into()).clone()
    }
}

fn addresses(pieces: &[Arc<Text>]) -> Vec<usize> {
    pieces
        .iter()
        .map(|piece| Arc::as_ptr(piece) as usize)
        .collect()
}

/// Parts of so many rows at most.
fn small(parts: Vec<Part>) -> Vec<Part> {
    let mut small = Vec::with_capacity(parts.len());
    for Part { text, mut rows } in parts {
        while rows.len() > ROWS_MAX {
            let rest = rows.split_off(ROWS_MAX);
            let text = text.clone();
            small.push(Part { text, rows });
            rows = rest;
        }
        small.push(Part { text, rows });
    }
    small
}

/// Each part takes its rows times the rows of the head: none, if the head has moved.
fn text(head: &str, mut before: usize, pieces: &[Arc<Text>]) -> String {
    let mut sql = format!("WITH head AS ({head})");
    for (number, piece) in pieces.iter().enumerate() {
        let source = unnest(piece, before);
        before += piece.columns.len();
        // Writing to a string does not fail.
        let _ = write!(
            sql,
            ", part{number} AS ({} SELECT given.* FROM head, {source} AS given{})",
            piece.insert, piece.conflict
        );
    }
    sql.push_str(
        " SELECT (SELECT COUNT(*) FROM head) AS heads, \
         CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us",
    );
    sql
}

/// The rows of arrays, one for each column, whose parameters follow those `before`.
fn unnest(piece: &Text, before: usize) -> String {
    let arrays = piece.columns.iter().enumerate();
    let arrays = arrays.map(|(n, kind)| format!("${}::{}", before + n + 1, kind.array()));
    let arrays: Vec<String> = arrays.collect();
    format!("UNNEST({})", arrays.join(", "))
}
