//! Folding the log of counters into the rows of the nodes.

use echelon_domain::OrganizationId;

use super::Store;
use crate::{counter, error::StoreError, flush};

/// Most nodes whose counters are folded at once: on SQLite nobody else writes meanwhile.
const FOLDED_AT_ONCE: usize = 500;

impl Store {
    /// Folds what commits have counted into the rows of the nodes, and tells of how many: what is counted is the same before,
    /// after and in between. On SQLite others write meanwhile, on PostgreSQL also other replicas. Errors:
    /// [`StoreError::Busy`] if another replica folds for too long.
    pub async fn fold_counters(&self, id: &OrganizationId) -> Result<usize, StoreError> {
        let _alone = self.inner.folding.lock().await;
        let Some(file) = &self.inner.file else {
            return self.fold_postgres(id).await;
        };
        let logged = counter::logged(&self.reader().await?, id).await?;
        let Some(up_to) = logged.up_to else {
            return Ok(0);
        };
        // Step by step: until the last, what the rows are given the log still holds, or something newer.
        for counters in logged.counters.chunks(FOLDED_AT_ONCE) {
            let part = counter::rows(id, counters)?;
            file.write_rows(file.turn().await, part).await?;
        }
        let _turn = file.turn().await;
        let transaction = self.begin_write().await?;
        counter::forget(&transaction, id, up_to).await?;
        transaction.commit().await?;
        Ok(logged.counters.len())
    }

    async fn fold_postgres(&self, id: &OrganizationId) -> Result<usize, StoreError> {
        let transaction = self.begin_postgres().await?;
        let logged = counter::logged_alone(&transaction, id).await?;
        let Some(up_to) = logged.up_to else {
            return Ok(0);
        };
        for counters in logged.counters.chunks(FOLDED_AT_ONCE) {
            let part = counter::rows(id, counters)?;
            let statement = flush::postgres::Statement::of_rows(&self.inner.texts, part)?;
            transaction.write(statement).await?;
        }
        counter::forget(&transaction, id, up_to).await?;
        transaction.commit().await?;
        Ok(logged.counters.len())
    }
}
