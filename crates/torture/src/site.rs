//! What is attacked: servers as processes, each behind a proxy, on one database, with a clock that can jump.

mod disk;
mod postgres;
mod process;
mod replica;
mod stream;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use echelon_api::v1;
use tokio::{sync::watch, time::sleep};

use crate::{
    plan::Database,
    record::{ClockStep, Spell},
    stall::Patience,
};

pub(crate) use disk::Disk;
pub(crate) use postgres::Cluster;
pub(crate) use process::{Daemon, chore};
pub(crate) use replica::Replica;

/// The database that is attacked, on PostgreSQL.
pub(crate) const ATTACKED: &str = "echelon_torture";
/// One that is written to beside it.
pub(crate) const BESIDE: &str = "echelon_torture_beside";
/// One that the log is brought into at the end.
const TWIN: &str = "echelon_torture_twin";
/// How many complaints are kept.
const COMPLAINTS: usize = 20;
/// How long a server may take to start, whatever stands in its way.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How often a start is tried.
const START_AGAIN: Duration = Duration::from_millis(250);

/// What a run works with.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// The server's program.
    pub(crate) echelond: PathBuf,
    /// A PostgreSQL that may be treated badly.
    pub(crate) cluster: Option<Cluster>,
    /// The folder of the run: what it leaves behind.
    pub(crate) folder: PathBuf,
}

/// What is attacked.
pub(crate) struct Site {
    /// On which database.
    pub(crate) database: Database,
    /// What it works with.
    pub(crate) tools: Tools,
    /// The servers.
    pub(crate) replicas: Vec<Replica>,
    /// The disk under an SQLite file.
    pub(crate) disk: Option<Disk>,
    url: String,
    clock: Mutex<Vec<ClockStep>>,
    history: AtomicUsize,
    /// True while everything stands still for a restore.
    restoring: watch::Sender<bool>,
    /// What went wrong, in order of its end.
    spells: Mutex<Vec<Spell>>,
    /// How long the machine did not run.
    stalled: Mutex<Duration>,
    /// What servers should not have done.
    complaints: Mutex<Vec<String>>,
}

impl Site {
    /// Makes the database and starts every server.
    ///
    /// # Errors
    /// If something does not start.
    pub(crate) async fn start(tools: Tools, database: Database) -> Result<Self> {
        fs::create_dir_all(&tools.folder)?;
        let (url, disk) = match database {
            Database::Sqlite => {
                let disk = Disk::new(&tools.folder.join("disk"))?;
                let file = disk.folder().join("echelon.db");
                (format!("sqlite://{}", file.display()), Some(disk))
            }
            Database::Postgres => {
                let cluster = cluster(&tools)?;
                cluster.create(ATTACKED).await?;
                cluster.create(BESIDE).await?;
                let table = "CREATE TABLE busy (number bigint)";
                cluster.execute(BESIDE, &[table]).await?;
                (cluster.database(ATTACKED)?, None)
            }
        };
        let mut replicas = Vec::new();
        for number in 0..database.replicas() {
            replicas.push(Replica::new(&tools, &url, number).await?);
        }
        let site = Self {
            database,
            tools,
            replicas,
            disk,
            url,
            clock: Mutex::new(vec![ClockStep {
                at_us: 0,
                shift_us: 0,
            }]),
            history: AtomicUsize::new(0),
            restoring: watch::Sender::new(false),
            spells: Mutex::default(),
            stalled: Mutex::default(),
            complaints: Mutex::default(),
        };
        for number in 0..site.replicas.len() {
            site.rise(number).await?;
        }
        Ok(site)
    }

