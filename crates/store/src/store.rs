//! The store: an open database, and what can be read from it.

mod folds;

use std::{sync::Arc, time::Instant};

use echelon_domain::{
    BlockerNumber, MeetingNumber, Organization, OrganizationId, RequestId, Timestamp,
    blocker::Blocker, list::BlockerQuery, meeting::Meeting, organization::Parts, profile::Profile,
};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use tokio::sync::Mutex;
use tracing::{Instrument as _, Span};

use crate::{
    audit::Audit,
    base,
    batch::Batch,
    blocker,
    changes::Changes,
    error::StoreError,
    event::{self, EventRow},
    flush::{self, Flush, sqlite::Turn},
    lock::Lock,
    look::Look,
    meeting::{self, MeetingQuery},
    open::{self, Missing, Opened, Options, POOLED_SNAPSHOT, POOLED_TRANSACTION, Pooling},
    organization::{self, Head, Loaded},
    reader::Reader,
    request, schema,
    snapshot::Snapshot,
    statements::Statements,
    transaction::Transaction,
    wakeup::{Listener, Wakeups},
    warm::Warm,
};

/// Which database serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file, for one server.
    Sqlite,
    /// PostgreSQL, for several replicas.
    Postgres,
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

/// A commit that is durable.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The head after it.
    pub head: Head,
    /// The database's clock at that time; none on SQLite, which has no clock of its own.
    pub database_time: Option<Timestamp>,
}

#[derive(Debug)]
struct Inner {
    kind: DatabaseKind,
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    /// Writes to an SQLite file; the writer above is for what is done to all of it.
    file: Option<flush::sqlite::Writer>,
    /// Of statements of PostgreSQL.
    texts: flush::postgres::Texts,
    /// A connection to PostgreSQL that has just written.
    warm: Warm,
    /// Held by whoever folds counters.
    folding: Mutex<()>,
    statements: Arc<Statements>,
    /// How long a connection of the pools stays the same.
    pooling: Pooling,
    /// None on SQLite, which serves one replica.
    wakeups: Option<Wakeups>,
    /// The last to go: the file is free once the pools are.
    _lock: Option<Lock>,
}

impl Store {
    /// Opens a database, and creates an SQLite file that is missing; changes no schema.
    /// Errors: [`StoreError::InvalidUrl`], [`StoreError::Locked`], [`StoreError::Unreachable`].
    pub async fn open(options: &Options) -> Result<Self, StoreError> {
        let opened = open::open(options, Missing::Create).await?;
        Ok(Self::new(opened, options.pooling))
    }

    /// Opens a database that must be there, for a check offline. Errors: as [`Store::open`].
    pub async fn open_existing(options: &Options) -> Result<Self, StoreError> {
        let opened = open::open(options, Missing::Refuse).await?;
        Ok(Self::new(opened, options.pooling))
    }

    fn new(opened: Opened, pooling: Pooling) -> Self {
        let Opened {
            mut writer,
            mut readers,
            file,
            lock,
            wakeups,
        } = opened;
        let statements = Arc::new(Statements::default());
        for connection in [&mut writer, &mut readers] {
            let statements = statements.clone();
            connection.set_metric_callback(move |info| {
                statements.note(&info.statement.sql, info.elapsed);
            });
        }
        let kind = match writer.get_database_backend() {
            DbBackend::Postgres => DatabaseKind::Postgres,
            _ => DatabaseKind::Sqlite,
        };
        Self {
            inner: Arc::new(Inner {
                kind,
                writer,
                readers,
                file: file.map(|file| flush::sqlite::Writer::new(file, statements.clone())),
                texts: flush::postgres::Texts::default(),
                warm: Warm::default(),
                folding: Mutex::default(),
                statements,
                pooling,
                wakeups,
                _lock: lock,
            }),
        }
    }

