//! Faults as they happen: each does what the plan says, puts it right again, and notes from when to when it lasted.

mod clock;
mod connection;
mod database;
mod disk;
mod restore;
mod server;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    client::probe,
    plan::{
        Database, Planned,
        fault::{Fault, Link, Trouble},
    },
    record::{Excuse, History, Spell},
    site::{Site, machine_us},
    stall::Patience,
};

/// How long the servers may take to answer again when a fault is over.
const RECOVERY: Duration = Duration::from_secs(45);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What the faults of a run leave to each other.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// The newest backup.
    pub(crate) backup: Option<PathBuf>,
    /// The histories that have ended, each with the revision that the next one was restored at.
    pub(crate) histories: Vec<(History, i64)>,
    /// How often a full disk needed a restart of the server.
    pub(crate) restarts_after_full_disk: u64,
}

/// Lets every planned fault happen at its time, if it is over before the end. Returns how many of each there were, and what they left.
///
/// # Errors
/// If something cannot be put right again.
pub(crate) async fn run(
    site: Arc<Site>,
    planned: Vec<Planned>,
    start: Instant,
    end: Instant,
) -> Result<(BTreeMap<&'static str, u64>, Aftermath)> {
    let mut counts = BTreeMap::new();
    let aftermath = Arc::new(Mutex::new(Aftermath::default()));
    let mut aside = JoinSet::new();
    for Planned { at, fault } in planned {
        sleep_until(start + at).await;
        if Instant::now() + fault.lasts() > end {
            eprintln!(
                "{:<8} has no time left for {}: the machine is slower than the plan",
                site.database.as_str(),
                fault.name()
            );
            break;
        }
        eprintln!(
            "{:<8} {:>7.1} s  {}{}",
            site.database.as_str(),
            start.elapsed().as_secs_f64(),
            fault.name(),
            detail(&fault)
        );
        *counts.entry(fault.name()).or_default() += 1;
        let (site, left) = (site.clone(), aftermath.clone());
        if site.database == Database::Postgres && matches!(fault, Fault::Stop { .. }) {
            aside.spawn(async move { happen(&site, fault, &left).await });
        } else {
            happen(&site, fault, &left)
                .await
                .with_context(|| format!("{} cannot be put right", fault.name()))?;
        }
    }
    while let Some(ended) = aside.join_next().await {
        ended.context("a fault panicked")??;
    }
    let aftermath = std::mem::take(&mut *aftermath.lock().await);
    Ok((counts, aftermath))
}

async fn happen(site: &Site, fault: Fault, aftermath: &Mutex<Aftermath>) -> Result<()> {
    let began_us = machine_us();
    match fault {
        Fault::Kill { replica, down } => server::kill(site, index(replica), down).await?,
        Fault::Stop { replica, lasts } => server::stop(site, index(replica), lasts).await?,
        Fault::RestartDatabase => site.cluster()?.restart().await?,
        Fault::Connection {
            link,
            replica,
            how,
            lasts,
        } => connection::misbehave(site, link, index(replica), how, lasts).await,
        Fault::LongTransaction { lasts } => database::write_for(site, lasts).await?,
        Fault::ClockBack { by_ms, lasts } => clock::back(site, by_ms, lasts).await?,
        Fault::ClockForward { by_ms } => clock::forward(site, by_ms).await?,
        Fault::ClockOfOne {
            replica,
            by_ms,
            lasts,
        } => clock::of_one(site, index(replica), by_ms, lasts).await?,
        Fault::FullDisk { lasts } => disk::full(site, lasts, aftermath).await?,
        Fault::Backup => restore::back_up(site, aftermath).await?,
        Fault::Restore => restore::restore(site, aftermath).await?,
    }
    let excuse = excuse(&fault, site.database);
    if excuse != Excuse::Nothing {
        recover(site, fault.name()).await;
    }
    site.note(Spell {
        name: fault.name().to_owned(),
        began_us,
        ended_us: machine_us(),
        excuse,
    });
    Ok(())
}

/// Waits until a server answers. One that does not is a complaint.
async fn recover(site: &Site, after: &str) {
    let patience = Patience::new(site, RECOVERY);
    while !patience.is_over(site) {
        for number in 0..site.replicas.len() {
            if probe(site, number).await {
                return;
            }
        }
        sleep(LOOK).await;
    }
    site.complain(format!("no server answers {RECOVERY:?} after {after}"));
}

/// Whether servers could be expected to act on timers meanwhile. Of several replicas one may be killed or cut off, and
/// another database be written to, without any timer being late.
const fn excuse(fault: &Fault, database: Database) -> Excuse {
    let is_only_one = matches!(database, Database::Sqlite);
    match fault {
        Fault::Kill { .. } | Fault::Backup | Fault::Stop { .. } if is_only_one => {
            Excuse::Everything
        }
        // It may have stopped, or be cut off, with the organization's head locked: its session must end first.
        Fault::Stop { .. } => Excuse::NobodyWrites,
        Fault::Connection {
            link: Link::Database,
            how,
            ..
        } => match how {
            Trouble::Cut => Excuse::Nothing,
            Trouble::HalfOpen | Trouble::DropReplies => Excuse::NobodyWrites,
            // It has the head locked for many times as long as usual, again and again.
            Trouble::Delay { .. } => Excuse::Everything,
        },
        Fault::RestartDatabase
        | Fault::ClockBack { .. }
        | Fault::ClockForward { .. }
        | Fault::FullDisk { .. }
        | Fault::Restore => Excuse::Everything,
        Fault::Kill { .. }
        | Fault::Backup
        | Fault::Connection { .. }
        | Fault::LongTransaction { .. }
        | Fault::ClockOfOne { .. } => Excuse::Nothing,
    }
}

fn index(drawn: u64) -> usize {
    usize::try_from(drawn % 64).unwrap_or(0)
}

fn detail(fault: &Fault) -> String {
    let lasts = fault.lasts();
    if lasts.is_zero() {
        String::new()
    } else {
        format!(" for {:.1} s", lasts.as_secs_f64())
    }
}
