//! A running `echelond`, and one that ran to its end.

use std::{
    path::Path,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use echelon_client::{Client, Options};
use echelon_testkit::echelond;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

/// Nothing takes as long as this, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of `echelond`. Dropping it kills it.
pub(super) struct Daemon {
    child: Child,
    /// What it printed, line by line.
    stdout: watch::Receiver<Vec<String>>,
    /// What it logged, line by line.
    stderr: watch::Receiver<Vec<String>>,
}

/// A command of `echelond`, in a folder and with nothing in its environment.
pub(super) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(echelond());
    command
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(super) async fn run(folder: &Path, arguments: &[&str]) -> Output {
    timeout(PATIENCE, command(folder, arguments).output())
        .await
        .unwrap_or_else(|_| panic!("echelond {arguments:?} does not end"))
        .expect("echelond runs")
}

impl Daemon {
    /// Starts one on free ports.
    pub(super) fn start(folder: &Path, database: &str, arguments: &[&str]) -> Self {
        let ports = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
        let mut child = command(folder, &["--database", database])
            .args(ports)
            .args(arguments)
            .spawn()
            .expect("echelond starts");
        let stdout = child.stdout.take().map(lines).expect("stdout is a pipe");
        let stderr = child.stderr.take().map(lines).expect("stderr is a pipe");
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Waits until a line that it printed contains `part`. Panics if it ends without one.
    pub(super) async fn printed(&mut self, part: &str) {
        if wait(&mut self.stdout, part).await.is_none() {
            panic!(
                "it does not print {part:?}: {:#?} {:#?}",
                self.output(),
                self.log()
            );
        }
    }

    /// The lines that it has printed so far.
    pub(super) fn output(&self) -> Vec<String> {
        self.stdout.borrow().clone()
    }

    /// The lines that it has logged so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.stderr.borrow().clone()
    }

    /// A client, connected when it serves.
    pub(super) async fn client(&mut self) -> Client {
        let address = self.address("gRPC on ").await;
        Client::connect(Options {
            addresses: vec![format!("http://{address}")],
            deadline: PATIENCE,
            ..Options::default()
        })
        .await
        .expect("a server that says so serves")
    }

    /// The address of gRPC.
    pub(super) async fn grpc_address(&mut self) -> String {
        self.address("gRPC on ").await
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().expect("it has not ended")
    }

    /// The address of its second port.
    pub(super) async fn http_address(&mut self) -> String {
        self.address("HTTP on ").await
    }

    pub(super) async fn address(&mut self, before: &str) -> String {
        let Some(line) = wait(&mut self.stderr, " serves gRPC on ").await else {
            panic!("it does not serve: {:#?}", self.log());
        };
        let rest = line.split_once(before).expect("it names the address").1;
        rest.split([' ', ';']).next().unwrap_or_default().to_owned()
    }

    /// Sends SIGTERM.
    pub(super) fn terminate(&self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).expect("it has not ended");
        kill_process(id, Signal::TERM).expect("a child takes signals");
    }

    /// Sends SIGKILL, and waits until nothing is left of it.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it does not end: {:#?}", self.log()))
            .expect("a child can be waited for")
    }

    /// Ends it in order. Panics unless it ends well and has logged no error.
    pub(super) async fn stop(mut self) {
        self.terminate();
        let status = self.ended().await;
        let log = self.log();
        assert!(status.success(), "{status}: {log:#?}");
        assert!(
            !log.iter().any(|line| line.contains(" ERROR ")),
            "it logged an error: {log:#?}"
        );
    }
}

/// Reads lines for as long as they come.
pub(super) fn lines(from: impl AsyncRead + Unpin + Send + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|lines| lines.push(line));
        }
    });
    receiver
}

/// The first line that contains `part`; none if the process ends, or is silent for too long, without one.
async fn wait(lines: &mut watch::Receiver<Vec<String>>, part: &str) -> Option<String> {
    let find = |lines: &Vec<String>| lines.iter().find(|line| line.contains(part)).cloned();
    let found = timeout(PATIENCE, lines.wait_for(|lines| find(lines).is_some())).await;
    find(&*found.ok()?.ok()?)
}

/// Verifies a database that no server uses. Panics if something does not hold.
pub(super) async fn check(folder: &Path, database: &str) {
    let checked = run(folder, &["--database", database, "check"]).await;
    let text = String::from_utf8_lossy(&checked.stdout);
    let errors = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{text}{errors}");
    assert!(text.lines().all(|line| line.ends_with(": ok")), "{text}");
    assert!(!text.is_empty(), "it checked nothing: {errors}");
}

/// What a server tells Prometheus, with the head of its answer.
pub(super) async fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the second port answers");
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the second port answers");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("the second port answers");
    answer
}
