//! A private PostgreSQL: its own data, its own port on the loopback address, gone at the end.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::{
    process,
    system::{self, Package},
};

/// The variable that names the PostgreSQL for tests.
pub(crate) const VARIABLE: &str = "ECHELON_TEST_POSTGRES";
/// The variables that name the programs with which tests make servers of their own.
const PROGRAMS_VARIABLE: &str = "ECHELON_TEST_POSTGRES_BIN";
const BOUNCER_VARIABLE: &str = "ECHELON_TEST_PGBOUNCER";

const PACKAGE: Package = Package {
    name: "PostgreSQL",
    apt: "postgresql",
    dnf: "postgresql-server",
    apk: "postgresql",
    brew: "postgresql@17",
    otherwise: "set ECHELON_TEST_POSTGRES to the URL of a PostgreSQL whose user may create databases",
};
const BOUNCER: Package = Package {
    name: "PgBouncer",
    apt: "pgbouncer",
    dnf: "pgbouncer",
    apk: "pgbouncer",
    brew: "pgbouncer",
    otherwise: "set ECHELON_TEST_PGBOUNCER to the path of its program",
};
/// How long the server may take to start.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is stopped hard.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often its state is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How often another port is tried if somebody took the free one.
const PORTS: usize = 5;
/// Where distributions put the binaries, with `*` for the version.
const FOLDERS: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/lib", "postgresql", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// Its data, within its folder.
const DATA: &str = "data";

/// A private PostgreSQL; stopped and removed when dropped.
pub(crate) struct Cluster {
    server: Child,
    directory: TempDir,
    binaries: PathBuf,
    port: u16,
}

/// Who the server runs as if xtask runs as root, which PostgreSQL refuses.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Creates and starts one, installing PostgreSQL if need be.
    pub(crate) fn start(purpose: Purpose) -> Result<Self> {
        let candidates = installed()?;
        let user = unprivileged()?;
        let mut failure = None;
        for binaries in candidates {
            match Self::create(&binaries, user, purpose) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => {
                    process::check_signal()?;
                    failure.get_or_insert(error);
                }
            }
        }
        Err(failure.unwrap_or_else(|| anyhow::Error::msg(not_found())))
    }

    /// The URL of its maintenance database, for its superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of its programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.binaries
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join(DATA)
    }

    fn create(binaries: &Path, user: Option<User>, purpose: Purpose) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("echelon-postgres-")
            .tempdir()
            .context("cannot create a temporary folder")?;
        if let Some(user) = user {
            chown(directory.path(), Some(user.uid), Some(user.gid))
                .context("cannot give the temporary folder away")?;
        }
        let data = directory.path().join(DATA);
        let mut initdb = Command::new(binaries.join("initdb"));
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(&data);
        prepare(&mut initdb, directory.path(), user, "initdb.log")?;
        process::run(&mut initdb).with_context(|| log(directory.path(), "initdb.log"))?;
        for _ in 0..PORTS {
            let port = free_port()?;
            let mut server = Command::new(binaries.join("postgres"));
            server
                .arg("-D")
                .arg(&data)
                .args(["-c", &format!("port={port}")])
                .args(purpose.settings().flat_map(|setting| ["-c", setting]));
            prepare(&mut server, directory.path(), user, "server.log")?;
            let mut server = server
                .process_group(0)
                .spawn()
                .context("cannot start postgres")?;
            let ready = wait_until_ready(&mut server, &data);
            let cluster = |directory| Self {
                server,
                directory,
                binaries: binaries.to_owned(),
                port,
            };
            match ready {
                Ok(true) => return Ok(cluster(directory)),
                Ok(false) => {}
                Err(error) => {
                    let log = log(directory.path(), "server.log");
                    drop(cluster(directory));
                    return Err(error.context(log));
                }
            }
        }
        bail!(
            "PostgreSQL did not start: {}",
            log(directory.path(), "server.log")
        )
    }

    /// Stops it, whoever has restarted it meanwhile: its data tells its process.
    fn stop(&mut self) {
        if !matches!(self.server.try_wait(), Ok(None)) {
            self.stop_restarted();
            return;
        }
        let server = Pid::from_child(&self.server);
        // Fast, then hard. It may have ended by itself.
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            let _ = kill_process(server, signal);
            let patience = Instant::now() + STOP_PATIENCE;
            while Instant::now() < patience {
                if !matches!(self.server.try_wait(), Ok(None)) {
                    return;
                }
                thread::sleep(LOOK);
            }
        }
    }
}

impl Cluster {
    /// As [`Cluster::stop`], for a server that is no child of this process.
    fn stop_restarted(&self) {
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            let patience = Instant::now() + STOP_PATIENCE;
            while let Some(server) = serving(&self.data()) {
                if Instant::now() > patience || kill_process(server, signal).is_err() {
                    break;
                }
                thread::sleep(LOOK);
            }
        }
    }
}

/// The process that serves some data; none if it has ended.
fn serving(data: &Path) -> Option<Pid> {
    let state = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let server = Pid::from_raw(state.lines().next()?.trim().parse().ok()?)?;
    test_kill_process(server).is_ok().then_some(server)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        // The folder goes with its field.
    }
}

/// What a private server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Tests: nothing of it must survive a crash of the machine, and commits are as usual otherwise.
    Tests,
    /// Figures: what is committed is on the disk.
    Benchmark,
}

const SETTINGS: [&str; 4] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "lc_messages=C",
];
const FOR_TESTS: [&str; 4] = [
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=128MB",
    "autovacuum_naptime=10min",
];
const FOR_BENCHMARK: [&str; 5] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
];

