//! `echelond` as a process: one that serves, and one that does a chore and ends.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    sync::watch,
    time::timeout,
};

/// How long a server may take to serve, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a chore may take.
const CHORE_PATIENCE: Duration = Duration::from_secs(600);
/// What names the file that shifts a server's clock.
const CLOCK_VARIABLE: &str = "ECHELON_TEST_CLOCK_SHIFT";
/// How servers are set: quick to give up and to audit, and they never forget an answer, whatever the clock does.
const SETTINGS: [&str; 5] = [
    "connect_timeout=3s",
    "shutdown_grace=2s",
    "audit_interval=7s",
    "request_retention=8000h",
    "http_listen=",
];

/// A server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    id: Pid,
    address: SocketAddr,
}

/// Where a server finds what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The program.
    pub(crate) echelond: PathBuf,
    /// Its database.
    pub(crate) url: String,
    /// What its log is appended to.
    pub(crate) log: PathBuf,
    /// The file that shifts its clock.
    pub(crate) clock: PathBuf,
}

impl Daemon {
    /// Starts one and waits until it serves.
    ///
    /// # Errors
    /// If it ends instead, or does not serve in time.
    pub(crate) async fn start(place: &Place) -> Result<Self> {
        let mut options = File::options();
        let log = options.create(true).append(true).open(&place.log).await;
        let log = log.context("cannot open a server's log")?;
        let mut command = Command::new(&place.echelond);
        command.env_clear().env(CLOCK_VARIABLE, &place.clock).args([
            "--database",
            &place.url,
            "--listen",
            "127.0.0.1:0",
        ]);
        for setting in SETTINGS {
            command.args(["--set", setting]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start echelond")?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).context("echelond has no id")?;
        let stderr = child.stderr.take().context("stderr is a pipe")?;
        let mut served = follow(stderr, log);
        let told = timeout(PATIENCE, served.wait_for(Option::is_some)).await;
        let address = match told {
            Ok(Ok(address)) => *address,
            Ok(Err(_)) => bail!("echelond ended instead of serving"),
            Err(_) => bail!("echelond did not serve within {PATIENCE:?}"),
        };
        Ok(Self {
            address: address.context("an address was told")?,
            child,
            id,
        })
    }

    /// Where it serves.
    #[must_use]
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it has ended by itself.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.id, signal).context("echelond has ended by itself")
    }

    /// Its process.
    #[must_use]
    pub(crate) const fn id(&self) -> Pid {
        self.id
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill echelond")
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// If it does not end, or fails.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("echelond did not end within {PATIENCE:?}"))??;
        if !status.success() {
            bail!("echelond ended with {status}");
        }
        Ok(())
    }
}

/// Keeps a server's log, and tells the address that it serves on.
fn follow(stderr: ChildStderr, mut log: File) -> watch::Receiver<Option<SocketAddr>> {
    let (sender, served) = watch::channel(None);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(address) = address(&line) {
                sender.send_replace(Some(address));
            }
            // A log that cannot be kept must not stop the server's output.
            let _ = log.write_all(format!("{line}\n").as_bytes()).await;
            let _ = log.flush().await;
        }
    });
    served
}

fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(" serves gRPC on ")?;
    rest.split([' ', ';']).next()?.parse().ok()
}

/// Runs a chore of `echelond` on a database, such as `check`, and returns what it printed and whether it succeeded.
///
/// # Errors
/// If it does not end.
pub(crate) async fn chore(
    echelond: &Path,
    url: &str,
    arguments: &[&str],
) -> Result<(bool, String)> {
    let running = Command::new(echelond)
        .env_clear()
        .args(["--database", url])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(CHORE_PATIENCE, running)
        .await
        .with_context(|| format!("echelond {arguments:?} does not end"))?
        .context("cannot start echelond")?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}
