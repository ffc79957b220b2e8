//! One write transaction of one organization that locks its head before anything is decided.

use echelon_domain::{
    BlockerNumber, MeetingNumber, OrganizationId, RequestId, Timestamp, blocker::Blocker,
    check::Books, meeting::Meeting,
};
use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult as _, QueryResult, Statement};

use tracing::Instrument as _;

use crate::{
    audit, blocker,
    changes::Changes,
    entity::organization_head,
    error::StoreError,
    event::{self, EventRow},
    flush::{Flush, sqlite::Turn},
    meeting,
    organization::{self, Head, Loaded},
    request::{self, StoredRequest},
    store::{Committed, Store},
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
    lock: Lock,
    head: Option<Head>,
    database_time: Option<Timestamp>,
    store: Store,
}

/// What keeps others from writing.
#[derive(Debug)]
enum Lock {
    /// The turn to write to the file: what is read meanwhile stays so.
    Sqlite(Turn),
    Postgres(Transaction),
}

/// Asks a question of whatever sees what the lock protects.
macro_rules! within {
    ($batch:expr, $ask:path $(, $argument:expr)*) => {
        match &$batch.lock {
            Lock::Sqlite(_) => $ask($batch.store.asked_by_writers(), &$batch.id $(, $argument)*).await,
            Lock::Postgres(transaction) => $ask(transaction, &$batch.id $(, $argument)*).await,
        }
    };
}

impl Batch {
    pub(crate) async fn on_sqlite(
        store: Store,
        turn: Turn,
        id: &OrganizationId,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            id: id.clone(),
            lock: Lock::Sqlite(turn),
            head: organization::head(store.asked_by_writers(), id).await?,
            database_time: None,
            store,
        })
    }

    pub(crate) async fn on_postgres(
        store: Store,
        transaction: Transaction,
        id: &OrganizationId,
    ) -> Result<Self, StoreError> {
        let (head, time) = lock_postgres(&transaction, id).await?;
        Ok(Self {
            id: id.clone(),
            lock: Lock::Postgres(transaction),
            head,
            database_time: Some(time),
            store,
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
    pub async fn load(&mut self) -> Result<Option<Loaded>, StoreError> {
        within!(self, organization::load)
    }

    /// As [`Store::events_after`], within the transaction.
    pub async fn events_after(
        &mut self,
        revision: i64,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        within!(self, event::after, revision, limit)
    }

    /// The stored answers of these calls; those that are not stored are left out.
    pub async fn requests(&mut self, ids: &[RequestId]) -> Result<Vec<StoredRequest>, StoreError> {
        within!(self, request::identified, ids)
    }

    /// These meetings, open or not; those that do not exist are left out.
    pub async fn meetings(
        &mut self,
        numbers: &[MeetingNumber],
    ) -> Result<Vec<Meeting>, StoreError> {
        within!(self, meeting::numbered, numbers)
    }

    /// These blockers, live or not; those that do not exist are left out.
    pub async fn blockers(
        &mut self,
        numbers: &[BlockerNumber],
    ) -> Result<Vec<Blocker>, StoreError> {
        within!(self, blocker::numbered, numbers)
    }

    /// What is stored of what is counted.
    pub async fn books(&mut self) -> Result<Books, StoreError> {
        within!(self, audit::books)
    }

    /// Writes changes and makes them durable, in as many ways to the database whatever their number.
    /// Errors: [`StoreError::Stale`] if they were decided on another revision than that of the head. After an error that
    /// is not [undone](StoreError::is_undone) they may be written, or not: read again.
    pub async fn commit(self, changes: &Changes) -> Result<Committed, StoreError> {
        let flush = Flush::of(&self.id, self.head.as_ref(), changes)?;
        let span = self.store.commit_span(&flush);
        let (store, lock) = (self.store, self.lock);
        let writing = async move {
            match lock {
                Lock::Sqlite(turn) => store.write_sqlite(turn, flush).await,
                Lock::Postgres(transaction) => store.write_postgres(transaction, flush).await,
            }
        };
        writing.instrument(span).await
    }
}

async fn lock_postgres(
    transaction: &Transaction,
    id: &OrganizationId,
) -> Result<(Option<Head>, Timestamp), StoreError> {
    let ask =
        |sql: &str| Statement::from_sql_and_values(DbBackend::Postgres, sql, [id.as_str().into()]);
    if let Some(row) = transaction.query_one_raw(ask(LOCK_HEAD)).await? {
        return head_and_clock(&row);
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
        Some(row) => head_and_clock(&row),
        None => Ok((None, time)),
    }
}

/// The head in a row, and the clock beside it.
pub(crate) fn head_and_clock(row: &QueryResult) -> Result<(Option<Head>, Timestamp), StoreError> {
    let head = organization_head::Model::from_query_result(row, "")?;
    let time = Timestamp::from_micros(row.try_get("", "clock_us")?);
    Ok((Some(Head::of(&head)), time))
}
