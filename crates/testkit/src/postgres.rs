//! A PostgreSQL of a test's own: one that it may stop in the middle of everything and start again.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{self, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The variable that names the folder of PostgreSQL's programs.
const VARIABLE: &str = "ECHELON_TEST_POSTGRES_BIN";
/// What a server logs when it takes connections.
const READY: &str = "ready to accept connections";
/// Nothing of it must survive a crash of the machine; a crash of its own it survives.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "fsync=off",
    "shared_buffers=32MB",
    "lc_messages=C",
];

/// A private PostgreSQL on a port of its own. Dropping it kills the server and removes its files.
#[derive(Debug)]
pub struct TestPostgres {
    server: Option<Child>,
    port: u16,
    folder: TempDir,
    programs: PathBuf,
    user: Option<User>,
}

/// Who the server runs as if the tests run as root, which it refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl TestPostgres {
    /// Creates and starts one. Panics if that fails: tests fail, they never skip.
    pub async fn start() -> Self {
        match Self::create().await {
            Ok(started) => started,
            Err(error) => panic!("a test needs a PostgreSQL of its own: {error:#}"),
        }
    }

    /// The address of its only database, for its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port on the loopback address.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder of PostgreSQL's programs.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Stops it as `pg_ctl stop -m immediate` does: connections break, and what is not committed is lost.
    pub async fn stop_immediately(&mut self) {
        let mut server = self.server.take().expect("it runs");
        let id = server.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).expect("it has not ended");
        kill_process(id, Signal::QUIT).expect("a child takes signals");
        server.wait().await.expect("a child can be waited for");
    }

    /// Starts it again, at the same address. Panics if that fails.
    pub async fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        match self.serve().await {
            Ok(server) => self.server = Some(server),
            Err(error) => panic!("the PostgreSQL of a test does not start again: {error:#}"),
        }
    }

    async fn create() -> Result<Self> {
        let user = unprivileged()?;
        let folder = TempDir::with_prefix("echelon-test-postgres-")?;
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid))?;
        }
        let mut created = Self {
            server: None,
            port: free_port()?,
            folder,
            programs: programs()?,
            user,
        };
        let made = created
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(created.data())
            .output()
            .await?;
        let errors = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb fails: {errors}");
        created.server = Some(created.serve().await?);
        Ok(created)
    }

    /// Starts the server and waits until it takes connections.
    async fn serve(&self) -> Result<Child> {
        let mut server = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-c", &format!("port={}", self.port)])
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .stderr(Stdio::piped())
            .spawn()?;
        let log = server.stderr.take().context("its log is a pipe")?;
        let mut lines = BufReader::new(log).lines();
        let mut told = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let is_ready = line.contains(READY);
            told.push(line);
            if is_ready {
                // Read on: it would wait for room in a pipe that is full.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(server);
            }
        }
        bail!("it ends: {}", told.join("\n"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// A port that was free a moment ago.
///
/// # Errors
/// None is free.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The path of a program that comes with PostgreSQL, such as `pg_dump`. Panics if it is missing: tests fail, they never skip.
#[must_use]
pub fn postgres_program(name: &str) -> PathBuf {
    let program = programs().map(|folder| folder.join(name));
    match program {
        Ok(program) if program.is_file() => program,
        Ok(missing) => panic!("a test needs {}: install it", missing.display()),
        Err(error) => panic!("a test needs {name}: {error:#}"),
    }
}

/// The folder of PostgreSQL's programs: the one that the environment names, or the one that is installed.
fn programs() -> Result<PathBuf> {
    let folder = match env::var_os(VARIABLE) {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => {
            let told = process::Command::new("pg_config").arg("--bindir").output();
            let told = told.with_context(|| {
                format!("{VARIABLE} is not set and there is no pg_config: run `cargo xtask test`")
            })?;
            PathBuf::from(String::from_utf8(told.stdout)?.trim())
        }
    };
    let complete = folder.join("initdb").is_file() && folder.join("postgres").is_file();
    ensure!(
        complete,
        "{} has no initdb and postgres: name another folder in {VARIABLE}",
        folder.display()
    );
    Ok(folder)
}

/// Who the server runs as; none: as the tests themselves.
pub(crate) fn unprivileged() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string(Path::new("/etc/passwd"))?;
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [name, _, uid, gid, ..] if *name == wanted => Some(User {
                    uid: uid.parse().ok()?,
                    gid: gid.parse().ok()?,
                }),
                _ => None,
            }
        })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    Ok(Some(user.context(
        "there is no user `postgres` or `nobody` to run as: run the tests as another user than root",
    )?))
}
