//! Backups, and restoring them under running watchers.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{sync::Mutex, time::sleep};

use super::Aftermath;
use crate::{
    client::DEADLINE,
    plan::Database,
    record::History,
    site::{ATTACKED, Site},
};

/// What SQLite keeps beside a file.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// Takes a backup: of a stopped SQLite file, or of PostgreSQL as it runs.
pub(super) async fn back_up(site: &Site, aftermath: &Mutex<Aftermath>) -> Result<()> {
    let backup = site.tools.folder.join("backup");
    match site.database {
        Database::Sqlite => {
            site.rest(0).await?;
            copy(site.file()?, &backup)?;
            site.rise(0).await?;
        }
        Database::Postgres => site.cluster()?.dump(ATTACKED, &backup).await?,
    }
    aftermath.lock().await.backup = Some(backup);
    Ok(())
}

/// Brings the newest backup back. The log of the history that ends is kept: whoever was told something of it must find it
/// there.
pub(super) async fn restore(site: &Site, aftermath: &Mutex<Aftermath>) -> Result<()> {
    let Some(backup) = aftermath.lock().await.backup.clone() else {
        bail!("there is no backup");
    };
    let ended_us = site.servers_us();
    site.hold_up(true);
    for replica in 0..site.replicas.len() {
        site.fall(replica).await?;
    }
    // Whatever was under way has ended then, and nobody can take an answer of one history for one of another.
    sleep(DEADLINE + Duration::from_millis(500)).await;
    let history = site.history();
    let log = site.export(&format!("history-{history}.stream")).await?;
    bring_back(site, &backup).await?;
    let (begun, said) = site.chore(&["new-epoch"]).await?;
    if !begun {
        bail!("no new epoch: {said}");
    }
    let since = site.export(&format!("restored-{history}.stream")).await?;
    let since = since.last().map_or(0, |event| event.revision);
    let mut aftermath = aftermath.lock().await;
    let before = aftermath.histories.last().map_or(0, |last| last.1);
    aftermath.histories.push((
        History {
            log,
            since: before,
            ended_us,
        },
        since,
    ));
    site.begin_history();
    for replica in 0..site.replicas.len() {
        site.rise(replica).await?;
    }
    site.hold_up(false);
    Ok(())
}

async fn bring_back(site: &Site, backup: &Path) -> Result<()> {
    match site.database {
        Database::Sqlite => copy(backup, site.file()?),
        Database::Postgres => {
            let cluster = site.cluster()?;
            cluster.create(ATTACKED).await?;
            cluster.restore(ATTACKED, backup).await
        }
    }
}

/// Copies a file with what SQLite keeps beside it, and leaves nothing else there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for ending in ENDINGS {
        let (from, to) = (with(from, ending), with(to, ending));
        match fs::remove_file(&to) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context("cannot replace a database");
            }
            Ok(()) | Err(_) => {}
        }
        if from.is_file() {
            fs::copy(&from, &to).context("cannot copy a database")?;
        }
    }
    Ok(())
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
