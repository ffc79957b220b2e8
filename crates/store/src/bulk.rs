//! Filling a database with whole organizations: what has happened elsewhere, many thousand rows a second.
//!
//! A write in service flushes what changed, row by row of any table, in statements of every length. Here the rows come in
//! masses and in an order that is known, so that each database can be fed as it likes best: PostgreSQL by `COPY`, SQLite
//! by statements of one length, prepared once. Everything of one organization is one transaction.

mod index;
mod postgres;
mod rows;
mod sqlite;

use echelon_domain::{
    BlockerNumber, Organization, OrganizationId, blocker::Blocker, counters::Counters,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DbBackend, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, Statement, TransactionTrait as _,
};

use crate::{
    batch::LOCK_NAME,
    blocker,
    changes::HeadChange,
    entity::{self, organization_head},
    error::StoreError,
    lock::Lock,
    open::{self, Options},
    organization::{self, Head},
    schema,
    store::DatabaseKind,
};
use index::Indexes;
pub use rows::BulkRows;

/// A database that is opened to be filled, by one connection. A server may serve a PostgreSQL meanwhile.
#[derive(Debug)]
pub struct Bulk {
    connection: DatabaseConnection,
    kind: DatabaseKind,
    /// The last to go.
    _lock: Option<Lock>,
}

impl Bulk {
    /// Opens a database, and creates an SQLite file that is missing; changes no schema.
    /// Errors: [`StoreError::InvalidUrl`], [`StoreError::Locked`], [`StoreError::Unreachable`].
    pub async fn open(options: &Options) -> Result<Self, StoreError> {
        let open::Alone { connection, lock } = open::alone(options).await?;
        let kind = match connection.get_database_backend() {
            DbBackend::Postgres => DatabaseKind::Postgres,
            _ => DatabaseKind::Sqlite,
        };
        if kind == DatabaseKind::Sqlite {
            sqlite::leave_write_ahead_log(&connection).await;
        }
        Ok(Self {
            connection,
            kind,
            _lock: lock,
        })
    }

    /// Brings the schema up to date. Errors: [`StoreError::NewerSchema`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(self.connection.begin().await?).await
    }

    /// Checks that the schema is exactly this binary's.
    /// Errors: [`StoreError::NewerSchema`], [`StoreError::OutdatedSchema`].
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        schema::check(self.connection.begin().await?).await
    }

    /// An empty batch of rows for this database.
    #[must_use]
    pub fn rows(&self, id: &OrganizationId) -> BulkRows {
        BulkRows::new(self.kind, id)
    }

    /// Begins to write an organization; nobody else can create it meanwhile. Only one at a time.
    /// Errors: [`StoreError::Busy`] if somebody else does.
    pub async fn begin(&mut self, id: &OrganizationId) -> Result<BulkWrite<'_>, StoreError> {
        let connection = &self.connection;
        match self.kind {
            DatabaseKind::Sqlite => connection.execute_unprepared("BEGIN IMMEDIATE").await?,
            DatabaseKind::Postgres => connection.execute_unprepared("BEGIN").await?,
        };
        let mut write = BulkWrite {
            connection,
            kind: self.kind,
            id: id.clone(),
            head: None,
            indexes: Indexes::default(),
        };
        match write.prepare().await {
            Ok(()) => Ok(write),
            Err(error) => {
                write.roll_back().await?;
                Err(error)
            }
        }
    }

    /// Closes the connection; an SQLite file is then as a server wants it. Errors: as the database's.
    pub async fn close(self) -> Result<(), StoreError> {
        if self.kind == DatabaseKind::Sqlite {
            sqlite::enter_write_ahead_log(&self.connection).await?;
        }
        Ok(self.connection.close().await?)
    }
}

/// The transaction that writes one organization. Without [`BulkWrite::commit`] nothing of it remains.
#[derive(Debug)]
pub struct BulkWrite<'a> {
    connection: &'a DatabaseConnection,
    kind: DatabaseKind,
    id: OrganizationId,
    head: Option<Head>,
    /// Those that are made at the end.
    indexes: Indexes,
}

