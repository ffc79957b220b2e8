//! PostgreSQL, by its own tools: it is restarted hard, its databases are made, dumped and restored.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{process::Command, time::timeout};

/// How long one of its tools may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster that this run may do anything with.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// URL of its maintenance database, for its superuser.
    pub(crate) url: String,
    /// The folder of its programs.
    pub(crate) programs: PathBuf,
    /// The folder of its data.
    pub(crate) data: PathBuf,
}

impl Cluster {
    /// The URL of one of its databases.
    ///
    /// # Errors
    /// If the URL names no database.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        let (server, _) = self
            .url
            .rsplit_once('/')
            .context("the URL of PostgreSQL names no database")?;
        Ok(format!("{server}/{name}"))
    }

    /// Runs statements in a database, each in a transaction of its own.
    ///
    /// # Errors
    /// If one fails.
    pub(crate) async fn execute(&self, database: &str, statements: &[&str]) -> Result<()> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .args(["--dbname", &self.database(database)?]);
        for statement in statements {
            psql.args(["--command", statement]);
        }
        run(psql).await
    }

    /// Makes an empty database, in place of one that is there.
    ///
    /// # Errors
    /// If the server refuses.
    pub(crate) async fn create(&self, name: &str) -> Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let create = format!("CREATE DATABASE {name}");
        self.execute("postgres", &[&drop, &create]).await
    }

    /// Removes a database.
    ///
    /// # Errors
    /// If the server refuses.
    pub(crate) async fn remove(&self, name: &str) -> Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.execute("postgres", &[&drop]).await
    }

    /// Writes a database into a file, while it is served.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) async fn dump(&self, name: &str, file: &Path) -> Result<()> {
        let mut dump = Command::new(self.programs.join("pg_dump"));
        dump.args(["--format=custom", "--dbname", &self.database(name)?])
            .arg("--file")
            .arg(file);
        run(dump).await
    }

    /// Fills an empty database from such a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn restore(&self, name: &str, file: &Path) -> Result<()> {
        let mut restore = Command::new(self.programs.join("pg_restore"));
        restore
            .args(["--exit-on-error", "--no-owner", "--dbname"])
            .arg(self.database(name)?)
            .arg(file);
        run(restore).await
    }

    /// Restarts it as after a crash.
    ///
    /// # Errors
    /// If it does not come back.
    pub(crate) async fn restart(&self) -> Result<()> {
        // It refuses to be run by root: whoever owns the data runs it.
        let owner = std::fs::metadata(&self.data).context("the data folder is gone")?;
        let log = self.data.with_file_name("restarts.log");
        let mut restart = Command::new(self.programs.join("pg_ctl"));
        restart
            .args(["restart", "--silent", "--wait", "--mode=immediate"])
            .arg("--pgdata")
            .arg(&self.data)
            .arg("--log")
            .arg(log)
            .uid(owner.uid())
            .gid(owner.gid())
            .current_dir(&self.data);
        run(restart).await
    }
}

async fn run(mut command: Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std().get_program());
    let running = command
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, running)
        .await
        .with_context(|| format!("{shown} does not end"))?
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed: {}: {errors}", output.status);
    }
    Ok(())
}
