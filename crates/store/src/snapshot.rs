//! The whole log of an organization as it was at one moment, however long it takes to read.

use echelon_domain::OrganizationId;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};

use crate::{
    base,
    error::StoreError,
    event::{self, EventRow},
    organization::{self, Head},
    store::{DatabaseKind, Store},
};

/// What PostgreSQL is told: whoever reads all of it may take his time, and holds up nobody.
const UNHURRIED: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// The log of one organization at one moment. Servers may write meanwhile.
#[derive(Debug)]
pub struct Snapshot {
    id: OrganizationId,
    transaction: DatabaseTransaction,
    head: Head,
    /// Keeps the database open.
    _store: Store,
}

impl Snapshot {
    pub(crate) async fn take(
        store: Store,
        transaction: DatabaseTransaction,
        id: &OrganizationId,
    ) -> Result<Option<Self>, StoreError> {
        if store.kind() == DatabaseKind::Postgres {
            transaction.execute_unprepared(UNHURRIED).await?;
        }
        let head = organization::head(&transaction, id).await?;
        Ok(head.map(|head| Self {
            id: id.clone(),
            transaction,
            head,
            _store: store,
        }))
    }

    /// The head at that moment.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The revision up to which the log was compacted at that moment; 0 if it is whole.
    pub async fn compacted(&self) -> Result<i64, StoreError> {
        base::revision(&self.transaction, &self.id).await
    }

    /// How many events there are.
    pub async fn count_events(&self) -> Result<u64, StoreError> {
        event::count(&self.transaction, &self.id).await
    }

    /// At most `limit` events after a revision and index, in order. Empty at the end.
    pub async fn events_after(
        &self,
        place: Option<(i64, i32)>,
        limit: u64,
    ) -> Result<Vec<EventRow>, StoreError> {
        event::following(&self.transaction, &self.id, place, limit).await
    }
}
