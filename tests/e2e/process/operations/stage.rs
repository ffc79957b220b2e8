//! Where the document is followed: a folder with the programs, and a PostgreSQL that is called `db`.

use std::{
    env, fs,
    os::unix::{fs::symlink, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use echelon_testkit::{TestPostgres, echelond, free_port};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use super::{
    super::daemon::lines,
    block::{Step, blocks},
};

/// No block takes as long as this; the first compiles what is not compiled yet.
const PATIENCE: Duration = Duration::from_secs(600);
/// What a server logs when it serves.
const SERVES: &str = " serves gRPC on ";
/// Programs that call a server that somebody has started before.
const CALLERS: [&str; 2] = ["echelon", "curl"];
/// Folders of the repository that commands read from.
const SOURCES: [&str; 3] = ["crates", "deploy", "helm"];
/// Folders that a machine has, and that are within the stage here.
const SYSTEM: [&str; 3] = ["bin", "etc/systemd/system", "var"];

/// Where the document is followed.
pub(super) struct Stage {
    folder: TempDir,
    postgres: TestPostgres,
    port: u16,
    http_port: u16,
}

/// A script at work, in a process group of its own.
struct Script {
    child: Child,
    lines: watch::Receiver<Vec<String>>,
}

impl Stage {
    /// A folder with the organization of a document, and with what the repository and a machine have.
    pub(super) async fn set(readme: &str) -> Self {
        let folder = TempDir::new().unwrap();
        for system in SYSTEM {
            fs::create_dir_all(folder.path().join(system)).unwrap();
        }
        for source in SOURCES {
            let there = root().join(source);
            if there.exists() {
                symlink(there, folder.path().join(source)).unwrap();
            }
        }
        let organization = blocks(readme)
            .into_iter()
            .find(|block| block.language == "yaml" && block.text.starts_with("# acme.yaml"))
            .expect("the document has an organization");
        fs::write(folder.path().join("acme.yaml"), organization.text).unwrap();
        Self {
            folder,
            postgres: TestPostgres::start().await,
            port: free_port().unwrap(),
            http_port: free_port().unwrap(),
        }
    }

    /// What the document names, and what it is called here: where programs are built and installed, and who listens.
    fn here(&self) -> Vec<(&'static str, String)> {
        let built = echelond().parent().expect("a program is in a folder");
        let profile = match built.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev".to_owned(),
            Some(name) => name.to_owned(),
        };
        let target = built.parent().expect("a profile is in target");
        let profile = format!(
            "--profile {profile} --quiet --manifest-path {} --target-dir {}",
            root().join("Cargo.toml").display(),
            target.display()
        );
        let here = format!("127.0.0.1:{}", self.port);
        let within = |folder: &str| format!(" {}{folder}", self.folder.path().display());
        vec![
            ("--profile dist", profile),
            ("target/dist/", format!("{}/", built.display())),
            ("/usr/local/bin", self.programs().display().to_string()),
            (" /etc/", within("/etc/")),
            (" /var/", within("/var/")),
            ("@db/", format!("@127.0.0.1:{}/", self.postgres.port())),
            ("0.0.0.0:7400", here.clone()),
            ("127.0.0.1:7400", here),
            ("127.0.0.1:7401", format!("127.0.0.1:{}", self.http_port)),
        ]
    }

    /// Runs commands. A server that they start ends, by SIGTERM, when it serves; one that they call is beside them. Panics
    /// if one fails.
    pub(super) async fn run(&self, steps: &[Step], place: &str) {
        let mut programs = steps.iter().flat_map(|step| &step.programs);
        let beside = match programs.any(|program| CALLERS.contains(&program.as_str())) {
            true => Some(self.serve("echelond").await),
            false => None,
        };
        let mut text: String = steps.iter().map(|step| step.text.as_str()).collect();
        for (name, here) in self.here() {
            text = text.replace(name, &here);
        }
        // The shell outlives the signal that ends a server before it.
        let script = self.script(&format!("set -eu\ntrap : TERM\n{text}"));
        let (status, log) = script.follow().await;
        assert!(
            status.success(),
            "{place} ends with {status}:\n{text}\n{log}"
        );
        if let Some(beside) = beside {
            let (status, log) = beside.end().await;
            assert!(
                status.success(),
                "{place}: the server ends with {status}:\n{log}"
            );
        }
    }

    /// Asserts that a program knows a command that a sentence names.
    pub(super) async fn assert_known(&self, command: &str) {
        let script = self.script(&format!("{command} --help"));
        let (status, log) = script.follow().await;
        assert!(status.success(), "`{command}` is unknown: {log}");
    }

    /// Starts a server and waits until it serves.
    async fn serve(&self, command: &str) -> Script {
        let mut script = self.script(&format!("exec {command}"));
        let serves = |lines: &Vec<String>| lines.iter().any(|line| line.contains(SERVES));
        let served = timeout(PATIENCE, script.lines.wait_for(serves)).await;
        let is_served = served.is_ok_and(|served| served.is_ok());
        assert!(
            is_served,
            "{command} does not serve: {:#?}",
            script.lines.borrow()
        );
        script
    }

    fn script(&self, text: &str) -> Script {
        let mut command = Command::new("sh");
        for (name, _) in env::vars_os() {
            let of_others = ["CARGO_PKG_", "CARGO_MANIFEST_", "ECHELON_"];
            let name = name.to_string_lossy().into_owned();
            if of_others.iter().any(|start| name.starts_with(start)) {
                command.env_remove(name);
            }
        }
        let here = |port: u16| format!("127.0.0.1:{port}");
        let mut child = command
            .args(["-c", &format!("exec 2>&1\n{text}")])
            .current_dir(self.folder.path())
            .env("PATH", self.path())
            .env("ECHELON_LISTEN", here(self.port))
            .env("ECHELON_HTTP_LISTEN", here(self.http_port))
            .env("ECHELON_ADDRESS", format!("http://{}", here(self.port)))
            .env("ECHELON_CLI_CONFIG", self.folder.path().join("cli.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("sh runs");
        let lines = child.stdout.take().map(lines).expect("stdout is a pipe");
        Script { child, lines }
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// What the document installs comes first; then PostgreSQL's programs, cargo, and what every system has.
    fn path(&self) -> String {
        let cargo = env::var_os("CARGO").map(PathBuf::from);
        let cargo = cargo
            .as_deref()
            .and_then(Path::parent)
            .map(Path::to_path_buf);
        let system = env::var_os("PATH").unwrap_or_default();
        let folders = [self.programs(), self.postgres.programs().to_path_buf()];
        let folders = folders
            .into_iter()
            .chain(cargo)
            .chain(env::split_paths(&system));
        let path = env::join_paths(folders).expect("folders have no colons");
        path.into_string().expect("folders are text")
    }
}

impl Script {
    /// Follows it to its end. Whenever a server serves, its group gets SIGTERM.
    async fn follow(mut self) -> (ExitStatus, String) {
        let group = self.group();
        let mut ended = 0;
        let status = timeout(PATIENCE, async {
            loop {
                tokio::select! {
                    status = self.child.wait() => return status.expect("a child can be waited for"),
                    changed = self.lines.changed() => {
                        if changed.is_err() {
                            return self.child.wait().await.expect("a child can be waited for");
                        }
                    }
                }
                let serving = served(&self.lines.borrow());
                if serving > ended {
                    ended = serving;
                    kill_process_group(group, Signal::TERM).expect("a group takes signals");
                }
            }
        });
        let status = status
            .await
            .unwrap_or_else(|_| ExitStatus::from_raw(124 << 8));
        (status, self.lines.borrow().join("\n"))
    }

    /// Ends a server in order.
    async fn end(mut self) -> (ExitStatus, String) {
        kill_process_group(self.group(), Signal::TERM).expect("a group takes signals");
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("it ends").expect("a child can be waited for");
        (status, self.lines.borrow().join("\n"))
    }

    fn group(&self) -> Pid {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw).expect("it has not ended")
    }
}

/// The folder of the repository.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests are in a folder of it")
        .to_path_buf()
}

fn served(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains(SERVES)).count()
}
