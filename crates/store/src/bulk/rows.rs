//! Rows on their way into the tables that have many, in the form that the database takes.

use std::sync::Arc;

use echelon_domain::{
    NodeId, OrganizationId,
    blocker::Blocker,
    counters::Counters,
    meeting::Meeting,
    node::Node,
    policy::{CompiledVersion, Policy},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue, DatabaseConnection, EntityTrait, IntoActiveModel, Iterable as _,
    Value,
};

use super::{postgres::CopyRows, sqlite::InsertRows};
use crate::{
    blocker, counter, entity,
    error::StoreError,
    event::{self, EventRow},
    meeting, node, policy,
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
    Sqlite(Box<Tables<InsertRows>>),
    Postgres(Box<Tables<CopyRows>>),
}

#[derive(Debug)]
struct Tables<T> {
    events: T,
    blockers: T,
    meetings: T,
    heads: T,
    nodes: T,
    policies: T,
    versions: T,
    counters: T,
}

/// Puts a row into the table that is its, whatever the database.
macro_rules! put {
    ($self:ident, $table:ident, $entity:ty, $row:expr) => {{
        let row = $row;
        $self.bytes += match &mut $self.rows {
            Rows::Sqlite(tables) => put::<$entity>(row, &mut tables.$table)?,
            Rows::Postgres(tables) => put::<$entity>(row, &mut tables.$table)?,
        };
        Ok(())
    }};
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
            DatabaseKind::Sqlite => Rows::Sqlite(Box::new(Tables {
                events: InsertRows::of::<entity::event::Entity>(),
                blockers: InsertRows::of::<entity::blocker::Entity>(),
                meetings: InsertRows::of::<entity::meeting::Entity>(),
                heads: InsertRows::of::<entity::organization_head::Entity>(),
                nodes: InsertRows::of::<entity::node::Entity>(),
                policies: InsertRows::of::<entity::policy::Entity>(),
                versions: InsertRows::of::<entity::policy_version::Entity>(),
                counters: InsertRows::of::<entity::node_counter::Entity>(),
            })),
            DatabaseKind::Postgres => Rows::Postgres(Box::new(Tables {
                events: CopyRows::of::<entity::event::Entity>(),
                blockers: CopyRows::of::<entity::blocker::Entity>(),
                meetings: CopyRows::of::<entity::meeting::Entity>(),
                heads: CopyRows::of::<entity::organization_head::Entity>(),
                nodes: CopyRows::of::<entity::node::Entity>(),
                policies: CopyRows::of::<entity::policy::Entity>(),
                versions: CopyRows::of::<entity::policy_version::Entity>(),
                counters: CopyRows::of::<entity::node_counter::Entity>(),
            })),
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
        put!(
            self,
            events,
            entity::event::Entity,
            event::to_row(&self.id, event)
        )
    }

    /// Adds a blocker. Errors: it cannot be encoded.
    pub fn add_blocker(&mut self, blocker: &Blocker) -> Result<(), StoreError> {
        put!(
            self,
            blockers,
            entity::blocker::Entity,
            blocker::to_row(&self.id, blocker)?
        )
    }

    /// Adds a meeting. Errors: it cannot be encoded.
    pub fn add_meeting(&mut self, meeting: &Arc<Meeting>) -> Result<(), StoreError> {
        put!(
            self,
            meetings,
            entity::meeting::Entity,
            meeting::to_row(&self.id, meeting)?
        )
    }

    pub(super) fn add_head(
        &mut self,
        row: entity::organization_head::Model,
    ) -> Result<(), StoreError> {
        put!(self, heads, entity::organization_head::Entity, row)
    }

    pub(super) fn add_node(&mut self, node: &Node) -> Result<(), StoreError> {
        put!(
            self,
            nodes,
            entity::node::Entity,
            node::to_row(&self.id, node)?
        )
    }

    pub(super) fn add_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        put!(
            self,
            policies,
            entity::policy::Entity,
            policy::policy_to_row(&self.id, policy)
        )
    }

    pub(super) fn add_version(&mut self, version: &CompiledVersion) -> Result<(), StoreError> {
        put!(
            self,
            versions,
            entity::policy_version::Entity,
            policy::version_to_row(&self.id, &version.version)?
        )
    }

    pub(super) fn add_counters(
        &mut self,
        node: &NodeId,
        counters: &Counters,
    ) -> Result<(), StoreError> {
        put!(
            self,
            counters,
            entity::node_counter::Entity,
            counter::to_row(&self.id, node, counters)?
        )
    }

    pub(super) async fn write(self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        match self.rows {
            Rows::Sqlite(tables) => {
                for rows in tables.into_array() {
                    rows.write(connection).await?;
                }
            }
            Rows::Postgres(tables) => {
                for rows in tables.into_array() {
                    rows.write(connection).await?;
                }
            }
        }
        Ok(())
    }
}

impl<T> Tables<T> {
    fn into_array(self) -> [T; 8] {
        let Self {
            events,
            blockers,
            meetings,
            heads,
            nodes,
            policies,
            versions,
            counters,
        } = self;
        [
            events, blockers, meetings, heads, nodes, policies, versions, counters,
        ]
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