impl Purpose {
    fn settings(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            Self::Tests => &FOR_TESTS,
            Self::Benchmark => &FOR_BENCHMARK,
        };
        SETTINGS.iter().chain(own).copied()
    }
}

/// A PostgreSQL for tests: the one that the environment names, or a private one.
pub(crate) enum Server {
    /// Named by the environment.
    Given(String),
    /// Private.
    Private(Cluster),
}

impl Server {
    /// Takes the one that the environment names, or starts a private one.
    pub(crate) fn start() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => Ok(Self::Given(url)),
            _ => Cluster::start(Purpose::Tests).map(Self::Private),
        }
    }

    /// The URL of its maintenance database.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Given(url) => url.clone(),
            Self::Private(cluster) => cluster.url(),
        }
    }

    /// Runs a statement in the maintenance database.
    pub(crate) fn execute(&self, statement: &str) -> Result<()> {
        let psql = match self {
            Self::Private(cluster) if cluster.binaries.join("psql").is_file() => {
                cluster.binaries.join("psql")
            }
            _ => system::on_path("psql")
                .context("psql is missing: install PostgreSQL's client and put it on the PATH")?,
        };
        process::run(
            Command::new(psql)
                .args(["--no-psqlrc", "--quiet", "--dbname", &self.url()])
                .args(["--command", statement]),
        )
    }
}

/// What tests must know of the programs to start, by variable; they are installed if need be.
pub(crate) fn programs() -> Result<[(&'static str, PathBuf); 2]> {
    let given = |variable| std::env::var_os(variable).filter(|path| !path.is_empty());
    let postgres = match given(PROGRAMS_VARIABLE) {
        Some(folder) => folder.into(),
        None => installed()?.into_iter().next().with_context(not_found)?,
    };
    let bouncer = match given(BOUNCER_VARIABLE) {
        Some(program) => program.into(),
        None => system::program("pgbouncer", &BOUNCER)?,
    };
    Ok([(PROGRAMS_VARIABLE, postgres), (BOUNCER_VARIABLE, bouncer)])
}

fn not_found() -> String {
    format!(
        "PostgreSQL is installed and its binaries are not found: put `pg_config` on the PATH, or {}",
        PACKAGE.otherwise
    )
}

/// Folders with a server's binaries, after installing one if there is none.
fn installed() -> Result<Vec<PathBuf>> {
    let found = candidates();
    if !found.is_empty() {
        return Ok(found);
    }
    system::install(&PACKAGE)?;
    Ok(candidates())
}

/// Starts a private one and waits for a signal to stop.
pub(crate) fn serve() -> Result<()> {
    let cluster = Cluster::start(Purpose::Tests)?;
    let programs = programs()?;
    eprintln!("PostgreSQL runs until ctrl-c; in another terminal:");
    println!("export {VARIABLE}={}", cluster.url());
    for (variable, path) in programs {
        println!("export {variable}={}", path.display());
    }
    while process::check_signal().is_ok() {
        thread::sleep(LOOK);
    }
    eprintln!(
        "stopped, and removed {}",
        cluster.directory.path().display()
    );
    Ok(())
}

/// Folders with a server's binaries: the one `pg_config` names, the `PATH`, then the usual places, newest first.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if system::on_path("pg_config").is_some()
        && let Ok(folder) = process::output(Command::new("pg_config").arg("--bindir"))
    {
        folders.push(PathBuf::from(folder.trim()));
    }
    if let Some(initdb) = system::on_path("initdb") {
        let initdb = initdb.canonicalize().unwrap_or(initdb);
        folders.extend(initdb.parent().map(Path::to_owned));
    }
    for (parent, prefix, below) in FOLDERS {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(below)))
            })
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        folders.extend(versions.into_iter().map(|(_, folder)| folder));
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let complete = ["initdb", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file());
        if complete && !found.contains(&folder) {
            found.push(folder);
        }
    }
    found
}

/// Who the server runs as; none: as xtask itself.
fn unprivileged() -> Result<Option<User>> {
    if !system::is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [user, _, uid, gid, ..] if *user == name => Some(User {
                    uid: uid.parse().ok()?,
                    gid: gid.parse().ok()?,
                }),
                _ => None,
            }
        })
    };
    match find("postgres").or_else(|| find("nobody")) {
        Some(user) => Ok(Some(user)),
        None => bail!(
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`: run as another user"
        ),
    }
}

fn prepare(command: &mut Command, directory: &Path, user: Option<User>, log: &str) -> Result<()> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.join(log))
        .context("cannot create a log file")?;
    command
        .current_dir(directory)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    Ok(())
}

/// Waits until the server takes connections. False if it ended because its port was taken.
fn wait_until_ready(server: &mut Child, data: &Path) -> Result<bool> {
    let patience = Instant::now() + START_PATIENCE;
    let id = server.id().to_string();
    while Instant::now() < patience {
        process::check_signal()?;
        if server.try_wait()?.is_some() {
            return Ok(false);
        }
        // Its first line is the server's process, its eighth the state, as pg_ctl reads it.
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let lines: Vec<&str> = state.lines().map(str::trim).collect();
        if lines.first() == Some(&id.as_str()) && lines.get(7) == Some(&"ready") {
            return Ok(true);
        }
        thread::sleep(LOOK);
    }
    bail!("PostgreSQL does not take connections within {START_PATIENCE:?}")
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .context("cannot find a free port")?
        .port())
}

/// The end of a log, for people.
fn log(directory: &Path, name: &str) -> String {
    let text = fs::read_to_string(directory.join(name)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
