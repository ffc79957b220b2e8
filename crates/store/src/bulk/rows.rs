//! Rows on their way into the tables that have many, in the form that the database takes.

use std::sync::Arc;

use echelon_domain::{OrganizationId, blocker::Blocker, meeting::Meeting};
use sea_orm::{
    ActiveModelTrait, ActiveValue, DatabaseConnection, EntityTrait, IntoActiveModel, Iterable as _,
    Value,
};

use super::{postgres::CopyRows, sqlite::InsertRows};
use crate::{
    blocker,
    entity::{blocker as blocker_table, event as event_table, meeting as meeting_table},
    error::StoreError,
    event::{self, EventRow},
    meeting,
    store::DatabaseKind,
};

/// Rows of one organization that are written together.
#[derive(Debug)]
pub struct BulkRows {
    id: OrganizationId,
    rows: Rows,
    /// About how much memory they take.
    bytes: usize,
}

#[derive(Debug)]
enum Rows {
    Sqlite(Tables<InsertRows>),
    Postgres(Tables<CopyRows>),
}

#[derive(Debug)]
struct Tables<T> {
    events: T,
    blockers: T,
    meetings: T,
}

/// Takes the columns of rows, one after the other.
pub(super) trait Sink {
    /// Begins the next row.
    fn row(&mut self);
    /// The next column of the row.
    fn number(&mut self, number: i64) -> Result<(), StoreError>;
    /// The next column of the row.
    fn text(&mut self, text: String) -> Result<(), StoreError>;
    /// The next column of the row.
    fn bytes(&mut self, bytes: Vec<u8>) -> Result<(), StoreError>;
    /// The next column of the row.
    fn null(&mut self) -> Result<(), StoreError>;
}

impl BulkRows {
    pub(super) fn new(kind: DatabaseKind, id: &OrganizationId) -> Self {
        let rows = match kind {
            DatabaseKind::Sqlite => Rows::Sqlite(Tables {
                events: InsertRows::of::<event_table::Entity>(),
                blockers: InsertRows::of::<blocker_table::Entity>(),
                meetings: InsertRows::of::<meeting_table::Entity>(),
            }),
            DatabaseKind::Postgres => Rows::Postgres(Tables {
                events: CopyRows::of::<event_table::Entity>(),
                blockers: CopyRows::of::<blocker_table::Entity>(),
                meetings: CopyRows::of::<meeting_table::Entity>(),
            }),
        };
        Self {
            id: id.clone(),
            rows,
            bytes: 0,
        }
    }

    /// An empty batch for what comes after.
    #[must_use]
    pub fn following(&self) -> Self {
        let kind = match self.rows {
            Rows::Sqlite(_) => DatabaseKind::Sqlite,
            Rows::Postgres(_) => DatabaseKind::Postgres,
        };
        Self::new(kind, &self.id)
    }

    /// About how much memory they take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event. Errors: it cannot be encoded.
    pub fn add_event(&mut self, event: EventRow) -> Result<(), StoreError> {
        let row = event::to_row(&self.id, event);
        self.bytes += match &mut self.rows {
            Rows::Sqlite(tables) => put::<event_table::Entity>(row, &mut tables.events)?,
            Rows::Postgres(tables) => put::<event_table::Entity>(row, &mut tables.events)?,
        };
        Ok(())
    }

    /// Adds a blocker. Errors: it cannot be encoded.
    pub fn add_blocker(&mut self, blocker: &Blocker) -> Result<(), StoreError> {
        let row = blocker::to_row(&self.id, blocker)?;
        self.bytes += match &mut self.rows {
            Rows::Sqlite(tables) => put::<blocker_table::Entity>(row, &mut tables.blockers)?,
            Rows::Postgres(tables) => put::<blocker_table::Entity>(row, &mut tables.blockers)?,
        };
        Ok(())
    }

    /// Adds a meeting. Errors: it cannot be encoded.
    pub fn add_meeting(&mut self, meeting: &Arc<Meeting>) -> Result<(), StoreError> {
        let row = meeting::to_row(&self.id, meeting)?;
        self.bytes += match &mut self.rows {
            Rows::Sqlite(tables) => put::<meeting_table::Entity>(row, &mut tables.meetings)?,
            Rows::Postgres(tables) => put::<meeting_table::Entity>(row, &mut tables.meetings)?,
        };
        Ok(())
    }

    pub(super) async fn write(self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        match self.rows {
            Rows::Sqlite(Tables {
                events,
                blockers,
                meetings,
            }) => {
                for rows in [events, blockers, meetings] {
                    rows.write(connection).await?;
                }
            }
            Rows::Postgres(Tables {
                events,
                blockers,
                meetings,
            }) => {
                for rows in [events, blockers, meetings] {
                    rows.write(connection).await?;
                }
            }
        }
        Ok(())
    }
}

/// Puts every column of a row into a sink, and tells about how many bytes that were.
fn put<E>(row: E::Model, sink: &mut impl Sink) -> Result<usize, StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let mut row = row.into_active_model();
    let mut size = 0;
    sink.row();
    for column in E::Column::iter() {
        size += size_of::<Value>();
        match row.take(column) {
            ActiveValue::Set(Value::BigInt(Some(number)))
            | ActiveValue::Unchanged(Value::BigInt(Some(number))) => sink.number(number)?,
            ActiveValue::Set(Value::String(Some(text)))
            | ActiveValue::Unchanged(Value::String(Some(text))) => {
                size += text.len();
                sink.text(text)?;
            }
            ActiveValue::Set(Value::Bytes(Some(bytes)))
            | ActiveValue::Unchanged(Value::Bytes(Some(bytes))) => {
                size += bytes.len();
                sink.bytes(bytes)?;
            }
            ActiveValue::Set(Value::BigInt(None) | Value::String(None) | Value::Bytes(None))
            | ActiveValue::Unchanged(
                Value::BigInt(None) | Value::String(None) | Value::Bytes(None),
            ) => sink.null()?,
            other => {
                return Err(StoreError::Other {
                    cause: format!("a column is neither number, text nor bytes: {other:?}"),
                });
            }
        }
    }
    Ok(size)
}
