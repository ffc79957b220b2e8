//! The processes that are measured: `echelond`, and the bare echo server.

mod usage;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
    time::{sleep, timeout},
};

pub(crate) use usage::parent as parent_of;
pub use usage::{Processes, resident_bytes};

/// Nothing starts or ends more slowly than this, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an import or export may take.
const BULK_PATIENCE: Duration = Duration::from_secs(900);
/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// How many of the last lines of a log are told.
const TOLD: usize = 20;

/// The programs, found beside the one that runs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `echelond`.
    pub echelond: PathBuf,
    /// `echelon-bench`.
    pub bench: PathBuf,
}

impl Programs {
    /// Those in the folder of the program that runs.
    ///
    /// # Errors
    /// If one is missing.
    pub fn beside_this() -> Result<Self> {
        let bench = std::env::current_exe().context("cannot tell where this program is")?;
        let folder = bench.parent().unwrap_or(Path::new(".")).to_owned();
        Self::within(&folder)
    }

    /// Those in a folder.
    ///
    /// # Errors
    /// If one is missing.
    pub fn within(folder: &Path) -> Result<Self> {
        let found = |name: &str| {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(path);
            }
            bail!(
                "{} is missing: run `cargo xtask bench`, which builds it",
                path.display()
            )
        };
        Ok(Self {
            echelond: found("echelond")?,
            bench: found("echelon-bench")?,
        })
    }
}

/// A process that serves. Dropping it kills it.
pub struct Served {
    child: Child,
    id: Pid,
    name: &'static str,
    log: watch::Receiver<Vec<String>>,
}

impl Served {
    fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id
            .and_then(Pid::from_raw)
            .with_context(|| format!("{name} ended at once"))?;
        let stderr = child.stderr.take().context("stderr is a pipe")?;
        let (sender, log) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|log| log.push(line));
            }
        });
        Ok(Self {
            child,
            id,
            name,
            log,
        })
    }

    /// Its process.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.id
    }

    /// Waits for a line that contains `part` and returns it.
    async fn says(&mut self, part: &str) -> Result<String> {
        let find = |log: &Vec<String>| log.iter().find(|line| line.contains(part)).cloned();
        let line = {
            let said = self.log.wait_for(|log| find(log).is_some());
            match timeout(PATIENCE, said).await {
                Ok(Ok(log)) => find(&log),
                Ok(Err(_)) | Err(_) => None,
            }
        };
        line.with_context(|| format!("{} does not start: {}", self.name, self.told()))
    }

    /// The end of its log.
    fn told(&self) -> String {
        let log = self.log.borrow();
        log[log.len().saturating_sub(TOLD)..].join("\n")
    }

    /// Ends it at once, and waits until nothing is left of it.
    async fn kill(mut self) -> Result<()> {
        let killed = self.child.kill().await;
        killed.with_context(|| format!("cannot end {}", self.name))
    }

    /// Ends it in order.
    async fn stop(mut self) -> Result<()> {
        kill_process(self.id, Signal::TERM)
            .with_context(|| format!("{} has ended by itself: {}", self.name, self.told()))?;
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("{} does not end", self.name))??;
        if !status.success() {
            bail!("{} failed: {status}: {}", self.name, self.told());
        }
        let log = self.log.borrow();
        if let Some(line) = log.iter().find(|line| line.contains(" ERROR ")) {
            bail!("{} logged an error: {line}", self.name);
        }
        Ok(())
    }
}

/// A running `echelond`.
pub struct Daemon {
    served: Served,
    /// Where it serves gRPC.
    pub address: SocketAddr,
    /// How long it took from the start of the process to `/readyz`.
    pub ready_after: Duration,
    started: Instant,
}

impl Daemon {
    /// Starts one on free ports and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn start(programs: &Programs, database: &str) -> Result<Self> {
        let started = Instant::now();
        let mut served = Served::start(
            "echelond",
            Command::new(&programs.echelond).args([
                "--database",
                database,
                "--listen",
                "127.0.0.1:0",
                "--http-listen",
                "127.0.0.1:0",
            ]),
        )?;
        let line = served.says(" serves gRPC on ").await?;
        let address = address(&line, "gRPC on ")?;
        let http = self::address(&line, "HTTP on ")?;
        while !is_ready(http).await {
            if started.elapsed() > PATIENCE {
                bail!("echelond does not become ready: {}", served.told());
            }
            sleep(LOOK).await;
        }
        Ok(Self {
            served,
            address,
            ready_after: started.elapsed(),
            started,
        })
    }

    /// How long ago its process was started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Its process.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.served.id()
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub async fn kill(self) -> Result<()> {
        self.served.kill().await
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// If it does not end well, or has logged an error.
    pub async fn stop(self) -> Result<()> {
        self.served.stop().await
    }
}

/// A running echo server.
pub struct Echo {
    served: Served,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Echo {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(programs: &Programs) -> Result<Self> {
        let mut served = Served::start(
            "the echo server",
            Command::new(&programs.bench).args(["echo", "--listen", "127.0.0.1:0"]),
        )?;
        let line = served.says("echo on ").await?;
        Ok(Self {
            address: address(&line, "echo on ")?,
            served,
        })
    }

    /// Its process.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.served.id()
    }
}

/// Runs `echelond` with a command that ends, and returns how long it took.
///
/// # Errors
/// If it fails, with what it said.
pub async fn run_echelond(
    programs: &Programs,
    database: &str,
    arguments: &[&str],
) -> Result<Duration> {
    let started = Instant::now();
    let running = Command::new(&programs.echelond)
        .env_clear()
        .args(["--database", database])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(BULK_PATIENCE, running)
        .await
        .with_context(|| format!("echelond {arguments:?} does not end"))?
        .context("cannot start echelond")?;
    let took = started.elapsed();
    if !output.status.success() {
        bail!(
            "echelond {arguments:?} failed: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(took)
}

fn address(line: &str, before: &str) -> Result<SocketAddr> {
    line.split_once(before)
        .and_then(|(_, rest)| rest.split([' ', ';']).next())
        .and_then(|address| address.parse().ok())
        .with_context(|| format!("no address in {line:?}"))
}

/// Whether `/readyz` answers 200.
async fn is_ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
