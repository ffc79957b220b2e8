//! A disk that is full.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::{sync::Mutex, time::sleep};

use super::Aftermath;
use crate::{client::probe, site::Site, stall::Patience};

/// How long a server has to recover by itself when there is room again.
const BY_ITSELF: Duration = Duration::from_secs(5);

/// Leaves no room on the disk for a while. A server that does not recover then is restarted.
pub(super) async fn full(site: &Site, lasts: Duration, aftermath: &Mutex<Aftermath>) -> Result<()> {
    let disk = site.disk.as_ref().context("there is no disk to fill")?;
    let server = {
        let daemon = site.replica(0).daemon.lock().await;
        let daemon = daemon.as_ref().context("the server is down")?;
        daemon.id()
    };
    disk.fill(server)?;
    sleep(lasts).await;
    disk.clear(server)?;
    let patience = Patience::new(site, BY_ITSELF);
    while !patience.is_over(site) {
        if probe(site, 0).await {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    aftermath.lock().await.restarts_after_full_disk += 1;
    site.fall(0).await?;
    site.rise(0).await
}
