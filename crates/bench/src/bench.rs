//! One run: what is measured on, made when it is first needed and gone at the end.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Seek as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    thread::available_parallelism,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use echelon_domain::Timestamp;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    database::{self, Database, Kind, Place},
    dataset::{Dataset, Scenario, Tree},
    import,
    measure::Measure,
    process::{Daemon, Echo, Processes, Programs},
    report::{Report, table::number},
    size::{Extent, Size},
};

/// Nothing that is measured takes as long as this, imports included, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The programs.
    pub programs: Programs,
    /// How large.
    pub size: Size,
    /// On which databases.
    pub kinds: Vec<Kind>,
    /// What.
    pub measures: Vec<Measure>,
    /// URL of PostgreSQL's maintenance database.
    pub postgres: Option<String>,
    /// Where files go.
    pub folder: PathBuf,
}

/// Runs a plan.
///
/// # Errors
/// If the benchmark itself cannot run; what a measure finds wrong is in the report.
pub async fn run(plan: Plan) -> Result<Report> {
    let folder = tempfile::Builder::new()
        .prefix("echelon-bench-")
        .tempdir_in(&plan.folder)
        .with_context(|| format!("cannot make a folder in {}", plan.folder.display()))?;
    let mut report = Report::new(plan.size, machine(folder.path())?);
    eprintln!("{}", report.machine);
    for kind in &plan.kinds {
        let mut bench = Bench::open(&plan, *kind, &folder).await?;
        for measure in &plan.measures {
            let started = Instant::now();
            eprintln!("{} on {}", measure.as_str(), kind.as_str());
            let measuring = timeout(PATIENCE, measure.run(&mut bench, &mut report)).await;
            let measured = measuring
                .unwrap_or_else(|_| bail!("it does not end within {} s", PATIENCE.as_secs()));
            if let Err(error) = measured {
                report.fail(measure.as_str(), *kind, &error);
                // What failed may have left a server that fails the next one too.
                bench.abandon().await?;
            }
            eprintln!("  took {:.1} s", started.elapsed().as_secs_f64());
        }
        bench.close().await?;
    }
    Ok(report)
}

/// What a run measures on, on one database.
pub struct Bench {
    /// The programs.
    pub programs: Programs,
    /// How large.
    pub size: Size,
    /// What the size comes to.
    pub extent: Extent,
    /// Which database.
    pub kind: Kind,
    /// Where databases are made.
    pub place: Place,
    /// Where files go.
    pub folder: PathBuf,
    /// Begins the ids of requests.
    pub run: String,
    postmaster: Option<i32>,
    now: Timestamp,
    echo: Option<Echo>,
    backlog: Option<Loaded>,
    streams: BTreeMap<String, PathBuf>,
    next_call: u64,
}

/// A database with an organization in it, and perhaps a server on it.
pub struct Loaded {
    /// The server, which goes before its database.
    daemon: Option<Daemon>,
    /// The organization.
    pub dataset: Dataset,
    /// The database.
    pub database: Database,
    /// How long its import took.
    pub imported_in: Duration,
}

/// Where an organization is served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The organization.
    pub dataset: Dataset,
    /// The server.
    pub address: SocketAddr,
    /// Its processes, those of the database included.
    pub processes: Processes,
    /// Its own process.
    pub id: rustix::process::Pid,
    /// The database.
    pub url: String,
}

impl Bench {
    async fn open(plan: &Plan, kind: Kind, folder: &TempDir) -> Result<Self> {
        let place = match kind {
            Kind::Sqlite => Place::Folder(folder.path().to_owned()),
            Kind::Postgres => Place::Server(plan.postgres.clone().context(
                "no PostgreSQL is named: run `cargo xtask bench`, which starts one, or give --postgres its URL",
            )?),
        };
        let postmaster = match &place {
            Place::Folder(_) => None,
            Place::Server(url) => database::postmaster(url).await?,
        };
        let now = now();
        Ok(Self {
            programs: plan.programs.clone(),
            size: plan.size,
            extent: plan.size.extent(),
            kind,
            place,
            folder: folder.path().to_owned(),
            run: format!("bench-{}", now.as_micros()),
            postmaster,
            now,
            echo: None,
            backlog: None,
            streams: BTreeMap::new(),
            next_call: 0,
        })
    }

    /// An organization of this run.
    #[must_use]
    pub const fn dataset(&self, scenario: Scenario, teams: usize) -> Dataset {
        Dataset {
            scenario,
            tree: Tree::of(teams),
            now: self.now,
        }
    }

