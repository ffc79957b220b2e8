//! Other work for the database's server.

use std::time::Duration;

use anyhow::Result;

use crate::site::{BESIDE, Site};

/// Writes in another database of the cluster, in a transaction that stays open for a while.
pub(super) async fn write_for(site: &Site, lasts: Duration) -> Result<()> {
    let work = format!(
        "BEGIN; TRUNCATE busy; INSERT INTO busy SELECT generate_series(1, 20000); \
         SELECT pg_sleep({}); COMMIT",
        lasts.as_secs_f64()
    );
    site.cluster()?.execute(BESIDE, &[&work]).await
}
