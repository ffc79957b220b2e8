//! What an audit of the counters reads.

use echelon_domain::{OrganizationId, check::Books};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{
    blocker, counter,
    error::StoreError,
    organization::{self, Head},
    store::Store,
};

/// A read of what is counted in one organization, in two steps: its moment is chosen by whoever holds the head and must
/// not wait, and the rest is read in peace.
#[derive(Debug)]
pub struct Audit {
    id: OrganizationId,
    transaction: DatabaseTransaction,
    /// Keeps the database open.
    _store: Store,
}

impl Audit {
    pub(crate) fn new(store: Store, transaction: DatabaseTransaction, id: &OrganizationId) -> Self {
        Self {
            id: id.clone(),
            transaction,
            _store: store,
        }
    }

    /// Reads the head; all that is read from now on is of this moment. None if there is no organization.
    pub async fn open(&mut self) -> Result<Option<Head>, StoreError> {
        // Neither database takes its snapshot before the first read.
        organization::head(&self.transaction, &self.id).await
    }

    /// What is stored of what is counted.
    pub async fn books(self) -> Result<Books, StoreError> {
        books(&self.transaction, &self.id).await
    }
}

/// All of it must be read from one snapshot.
pub(crate) async fn books(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Books, StoreError> {
    Ok(Books {
        counters: counter::all(connection, id).await?.into_iter().collect(),
        totals: blocker::totals(connection, id).await?,
    })
}
