//! PgBouncer in transaction mode in front of a test's own PostgreSQL.

use std::{env, fs, os::unix::fs::chown, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    TestPostgres,
    postgres::{free_port, unprivileged},
};

/// The variable that names PgBouncer's program.
const VARIABLE: &str = "ECHELON_TEST_PGBOUNCER";
/// What it logs when it takes connections.
const READY: &str = "process up";
/// Connections to the database: so few that clients always get each other's.
const CONNECTIONS: usize = 3;

/// A private PgBouncer. Dropping it kills it and removes its files.
#[derive(Debug)]
pub struct TestBouncer {
    port: u16,
    _process: Child,
    _folder: TempDir,
}

impl TestBouncer {
    /// Starts one. Panics if that fails: tests fail, they never skip.
    pub async fn start(postgres: &TestPostgres) -> Self {
        match Self::create(postgres).await {
            Ok(started) => started,
            Err(error) => panic!("a test needs a PgBouncer of its own: {error:#}"),
        }
    }

    /// The address of the database behind it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    async fn create(postgres: &TestPostgres) -> Result<Self> {
        let folder = TempDir::with_prefix("echelon-test-pgbouncer-")?;
        let port = free_port()?;
        let users = folder.path().join("users.txt");
        let settings = folder.path().join("pgbouncer.ini");
        fs::write(&users, "\"postgres\" \"\"\n")?;
        fs::write(
            &settings,
            format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
                 default_pool_size = {CONNECTIONS}\nmax_client_conn = 200\n\
                 ignore_startup_parameters = extra_float_digits\n",
                postgres.port(),
                users.display(),
            ),
        )?;
        let mut command = Command::new(program()?);
        command
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(user) = unprivileged()? {
            for path in [folder.path(), &users, &settings] {
                chown(path, Some(user.uid), Some(user.gid))?;
            }
            command.uid(user.uid).gid(user.gid);
        }
        let mut process = command.spawn().context("it does not start")?;
        let log = process.stderr.take().context("its log is a pipe")?;
        let mut lines = BufReader::new(log).lines();
        let mut told = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let is_ready = line.contains(READY);
            told.push(line);
            if is_ready {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self {
                    port,
                    _process: process,
                    _folder: folder,
                });
            }
        }
        bail!("it ends: {}", told.join("\n"))
    }
}

/// PgBouncer's program: the one that the environment names, or the one that is installed.
fn program() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian puts it where only root looks.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut files = folders.map(|folder| folder.join("pgbouncer"));
    files.find(|file| file.is_file()).with_context(|| {
        format!("it is not installed: run `cargo xtask test`, or name it in {VARIABLE}")
    })
}