    /// Its event stream, written when it is first asked for.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn stream(&mut self, dataset: &Dataset) -> Result<PathBuf> {
        let name = format!("{}-{}", dataset.organization(), dataset.tree.teams);
        if let Some(path) = self.streams.get(&name) {
            return Ok(path.clone());
        }
        let started = Instant::now();
        let path = self
            .folder
            .join(format!("{name}.{}.stream", self.kind.as_str()));
        let written = dataset.write(&path)?;
        eprintln!(
            "  wrote {} blockers, {} MB, in {:.1} s",
            number(written.blockers as f64),
            number(written.bytes as f64 / 1e6),
            started.elapsed().as_secs_f64()
        );
        self.streams.insert(name, path.clone());
        Ok(path)
    }

    /// Brings an organization into a database that no server uses, and tells how long that took.
    ///
    /// # Errors
    /// If the import fails.
    pub async fn import(&mut self, dataset: &Dataset, url: &str) -> Result<Duration> {
        let stream = self.stream(dataset)?;
        let took = import::import(&self.programs, url, &stream).await?;
        eprintln!(
            "  imported {} blockers of {} teams in {:.1} s",
            number(dataset.blockers() as f64),
            number(dataset.tree.teams as f64),
            took.as_secs_f64()
        );
        Ok(took)
    }

    /// A new database with an organization in it.
    ///
    /// # Errors
    /// If the import fails.
    pub async fn load(&mut self, dataset: Dataset, name: &str) -> Result<Loaded> {
        let database = Database::create(&self.place, name).await?;
        let imported_in = self.import(&dataset, database.url()).await?;
        Ok(Loaded {
            daemon: None,
            dataset,
            database,
            imported_in,
        })
    }

    /// The main organization, in its database.
    ///
    /// # Errors
    /// If the import fails.
    pub async fn backlog(&mut self) -> Result<&mut Loaded> {
        if self.backlog.is_none() {
            let dataset = self.dataset(Scenario::Backlog, self.extent.teams);
            self.backlog = Some(self.load(dataset, "backlog").await?);
        }
        self.backlog.as_mut().context("it was just made")
    }

    /// The main organization, served.
    ///
    /// # Errors
    /// If the import fails, or the server does not start.
    pub async fn serving(&mut self) -> Result<Serving> {
        let (programs, postmaster) = (self.programs.clone(), self.postmaster);
        let backlog = self.backlog().await?;
        backlog.serving(&programs, postmaster).await
    }

    /// Serves what was loaded.
    ///
    /// # Errors
    /// If the server does not start.
    pub async fn serve(&self, loaded: &mut Loaded) -> Result<Serving> {
        loaded.serving(&self.programs, self.postmaster).await
    }

    /// The echo server.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn echo(&mut self) -> Result<(SocketAddr, Processes)> {
        if self.echo.is_none() {
            self.echo = Some(Echo::start(&self.programs).await?);
        }
        let echo = self.echo.as_ref().context("it was just started")?;
        Ok((echo.address, Processes::of(echo.id())))
    }

    /// This process and the database's: what raw SQL costs.
    #[must_use]
    pub fn raw_processes(&self) -> Processes {
        Processes::this().and_family(self.postmaster)
    }

    /// Numbers of calls that were never made before, from the first of them on.
    pub const fn calls(&mut self, count: u64) -> u64 {
        let first = self.next_call;
        self.next_call += count;
        first
    }

    /// Ends the main organization's server without asking whether all was well.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub async fn abandon(&mut self) -> Result<()> {
        match self
            .backlog
            .as_mut()
            .and_then(|backlog| backlog.daemon.take())
        {
            Some(daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }

    async fn close(mut self) -> Result<()> {
        if let Some(mut backlog) = self.backlog.take() {
            backlog.stop().await?;
        }
        for path in self.streams.values() {
            std::fs::remove_file(path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

impl Loaded {
    /// The server on it, started if there is none.
    async fn serving(&mut self, programs: &Programs, postmaster: Option<i32>) -> Result<Serving> {
        if self.daemon.is_none() {
            self.daemon = Some(Daemon::start(programs, self.database.url()).await?);
        }
        let daemon = self.daemon.as_ref().context("it was just started")?;
        Ok(Serving {
            dataset: self.dataset,
            address: daemon.address,
            processes: Processes::of(daemon.id()).and_family(postmaster),
            id: daemon.id(),
            url: self.database.url().to_owned(),
        })
    }

    /// How long ago the server on it was started; zero without one.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.daemon.as_ref().map_or(Duration::ZERO, Daemon::age)
    }

    /// Ends the server on it, if there is one.
    ///
    /// # Errors
    /// If it does not end well, or has logged an error.
    pub async fn stop(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.stop().await,
            None => Ok(()),
        }
    }

    /// Starts a server on it and tells when it was started and when it was ready.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self, programs: &Programs) -> Result<&Daemon> {
        self.stop().await?;
        let daemon = Daemon::start(programs, self.database.url()).await?;
        Ok(self.daemon.insert(daemon))
    }
}

/// The present.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(0));
    Timestamp::from_micros(micros)
}

/// What the machine is: figures mean little without it.
fn machine(folder: &Path) -> Result<String> {
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(format!(
        "{cores} cores; {}/s fdatasync of 4 KiB in {}",
        number(syncs_per_second(folder)?),
        folder.parent().unwrap_or(folder).display()
    ))
}

/// How often the disk makes a block durable.
fn syncs_per_second(folder: &Path) -> Result<f64> {
    const TIMES: u32 = 200;
    let mut file = File::create(folder.join("sync"))?;
    let block = [0; 4096];
    let started = Instant::now();
    for _ in 0..TIMES {
        file.rewind()?;
        file.write_all(&block)?;
        file.sync_data()?;
    }
    Ok(f64::from(TIMES) / started.elapsed().as_secs_f64())
}
