//! The connection that wrote last. A pool hands out the one that has rested longest, which is fair to connections and slow: the
//! server process behind the one that wrote last still has at hand what the next write needs.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sea_orm::sqlx::{PgPool, Postgres, pool::PoolConnection};

use crate::{error::StoreError, open::IDLE_BEFORE_PING};

/// A place for one connection beside its pool.
#[derive(Debug, Default)]
pub(crate) struct Warm(Mutex<Option<Lent>>);

/// A connection of the pool, and since when it is away from it. It goes back when dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Warm {
    /// The one that wrote last, or any other. Errors: [`StoreError::Unreachable`], [`StoreError::Busy`].
    pub(crate) async fn take(&self, pool: &PgPool) -> Result<Lent, StoreError> {
        // In the pool it is tried when it has rested, and replaced when it is old.
        if let Some(lent) = self.take_kept()
            && lent.since.elapsed() < IDLE_BEFORE_PING
        {
            return Ok(lent);
        }
        Ok(Lent {
            connection: pool.acquire().await?,
            since: Instant::now(),
        })
    }

    /// Keeps one that has written, unless others may wait for it, or its pool is about to close.
    pub(crate) fn keep(&self, lent: Lent, pool: &PgPool) {
        let has_others = pool.num_idle() > 0 || pool.size() < pool.options().get_max_connections();
        let mut place = self.place();
        // Looked at with the place locked: a pool that closes empties the place afterwards.
        if has_others && !pool.is_closed() {
            *place = Some(lent);
        }
    }

    /// The one that is kept.
    pub(crate) fn take_kept(&self) -> Option<Lent> {
        self.place().take()
    }

    fn place(&self) -> MutexGuard<'_, Option<Lent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