    /// Starts a server that is down, and leads clients to it. One that is up stays.
    ///
    /// # Errors
    /// If it does not start, however often it is tried.
    pub(crate) async fn rise(&self, number: usize) -> Result<()> {
        let replica = self.replica(number);
        let mut slot = replica.daemon.lock().await;
        if slot.is_some() {
            return Ok(());
        }
        let patience = Patience::new(self, START_PATIENCE);
        loop {
            match Daemon::start(replica.place()).await {
                Ok(daemon) => {
                    replica.clients.lead(Some(daemon.address()));
                    *slot = Some(daemon);
                    return Ok(());
                }
                Err(error) if patience.is_over(self) => return Err(error),
                Err(_) => sleep(START_AGAIN).await,
            }
        }
    }

    /// Kills a server, if it is up.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub(crate) async fn fall(&self, number: usize) -> Result<()> {
        let replica = self.replica(number);
        let daemon = replica.daemon.lock().await.take();
        replica.clients.lead(None);
        match daemon {
            Some(daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }

    /// Ends a server in order, if it is up.
    ///
    /// # Errors
    /// If it does not end well.
    pub(crate) async fn rest(&self, number: usize) -> Result<()> {
        let replica = self.replica(number);
        let daemon = replica.daemon.lock().await.take();
        let stopped = match daemon {
            Some(daemon) => daemon.stop().await,
            None => Ok(()),
        };
        replica.clients.lead(None);
        stopped
    }

    /// One of the servers, whatever number a plan has drawn.
    #[must_use]
    pub(crate) fn replica(&self, number: usize) -> &Replica {
        &self.replicas[number % self.replicas.len()]
    }

    /// Sets every clock: those of the machines, and that of the database.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn set_clocks(&self, shift_us: i64) -> Result<()> {
        for replica in &self.replicas {
            replica.set_clock(shift_us, shift_us)?;
        }
        let at_us = machine_us();
        lock(&self.clock).push(ClockStep { at_us, shift_us });
        Ok(())
    }