impl BulkWrite<'_> {
    /// The head of the organization if it exists already: then nothing can be written.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    async fn prepare(&mut self) -> Result<(), StoreError> {
        if self.kind == DatabaseKind::Postgres {
            let name = [self.id.as_str().into()];
            let lock = Statement::from_sql_and_values(DbBackend::Postgres, LOCK_NAME, name);
            self.connection.query_one_raw(lock).await?;
        }
        self.head = organization::head(self.connection, &self.id).await?;
        // Sorting once is cheaper than a place for each row; but what others use stays.
        if organization_head::Entity::find()
            .count(self.connection)
            .await?
            == 0
        {
            self.indexes = Indexes::take(self.connection, self.kind).await?;
        }
        Ok(())
    }

    /// Writes rows that are not there yet. Errors: as the database's.
    pub async fn write(&mut self, rows: BulkRows) -> Result<(), StoreError> {
        rows.write(self.connection).await
    }

    /// Takes a blocker that was written out again, to be written anew; none if it does not exist.
    pub async fn take_blocker(
        &mut self,
        number: BlockerNumber,
    ) -> Result<Option<Blocker>, StoreError> {
        use entity::blocker::{Column, Entity};
        let found = blocker::numbered(self.connection, &self.id, &[number]).await?;
        Entity::delete_many()
            .filter(Column::Organization.eq(self.id.as_str()))
            .filter(Column::Number.eq(number.get()))
            .exec(self.connection)
            .await?;
        Ok(found.into_iter().next())
    }

    /// Writes what is not in [`BulkRows`], as it is at the end, and makes all of it durable. The organization begins a new
    /// epoch. Errors: [`StoreError::Stale`] if it exists.
    pub async fn commit(self, organization: &Organization) -> Result<Head, StoreError> {
        match self.finish(organization).await {
            Ok(head) => {
                self.connection.execute_unprepared("COMMIT").await?;
                Ok(head)
            }
            Err(error) => {
                self.roll_back().await?;
                Err(error)
            }
        }
    }

    /// Leaves nothing of it. Errors: as the database's.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        self.connection.execute_unprepared("ROLLBACK").await?;
        Ok(())
    }

    async fn finish(&self, organization: &Organization) -> Result<Head, StoreError> {
        let (connection, id) = (self.connection, &self.id);
        if let Some(head) = &self.head {
            return Err(StoreError::Stale {
                expected: 0,
                found: head.revision,
            });
        }
        let profile = organization.profile().map_err(|error| StoreError::Other {
            cause: error.to_string(),
        })?;
        let change = HeadChange {
            profile: profile.clone(),
            revision: organization.revision(),
            time: organization.time(),
            next_blocker: organization.next_blocker(),
            next_meeting: organization.next_meeting(),
            profile_changed: true,
        };
        let nodes: Vec<_> = organization.tree().iter().cloned().collect();
        let policies: Vec<_> = organization.policies().cloned().collect();
        let versions: Vec<_> = policies
            .iter()
            .flat_map(|policy| organization.versions(&policy.id).cloned())
            .collect();
        let counters: Vec<_> = nodes
            .iter()
            .map(|node| (node.id.clone(), organization.counters(&node.id)))
            .filter(|(_, counters)| *counters != Counters::default())
            .collect();
        let row = organization::new_row(id, &change);
        let head = Head::of(&row);
        let mut rows = BulkRows::new(self.kind, id);
        rows.add_head(row)?;
        for node in &nodes {
            rows.add_node(node)?;
        }
        for policy in &policies {
            rows.add_policy(policy)?;
        }
        for version in &versions {
            rows.add_version(version)?;
        }
        for (node, counters) in &counters {
            rows.add_counters(node, counters)?;
        }
        rows.write(connection).await?;
        self.indexes.put_back(connection).await?;
        Ok(head)
    }
}
