//! Servers that die, and servers that stand still.

use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::site::Site;

/// SIGKILL, and a new start after a while.
pub(super) async fn kill(site: &Site, replica: usize, down: Duration) -> Result<()> {
    site.fall(replica).await?;
    sleep(down).await;
    site.rise(replica).await
}

/// SIGSTOP, and SIGCONT after a while, unless something has killed it meanwhile.
pub(super) async fn stop(site: &Site, replica: usize, lasts: Duration) -> Result<()> {
    let daemon = &site.replica(replica).daemon;
    let stopped = match &*daemon.lock().await {
        Some(daemon) => {
            daemon.signal(Signal::STOP)?;
            Some(daemon.id())
        }
        None => None,
    };
    sleep(lasts).await;
    if let Some(daemon) = &*daemon.lock().await
        && Some(daemon.id()) == stopped
    {
        daemon.signal(Signal::CONT)?;
    }
    Ok(())
}