    /// Sets the clock of one server's machine, and not that of the database.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn set_clock_of(&self, number: usize, shift_us: i64) -> Result<()> {
        self.replica(number).set_clock(shift_us, self.shift_us())
    }

    /// By how much the servers' clock is off now.
    #[must_use]
    pub(crate) fn shift_us(&self) -> i64 {
        lock(&self.clock).last().map_or(0, |step| step.shift_us)
    }

    /// A time that servers would not take for past: by the furthest that their clock has been.
    #[must_use]
    pub(crate) fn servers_us(&self) -> i64 {
        let clock = lock(&self.clock);
        let furthest = clock.iter().map(|step| step.shift_us).max();
        machine_us() + furthest.unwrap_or(0)
    }

    /// Which history it is.
    #[must_use]
    pub(crate) fn history(&self) -> usize {
        self.history.load(Ordering::SeqCst)
    }

    /// Begins the next history. No server must be up.
    pub(crate) fn begin_history(&self) {
        self.history.fetch_add(1, Ordering::SeqCst);
    }

    /// Holds up clients and watchers, or lets them go on.
    pub(crate) fn hold_up(&self, hold: bool) {
        self.restoring.send_replace(hold);
    }

    /// Waits while everything stands still for a restore.
    pub(crate) async fn passable(&self) {
        let mut restoring = self.restoring.subscribe();
        // An error would mean that the site is gone, and this borrows it.
        let _ = restoring.wait_for(|restoring| !*restoring).await;
    }

    /// Notes that the machine did not run for a time.
    pub(crate) fn stall(&self, lasted: Duration, spell: Spell) {
        *lock(&self.stalled) += lasted;
        self.note(spell);
    }

    /// How long the machine did not run, all in all.
    pub(crate) fn stalled(&self) -> Duration {
        *lock(&self.stalled)
    }

    /// Notes what went wrong for a time.
    pub(crate) fn note(&self, spell: Spell) {
        lock(&self.spells).push(spell);
    }

    /// Notes what a server should not have done. The first of many are enough.
    pub(crate) fn complain(&self, complaint: String) {
        let mut complaints = lock(&self.complaints);
        if complaints.len() < COMPLAINTS {
            eprintln!("{} complaint: {complaint}", self.database.as_str());
            complaints.push(complaint);
        }
    }

    /// What the checker needs to know of times.
    #[must_use]
    pub(crate) fn told(&self) -> (Vec<Spell>, Vec<ClockStep>, Vec<String>) {
        (
            lock(&self.spells).clone(),
            lock(&self.clock).clone(),
            lock(&self.complaints).clone(),
        )
    }

    /// Runs a chore of `echelond` on the database. No server must be up on SQLite.
    ///
    /// # Errors
    /// If it does not end.
    pub(crate) async fn chore(&self, arguments: &[&str]) -> Result<(bool, String)> {
        chore(&self.tools.echelond, &self.url, arguments).await
    }

    /// The whole log, by `echelond export`, kept as a file of this name.
    ///
    /// # Errors
    /// If it cannot be exported.
    pub(crate) async fn export(&self, name: &str) -> Result<Vec<v1::Event>> {
        let file = self.tools.folder.join(name);
        export(&self.tools.echelond, &self.url, &file).await
    }

    /// Brings an exported log into a database of the other kind, and reads it back. None if there is no PostgreSQL.
    ///
    /// # Errors
    /// If it is not taken.
    pub(crate) async fn twin(&self, name: &str) -> Result<Option<Vec<v1::Event>>> {
        let Some(cluster) = &self.tools.cluster else {
            return Ok(None);
        };
        let url = match self.database {
            Database::Postgres => {
                let file = self.tools.folder.join("twin.db");
                format!("sqlite://{}", file.display())
            }
            Database::Sqlite => {
                let name = format!("{TWIN}_{}", std::process::id());
                cluster.create(&name).await?;
                cluster.database(&name)?
            }
        };
        let echelond = &self.tools.echelond;
        let source = self.tools.folder.join(name);
        let file = source.to_str().context("the run's folder is no text")?;
        let (taken, said) = chore(echelond, &url, &["import", file]).await?;
        if !taken {
            bail!("the other database does not take the log: {said}");
        }
        let events = export(echelond, &url, &self.tools.folder.join("twin.stream")).await?;
        if self.database == Database::Sqlite {
            cluster
                .remove(&format!("{TWIN}_{}", std::process::id()))
                .await?;
        }
        Ok(Some(events))
    }

    /// Keeps the database as it is. No server must be up.
    ///
    /// # Errors
    /// If there is no room for it.
    pub(crate) async fn save(&self) -> Result<()> {
        let copy = self.tools.folder.join("database");
        match self.database {
            Database::Sqlite => {
                fs::copy(self.file()?, copy).context("cannot keep the database")?;
                Ok(())
            }
            Database::Postgres => self.cluster()?.dump(ATTACKED, &copy).await,
        }
    }

    /// The path of the SQLite file.
    ///
    /// # Errors
    /// If it is on PostgreSQL.
    pub(crate) fn file(&self) -> Result<&Path> {
        let path = self.url.strip_prefix("sqlite://");
        path.map(Path::new).context("PostgreSQL is no file")
    }

    /// The cluster of its database.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn cluster(&self) -> Result<&Cluster> {
        cluster(&self.tools)
    }
}

/// The machine's clock, in microseconds.
#[must_use]
pub(crate) fn machine_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

async fn export(echelond: &Path, url: &str, file: &Path) -> Result<Vec<v1::Event>> {
    let path = file.to_str().context("the run's folder is no text")?;
    let (written, said) = chore(echelond, url, &["export", path]).await?;
    if !written {
        bail!("the log cannot be exported: {said}");
    }
    stream::events(&fs::read(file)?)
}

fn cluster(tools: &Tools) -> Result<&Cluster> {
    tools
        .cluster
        .as_ref()
        .context("no PostgreSQL was given: run `cargo xtask torture`, which starts one")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
