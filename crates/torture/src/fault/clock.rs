//! Clocks that jump. Time within an organization never runs backward, so a jump forward stays: were it taken back, time
//! would stand still until the clock had caught up.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::site::Site;

/// How long servers take to see that the clock has moved.
const SEEN: Duration = Duration::from_millis(100);

/// Everybody's clock steps back for a while.
pub(super) async fn back(site: &Site, by_ms: i64, lasts: Duration) -> Result<()> {
    let right = site.shift_us();
    site.set_clocks(right - by_ms * 1_000)?;
    sleep(lasts).await;
    site.set_clocks(right)?;
    sleep(SEEN).await;
    Ok(())
}

/// Everybody's clock jumps forward, for good.
pub(super) async fn forward(site: &Site, by_ms: i64) -> Result<()> {
    site.set_clocks(site.shift_us() + by_ms * 1_000)?;
    sleep(SEEN).await;
    Ok(())
}

/// One replica's own clock is off for a while. It is the machine's clock that is off, not the database's.
pub(super) async fn of_one(site: &Site, replica: usize, by_ms: i64, lasts: Duration) -> Result<()> {
    let right = site.shift_us();
    site.set_clock_of(replica, right + by_ms * 1_000)?;
    sleep(lasts).await;
    site.set_clock_of(replica, right)
}
