//! One write transaction of one organization.

use echelon_domain::{
    BlockerNumber, MeetingNumber, OrganizationId, RequestId, Timestamp, blocker::Blocker,
    check::Books, meeting::Meeting, organization::Parts,
};
use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult as _, Statement};

use crate::{
    audit, blocker,
    changes::{Changes, HeadChange},
    counter,
    entity::organization_head,
    error::StoreError,
    event::{self, EventRow},
    meeting, node,
    organization::{self, Head},
    policy,
    request::{self, StoredRequest},
    store::Store,
    transaction::Transaction,
};

/// The head, locked until the end of the transaction. The clock is read outside the subquery: after the lock is held.
const LOCK_HEAD: &str = r#"SELECT head.*,
       CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us
  FROM (SELECT * FROM organization_head WHERE organization = $1 FOR UPDATE) AS head"#;

/// There is no row to lock before an organization is created: its name is locked instead.
pub(crate) const LOCK_NAME: &str = r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 7400)),
       CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us"#;

/// The write transaction of one organization: nobody else writes to it meanwhile. Rolls back when dropped.
#[derive(Debug)]
pub struct Batch {
    id: OrganizationId,
    transaction: Transaction,
    head: Option<Head>,
    database_time: Option<Timestamp>,
    /// Keeps the database open.
    _store: Store,
}

impl Batch {
    pub(crate) async fn lock(
        store: Store,
        transaction: Transaction,
        id: &OrganizationId,
    ) -> Result<Self, StoreError> {
        let (head, database_time) = match transaction.get_database_backend() {
            DbBackend::Postgres => {
                let (head, time) = lock_postgres(&transaction, id).await?;
                (head, Some(time))
            }
            // The write transaction is a lock on everything.
            _ => (organization::head(&transaction, id).await?, None),
        };
        Ok(Self {
            id: id.clone(),
            transaction,
            head,
            database_time,
            _store: store,
        })
    }

    /// The head, locked; none if the organization does not exist.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The database's clock when the lock was held; none on SQLite, which has no clock of its own.
    #[must_use]
    pub const fn database_time(&self) -> Option<Timestamp> {
        self.database_time
    }

    /// As [`Store::load`], within the transaction.
    pub async fn load(&mut self) -> Result<Option<Parts>, StoreError> {
        organization::load(&self.transaction, &self.id).await
    }

    /// As [`Store::events_after`], within the transaction.
    pub async fn events_after(
        &mut self,
        revision: i64,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        event::after(&self.transaction, &self.id, revision, limit).await
    }

    /// The stored answers of these calls; those that are not stored are left out.
    pub async fn requests(&mut self, ids: &[RequestId]) -> Result<Vec<StoredRequest>, StoreError> {
        request::identified(&self.transaction, &self.id, ids).await
    }

    /// These meetings, open or not; those that do not exist are left out.
    pub async fn meetings(
        &mut self,
        numbers: &[MeetingNumber],
    ) -> Result<Vec<Meeting>, StoreError> {
        meeting::numbered(&self.transaction, &self.id, numbers).await
    }

    /// These blockers, live or not; those that do not exist are left out.
    pub async fn blockers(
        &mut self,
        numbers: &[BlockerNumber],
    ) -> Result<Vec<Blocker>, StoreError> {
        blocker::numbered(&self.transaction, &self.id, numbers).await
    }

    /// What is stored of what is counted. It is of the head's revision, until something is flushed.
    pub async fn books(&mut self) -> Result<Books, StoreError> {
        audit::books(&self.transaction, &self.id).await
    }

    /// Writes changes, in a handful of statements whatever their number.
    /// Errors: [`StoreError::Stale`] if they were decided on another revision than that of the head.
    pub async fn flush(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let Changes {
            base_revision,
            head,
            nodes,
            policies,
            versions,
            blockers,
            meetings,
            counters,
            repaired,
            events,
            requests,
        } = changes;
        let found = self.head.as_ref().map_or(0, |head| head.revision);
        if found != *base_revision {
            return Err(StoreError::Stale {
                expected: *base_revision,
                found,
            });
        }
        let (transaction, id) = (&self.transaction, &self.id);
        if let Some(change) = head {
            self.head = Some(write_head(transaction, id, self.head.as_ref(), change).await?);
        }
        node::write(transaction, id, nodes).await?;
        policy::write(transaction, id, policies, versions).await?;
        blocker::write(transaction, id, blockers).await?;
        meeting::write(transaction, id, meetings).await?;
        counter::write(transaction, id, counters).await?;
        counter::rewrite(transaction, id, repaired).await?;
        event::write(transaction, id, events).await?;
        request::write(transaction, id, requests).await
    }

    /// Makes what was flushed durable. After an error it may be, or not: read again.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await
    }
}

async fn write_head(
    transaction: &Transaction,
    id: &OrganizationId,
    before: Option<&Head>,
    change: &HeadChange,
) -> Result<Head, StoreError> {
    match before {
        None => organization::create(transaction, id, change).await,
        Some(before) => organization::update(transaction, id, before, change).await,
    }
}

async fn lock_postgres(
    transaction: &Transaction,
    id: &OrganizationId,
) -> Result<(Option<Head>, Timestamp), StoreError> {
    let ask =
        |sql: &str| Statement::from_sql_and_values(DbBackend::Postgres, sql, [id.as_str().into()]);
    if let Some(row) = transaction.query_one_raw(ask(LOCK_HEAD)).await? {
        return locked(&row);
    }
    let row = transaction
        .query_one_raw(ask(LOCK_NAME))
        .await?
        .ok_or_else(|| StoreError::Other {
            cause: "PostgreSQL answered nothing to a lock".to_owned(),
        })?;
    let time = Timestamp::from_micros(row.try_get("", "clock_us")?);
    // Another replica may have created it while this one waited for the name.
    match transaction.query_one_raw(ask(LOCK_HEAD)).await? {
        Some(row) => locked(&row),
        None => Ok((None, time)),
    }
}

fn locked(row: &sea_orm::QueryResult) -> Result<(Option<Head>, Timestamp), StoreError> {
    let head = organization_head::Model::from_query_result(row, "")?;
    let time = Timestamp::from_micros(row.try_get("", "clock_us")?);
    Ok((Some(Head::of(&head)), time))
}
