//! PostgreSQL: one statement, and so one way to the server whatever is written. Few rows are spelled out, which the server
//! reads fastest; of many, each column is an array, so that the text is the same however many they are.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use echelon_domain::Timestamp;
use sea_orm::sqlx::{AssertSqlSafe, Postgres, Row as _, postgres::PgArguments, query::Query};

use super::{Flush, HeadWrite};
use crate::{
    cell::{self, Cell, Kind},
    error::StoreError,
    sql::{Part, Text},
};

/// Most rows of one part: what is sent at once is held in memory at both ends.
const ROWS_MAX: usize = 10_000;
/// Most rows of a statement that spells them out: what one call writes, and not many. Each number of rows is a text of its own, and
/// a connection does not keep any number of them prepared.
const SPELLED_MAX: usize = 12;

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

/// What the text of a statement depends on: how the head is written, and the other parts in order.
type Key = (Option<&'static str>, Vec<Shape>);

/// What the text of a part depends on: its own, by its address, which is never let go, and how many of its rows are spelled
/// out; none if they are arrays.
type Shape = (usize, Option<usize>);

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

    /// The statement that writes rows which belong to no commit.
    pub(crate) fn of_rows(texts: &Texts, part: Part) -> Result<Self, StoreError> {
        Self::with(texts, FOUND, vec![part])
    }

    fn with(texts: &Texts, head: HeadWrite, parts: Vec<Part>) -> Result<Self, StoreError> {
        let parts = small(parts);
        let is_spelled = parts.iter().map(|part| part.rows.len()).sum::<usize>() <= SPELLED_MAX;
        let pieces: Vec<Piece> = parts
            .iter()
            .map(|part| Piece::of(part, is_spelled))
            .collect();
        let shapes = pieces.iter().map(Piece::shape).collect();
        let mut arguments = PgArguments::default();
        let sql = match head {
            HeadWrite::Move { sql, values } => {
                let before = values.len();
                cell::add(&mut arguments, values)?;
                texts.get((Some(sql), shapes), || text(sql, before, &pieces))
            }
            HeadWrite::Create(head) => {
                let piece = Piece::of(&head, true);
                piece.add(&mut arguments, head.rows)?;
                texts.get((None, shapes), || {
                    let insert = format!(
                        "{} SELECT * FROM {} RETURNING 1",
                        piece.text.insert,
                        piece.source(0)
                    );
                    text(&insert, piece.parameters(), &pieces)
                })
            }
        };
        for (piece, part) in pieces.iter().zip(parts) {
            piece.add(&mut arguments, part.rows)?;
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
fn text(head: &str, mut before: usize, pieces: &[Piece]) -> String {
    let mut sql = format!("WITH head AS ({head})");
    for (number, piece) in pieces.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(
            sql,
            ", part{number} AS ({} SELECT given.* FROM head, {}{})",
            piece.text.insert,
            piece.source(before),
            piece.text.conflict
        );
        before += piece.parameters();
    }
    sql.push_str(
        " SELECT (SELECT COUNT(*) FROM head) AS heads, \
         CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us",
    );
    sql
}

/// A part's text, and how it takes its rows.
struct Piece {
    text: Arc<Text>,
    /// How many rows are spelled out; none if each column is an array.
    spelled: Option<usize>,
}

impl Piece {
    fn of(part: &Part, is_spelled: bool) -> Self {
        Self {
            text: part.text.clone(),
            spelled: is_spelled.then_some(part.rows.len()),
        }
    }

    fn shape(&self) -> Shape {
        (Arc::as_ptr(&self.text) as usize, self.spelled)
    }

    /// How many parameters it has.
    fn parameters(&self) -> usize {
        self.text.columns.len() * self.spelled.unwrap_or(1)
    }

    /// The rows as a table, `given`, whose parameters follow those `before`.
    fn source(&self, before: usize) -> String {
        let columns = &self.text.columns;
        let list = |before: usize, name: fn(Kind) -> &'static str| {
            let list = columns.iter().zip(before + 1..);
            let list = list.map(|(kind, number)| format!("${number}::{}", name(*kind)));
            list.collect::<Vec<_>>().join(", ")
        };
        let Some(rows) = self.spelled else {
            return format!("UNNEST({}) AS given", list(before, Kind::array));
        };
        let rows = (0..rows).map(|row| list(before + row * columns.len(), Kind::name));
        let rows: Vec<String> = rows.map(|row| format!("({row})")).collect();
        format!("(VALUES {}) AS given", rows.join(", "))
    }

    fn add(&self, arguments: &mut PgArguments, rows: Vec<Vec<Cell>>) -> Result<(), StoreError> {
        match self.spelled {
            Some(_) => cell::add(arguments, rows.into_iter().flatten())?,
            None => cell::add_arrays(arguments, &self.text.columns, rows)?,
        }
        Ok(())
    }
}