    /// Waits for what runs and closes every connection; on SQLite the write-ahead log is folded into the file. What
    /// is asked afterwards fails. Errors: [`StoreError::Other`].
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Some(file) = &self.inner.file {
            file.close().await?;
        }
        self.inner.readers.close_by_ref().await?;
        if self.kind() == DatabaseKind::Postgres {
            let closing = self.inner.writer.get_postgres_connection_pool().close();
            // It waits until it has all of its connections.
            drop(self.inner.warm.take_kept());
            closing.await;
        }
        self.inner.writer.close_by_ref().await?;
        Ok(())
    }

    /// Brings the schema up to date: once, all or nothing, whatever the number of replicas that start.
    /// Errors: [`StoreError::NewerSchema`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(self.begin_write().await?).await
    }

    /// Checks that the schema is this binary's, or a newer one that says that this binary may serve it.
    /// Errors: [`StoreError::NewerSchema`], [`StoreError::OutdatedSchema`].
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        schema::check(self.begin_read().await?).await
    }

    /// Asks the database for a sign of life, and whether this binary still may serve it. Errors:
    /// [`StoreError::Unreachable`], [`StoreError::Busy`], [`StoreError::NewerSchema`].
    pub async fn check_served(&self) -> Result<(), StoreError> {
        schema::check_served(&self.reader().await?).await
    }

    /// Tells other replicas how far these logs reach. Only a hint: it may be lost. Errors: [`StoreError::Unreachable`],
    /// [`StoreError::Busy`].
    pub async fn wake_others(&self, grown: &[(OrganizationId, i64)]) -> Result<(), StoreError> {
        match &self.inner.wakeups {
            Some(wakeups) => {
                let pool = self.inner.readers.get_postgres_connection_pool();
                wakeups.send(pool, grown).await
            }
            None => Ok(()),
        }
    }

    /// Listens to other replicas; none if nobody can: on SQLite, and behind a pooler that gives each transaction another
    /// connection. Errors: as [`Store::wake_others`].
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        match &self.inner.wakeups {
            Some(wakeups) => wakeups.listen().await,
            None => Ok(None),
        }
    }

    /// Which database serves.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.inner.kind
    }

    /// Statements issued so far, those of transactions included; begin, commit and rollback are not counted.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.statements.issued()
    }

    /// Begins the write transaction of an organization and locks its head before all else.
    /// Errors: [`StoreError::Busy`] if others hold the head for too long.
    pub async fn begin(&self, id: &OrganizationId) -> Result<Batch, StoreError> {
        if let Some(file) = &self.inner.file {
            return Batch::on_sqlite(self.clone(), file.turn().await, id).await;
        }
        let transaction = self.begin_postgres().await?;
        Batch::on_postgres(self.clone(), transaction, id).await
    }

    /// Looks at the head of an organization, the database's clock, and the answers of calls, and locks nothing.
    pub async fn look(
        &self,
        id: &OrganizationId,
        requests: &[RequestId],
    ) -> Result<Look, StoreError> {
        Look::at(&self.reader_for_writers().await?, id, requests).await
    }

    /// Writes changes if the head still is the one that they were decided on, and makes them durable: one way to the
    /// database, with no lock held before it. Nobody can have written in between, since a head moves with every write.
    /// Errors: as [`Batch::commit`].
    pub async fn commit_on(
        &self,
        id: &OrganizationId,
        head: &Head,
        changes: &Changes,
    ) -> Result<Committed, StoreError> {
        let flush = Flush::of(id, Some(head), changes)?;
        let span = self.commit_span(&flush);
        self.write(flush).instrument(span).await
    }

    /// A span of a commit, from the turn to write until it is durable.
    pub(crate) fn commit_span(&self, flush: &Flush) -> Span {
        tracing::debug_span!(
            "commit",
            otel.kind = "client",
            db.system.name = match self.inner.kind {
                DatabaseKind::Sqlite => "sqlite",
                DatabaseKind::Postgres => "postgresql",
            },
            db.rows = flush.rows(),
            organization.revision = flush.after.revision,
        )
    }

    async fn write(&self, flush: Flush) -> Result<Committed, StoreError> {
        if let Some(file) = &self.inner.file {
            return self.write_sqlite(file.turn().await, flush).await;
        }
        if !flush.later.is_empty() || self.inner.pooling == Pooling::Transaction {
            return self
                .write_postgres(self.begin_postgres().await?, flush)
                .await;
        }
        let (stale, head) = (flush.stale(), flush.after.clone());
        let pool = self.inner.writer.get_postgres_connection_pool();
        let statements = flush::postgres::Statement::of(&self.inner.texts, flush)?;
        let mut lent = self.inner.warm.take(pool).await?;
        let mut written = None;
        for statement in statements {
            let started = Instant::now();
            let sql = statement.sql.clone();
            let row = statement.query().fetch_one(&mut *lent.connection).await;
            self.inner.statements.note(&sql, started.elapsed());
            written = flush::postgres::answer(&row?)?;
        }
        self.inner.warm.keep(lent, pool);
        let database_time = Some(written.ok_or(stale)?);
        Ok(Committed {
            head,
            database_time,
        })
    }

    pub(crate) async fn write_sqlite(
        &self,
        turn: Turn,
        flush: Flush,
    ) -> Result<Committed, StoreError> {
        let file = self.inner.file.as_ref().ok_or_else(|| StoreError::Other {
            cause: "a file is to be written and the database is none".to_owned(),
        })?;
        Ok(Committed {
            head: file.write(turn, flush).await?,
            database_time: None,
        })
    }

    pub(crate) async fn write_postgres(
        &self,
        transaction: Transaction,
        flush: Flush,
    ) -> Result<Committed, StoreError> {
        let (stale, head) = (flush.stale(), flush.after.clone());
        let mut database_time = None;
        for statement in flush::postgres::Statement::of(&self.inner.texts, flush)? {
            let row = transaction.write(statement).await?;
            let Some(time) = flush::postgres::answer(&row)? else {
                return Err(stale);
            };
            database_time = Some(time);
        }
        transaction.commit().await?;
        Ok(Committed {
            head,
            database_time,
        })
    }

    /// What a write to a file asks: it must not wait for readers, which may be slow, and many.
    pub(crate) fn asked_by_writers(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    /// What a write asks before it has a transaction.
    async fn reader_for_writers(&self) -> Result<Reader<'_>, StoreError> {
        Ok(match self.inner.pooling {
            Pooling::Session => Reader::Any(&self.inner.writer),
            Pooling::Transaction => Reader::Within(Box::new(self.begin_write().await?)),
        })
    }

    async fn begin_postgres(&self) -> Result<Transaction, StoreError> {
        let pool = self.inner.writer.get_postgres_connection_pool();
        let begun = Transaction::begin(pool, self.inner.statements.clone()).await?;
        self.prepare(&begun).await?;
        Ok(begun)
    }

    /// The organization with its live blockers and open meetings, from one snapshot; none if it does not exist.
    pub async fn load(&self, id: &OrganizationId) -> Result<Option<Loaded>, StoreError> {
        let snapshot = self.begin_read().await?;
        organization::load(&snapshot, id).await
    }

    /// The organization with every blocker and meeting there ever was, from one snapshot; none if it does not exist.
    pub async fn load_all(&self, id: &OrganizationId) -> Result<Option<Loaded>, StoreError> {
        let snapshot = self.begin_read().await?;
        if self.kind() == DatabaseKind::Postgres {
            // A check offline may take its time.
            snapshot
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
        }
        organization::load_all(&snapshot, id).await
    }

    /// Begins an audit of what is counted; it reads nothing yet.
    pub async fn begin_audit(&self, id: &OrganizationId) -> Result<Audit, StoreError> {
        Ok(Audit::new(self.clone(), self.begin_read().await?, id))
    }

    /// The log of an organization as it is now, to be read as a whole; none if it does not exist.
    pub async fn snapshot(&self, id: &OrganizationId) -> Result<Option<Snapshot>, StoreError> {
        Snapshot::take(self.clone(), self.begin_read().await?, id).await
    }

    /// The head of an organization; none if it does not exist.
    pub async fn head(&self, id: &OrganizationId) -> Result<Option<Head>, StoreError> {
        organization::head(&self.reader().await?, id).await
    }

    /// The head of every organization.
    pub async fn heads(&self) -> Result<Vec<(OrganizationId, Head)>, StoreError> {
        organization::heads(&self.reader().await?).await
    }

    /// Organizations by id, at most `limit` that follow `after`.
    pub async fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: u64,
    ) -> Result<Vec<(OrganizationId, Profile)>, StoreError> {
        organization::page(&self.reader().await?, after, limit).await
    }

    /// What SQLite finds wrong with its file: pages, rows and indexes that do not fit together. PostgreSQL has tools of its own
    /// for that (`pg_amcheck`), and nothing is looked at.
    pub async fn faults_of_file(&self) -> Result<Vec<String>, StoreError> {
        if self.kind() == DatabaseKind::Postgres {
            return Ok(Vec::new());
        }
        let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
        let rows = self.inner.readers.query_all_raw(check).await?;
        let mut faults = Vec::new();
        for row in rows {
            let said: String = row.try_get_by_index(0)?;
            if said != "ok" {
                faults.push(said);
            }
        }
        Ok(faults)
    }

    /// The revision up to which the log of an organization is compacted: it begins with the next. 0 if it is whole.
    pub async fn compacted(&self, id: &OrganizationId) -> Result<i64, StoreError> {
        base::revision(&self.reader().await?, id).await
    }

    /// The state that the log of an organization follows, with every blocker and meeting; none if the log is whole.
    pub async fn base(&self, id: &OrganizationId) -> Result<Option<Parts>, StoreError> {
        base::load(&self.begin_read().await?, id).await
    }

    /// Removes the events up to a state, which becomes the base of the log in place of the one at revision `before`, all or
    /// nothing. The history of blockers that are live in it, or now, is kept. Servers of a PostgreSQL may go on meanwhile. Returns
    /// how many events are gone. Errors: [`StoreError::Stale`] if somebody else compacts the log.
    pub async fn compact(&self, state: &Organization, before: i64) -> Result<u64, StoreError> {
        let _turn = match &self.inner.file {
            Some(file) => Some(file.turn().await),
            None => None,
        };
        let transaction = self.begin_write().await?;
        if self.kind() == DatabaseKind::Postgres {
            // It holds no lock that others wait for, and takes its time between statements too.
            for limit in ["statement_timeout", "idle_in_transaction_session_timeout"] {
                transaction
                    .execute_unprepared(&format!("SET LOCAL {limit} = 0"))
                    .await?;
            }
        }
        let removed = base::compact(&transaction, state, before).await?;
        echelon_migrations::demand(&transaction, echelon_migrations::COMPACTION).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    /// Gives every organization's history a new name, as after a restore: what was told of the lost part of the old one,
    /// resume tokens above all, is refused from now on. Returns how many organizations there are.
    pub async fn begin_epochs(&self) -> Result<u64, StoreError> {
        let transaction = self.begin_write().await?;
        let begun = organization::begin_epochs(&transaction).await?;
        transaction.commit().await?;
        Ok(begun)
    }

    /// Organizations with a timer that is due, by id.
    pub async fn due_organizations(
        &self,
        now: Timestamp,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        blocker::due_organizations(&self.reader().await?, now).await
    }

    /// Deletes the oldest stored answers from before an instant, at most `limit`, and tells how many it were.
    pub async fn purge_requests(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let _turn = match &self.inner.file {
            Some(file) => Some(file.turn().await),
            None => None,
        };
        let transaction = self.begin_write().await?;
        let purged = request::purge(&transaction, before, limit).await?;
        transaction.commit().await?;
        Ok(purged)
    }

    /// A blocker, live or not; none if it does not exist.
    pub async fn blocker(
        &self,
        id: &OrganizationId,
        number: BlockerNumber,
    ) -> Result<Option<Blocker>, StoreError> {
        let found = blocker::numbered(&self.reader().await?, id, &[number]).await?;
        Ok(found.into_iter().next())
    }

    /// These blockers, live or not, for a write; those that do not exist are left out.
    pub async fn blockers_numbered(
        &self,
        id: &OrganizationId,
        numbers: &[BlockerNumber],
    ) -> Result<Vec<Blocker>, StoreError> {
        blocker::numbered(&self.reader_for_writers().await?, id, numbers).await
    }

    /// These meetings, open or not, for a write; those that do not exist are left out.
    pub async fn meetings_numbered(
        &self,
        id: &OrganizationId,
        numbers: &[MeetingNumber],
    ) -> Result<Vec<Meeting>, StoreError> {
        meeting::numbered(&self.reader_for_writers().await?, id, numbers).await
    }

    /// A page of blockers and the revision they are of, from one snapshot; revision 0 if there is no organization.
    pub async fn blockers(
        &self,
        id: &OrganizationId,
        query: &BlockerQuery,
    ) -> Result<(i64, Vec<Blocker>), StoreError> {
        let snapshot = self.begin_read().await?;
        let head = organization::head(&snapshot, id).await?;
        let found = blocker::page(&snapshot, id, query).await?;
        Ok((head.map_or(0, |head| head.revision), found))
    }

    /// A meeting, open or not; none if it does not exist.
    pub async fn meeting(
        &self,
        id: &OrganizationId,
        number: MeetingNumber,
    ) -> Result<Option<Meeting>, StoreError> {
        let found = meeting::numbered(&self.reader().await?, id, &[number]).await?;
        Ok(found.into_iter().next())
    }

    /// A page of meetings, newest first, without check-ins, fates and departures.
    pub async fn meetings(
        &self,
        id: &OrganizationId,
        query: &MeetingQuery,
    ) -> Result<Vec<Meeting>, StoreError> {
        meeting::page(&self.reader().await?, id, query).await
    }

    /// The revision of the oldest event of a log that is there; none if there is none.
    pub async fn oldest_revision(&self, id: &OrganizationId) -> Result<Option<i64>, StoreError> {
        event::oldest(&self.reader().await?, id).await
    }

    /// About `limit` events after a revision, in order: always whole revisions, so there may be more. Empty at the end.
    pub async fn events_after(
        &self,
        id: &OrganizationId,
        revision: i64,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        event::after(&self.reader().await?, id, revision, limit).await
    }

    /// Events about a blocker, in order, at most `limit` after a revision and index.
    pub async fn blocker_events(
        &self,
        id: &OrganizationId,
        number: BlockerNumber,
        after: Option<(i64, i32)>,
        limit: u64,
    ) -> Result<Vec<EventRow>, StoreError> {
        event::of_blocker(&self.reader().await?, id, number, after, limit).await
    }

    /// SQLite: immediately, because a transaction that reads before it writes cannot wait for another writer.
    async fn begin_write(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = match self.kind() {
            DatabaseKind::Sqlite => TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            },
            DatabaseKind::Postgres => TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: None,
            },
        };
        let begun = self.inner.writer.begin_with_options(options).await?;
        self.prepare(&begun).await?;
        Ok(begun)
    }

    /// A transaction whose reads all see one snapshot. It ends with its drop.
    async fn begin_read(&self) -> Result<DatabaseTransaction, StoreError> {
        if self.inner.pooling == Pooling::Transaction {
            // As texts: even this would be prepared otherwise, before others' statements are forgotten.
            let begun = self.inner.readers.begin().await?;
            begun.execute_unprepared(POOLED_SNAPSHOT).await?;
            self.prepare(&begun).await?;
            return Ok(begun);
        }
        let options = match self.kind() {
            DatabaseKind::Sqlite => TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            },
            DatabaseKind::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                sqlite_transaction_mode: None,
            },
        };
        Ok(self.inner.readers.begin_with_options(options).await?)
    }

    /// What reads go to that need not agree.
    async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        Ok(match self.inner.pooling {
            Pooling::Session => Reader::Any(&self.inner.readers),
            Pooling::Transaction => Reader::Within(Box::new(self.begin_read().await?)),
        })
    }

    /// Tells a transaction that has begun what its session could not be told.
    async fn prepare(&self, transaction: &impl ConnectionTrait) -> Result<(), StoreError> {
        if self.inner.pooling == Pooling::Transaction {
            transaction.execute_unprepared(POOLED_TRANSACTION).await?;
        }
        Ok(())
    }
}
