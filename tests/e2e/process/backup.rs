//! `echelond backup`, `check --backup` and `restore` on SQLite, as those who run it meet them.

mod cut_off;
mod damage;
mod postgres;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use echelon_api::v1::{self, ErrorReason};
use echelon_store::DatabaseKind;
use echelon_testkit::TestDatabase;
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Code, transport::Endpoint};

use super::daemon::{Daemon, check, run};
use crate::{
    support::{
        Org,
        refusal::{reason, refused},
    },
    upgrade::recorded::Recorded,
};

/// A folder with a database, to be backed up.
pub(super) struct Site {
    folder: TempDir,
}

const DATABASE: &str = "sqlite://acme.db";
const BACKUP: &str = "acme.backup";

impl Site {
    pub(super) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// One that has served the sample organization with some blockers.
    async fn with_blockers(count: usize) -> Self {
        let site = Self::new();
        let mut daemon = site.serve(DATABASE);
        let org = org(&mut daemon).await;
        org.apply_sample().await;
        org.raise_many("team-1", count).await;
        daemon.stop().await;
        site
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn serve(&self, database: &str) -> Daemon {
        Daemon::start(self.path(), database, &[])
    }

    /// Runs a command on a database that must succeed, and returns what it prints.
    async fn succeed(&self, database: &str, arguments: &[&str]) -> String {
        let arguments = [&["--database", database], arguments].concat();
        let ended = run(self.path(), &arguments).await;
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Runs a command on a database that must be refused in one line, and returns that.
    async fn fail(&self, database: &str, arguments: &[&str]) -> String {
        let arguments = [&["--database", database], arguments].concat();
        let ended = run(self.path(), &arguments).await;
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.starts_with("echelond: "), "{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        errors
    }

    /// Names of files, sorted, without those of locks.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.ends_with("-lock")).collect();
        names.sort();
        names
    }
}

async fn org(daemon: &mut Daemon) -> Org {
    let address = daemon.grpc_address().await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    Org::over(endpoint.connect().await.unwrap(), "acme")
}

/// A token of the history that a restore has ended is refused.
async fn assert_foreign(org: &Org, token: String) {
    let resumed = v1::WatchEventsRequest {
        parent: org.name(),
        resume_token: token,
        ..Default::default()
    };
    let mut events = v1::event_service_client::EventServiceClient::new(org.channel());
    let refusal = events.watch_events(resumed).await.unwrap_err();
    assert_eq!(reason(&refusal), "FOREIGN_RESUME_TOKEN");
}

/// Raises blockers until it is told to stop, and returns the names that it was told.
async fn raise_until(org: Org, team: &'static str, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        acknowledged.push(org.raise(team, "under load").await.name);
    }
    acknowledged
}

#[tokio::test]
async fn e2_a_backup_under_load_holds_all_that_was_acknowledged_before() {
    let site = Site::new();
    let mut daemon = site.serve(DATABASE);
    let org = org(&mut daemon).await;
    org.apply_sample().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = ["team-1", "team-2", "team-3", "team-4"]
        .map(|team| tokio::spawn(raise_until(org.clone(), team, stop.clone())));
    let mut before = Vec::new();
    let mut revision = 0;
    for round in 1..=3 {
        before.push(org.raise("team-5", "before the backup").await.name);
        revision = org.revision().await;
        let name = format!("{round}.backup");
        let backup = ["backup", &name, "--output", "json"];
        let printed = site.succeed(DATABASE, &backup).await;
        let told: Value = serde_json::from_str(&printed).unwrap();
        let kept = &told["manifest"]["organizations"][0];
        assert_eq!(kept["organization"], "acme");
        assert!(kept["revision"].as_i64().unwrap() >= revision, "{told}");
        assert!(org.revision().await > revision, "nobody wrote meanwhile");
    }
    stop.store(true, Ordering::Relaxed);
    let mut raised = before.len();
    for writer in writers {
        raised += writer.await.unwrap().len();
    }
    let proof = site
        .succeed(DATABASE, &["check", "--backup", "3.backup"])
        .await;
    assert!(proof.trim_end().ends_with(": ok"), "{proof}");
    daemon.stop().await;
    check(site.path(), DATABASE).await;

    site.succeed("sqlite://other.db", &["restore", "3.backup"])
        .await;
    check(site.path(), "sqlite://other.db").await;
    let mut daemon = site.serve("sqlite://other.db");
    let restored = self::org(&mut daemon).await;
    assert!(restored.revision().await >= revision);
    for name in &before {
        assert_eq!(restored.get(name).await.title, "before the backup");
    }
    let figures = restored.figures("acme").await;
    assert!(figures.raised_total >= i64::try_from(before.len()).unwrap());
    assert!(figures.raised_total <= i64::try_from(raised).unwrap());
    restored.raise("team-1", "it goes on").await;
    daemon.stop().await;
}

#[tokio::test]
async fn e10_tokens_from_before_a_restore_are_refused() {
    let site = Site::with_blockers(3).await;
    site.succeed(DATABASE, &["backup", BACKUP]).await;
    let mut daemon = site.serve(DATABASE);
    let org = org(&mut daemon).await;
    let events = v1::ListEventsRequest {
        parent: org.name(),
        page_size: 2,
        ..Default::default()
    };
    // What it has seen is in the backup: the history is another one all the same.
    let token = org.ok(events).await.resume_token;
    let lost = org.raise("team-1", "after the backup").await;
    let running = site.fail(DATABASE, &["restore", BACKUP, "--force"]).await;
    assert!(
        running.contains("in use by another Echelon process"),
        "{running}"
    );
    // What was acknowledged last is in its log only.
    daemon.kill().await;
    let there = site.fail(DATABASE, &["restore", BACKUP]).await;
    assert!(there.contains("replace it with --force"), "{there}");
    let told = site
        .succeed(DATABASE, &["restore", BACKUP, "--force"])
        .await;
    assert!(told.contains("acme.db.replaced"), "{told}");
    assert_eq!(site.files(), [BACKUP, "acme.db", "acme.db.replaced"]);

    let mut daemon = site.serve(DATABASE);
    let org = self::org(&mut daemon).await;
    let gone = v1::GetBlockerRequest {
        name: lost.name.clone(),
        ..Default::default()
    };
    refused(org.call(gone).await, Code::NotFound, ErrorReason::NotFound);
    assert_foreign(&org, token).await;
    daemon.stop().await;
    // What was replaced lacks nothing.
    let mut daemon = site.serve("sqlite://acme.db.replaced");
    let org = self::org(&mut daemon).await;
    assert_eq!(org.get(&lost.name).await, lost);
    daemon.stop().await;
    // A second one takes another name.
    site.succeed(DATABASE, &["restore", BACKUP, "--force"])
        .await;
    assert!(site.file("acme.db.replaced-2").exists());
}

#[tokio::test]
async fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let site = Site::with_blockers(2).await;
    fs::write(site.file(BACKUP), "precious").unwrap();
    let refusal = site.fail(DATABASE, &["backup", BACKUP]).await;
    assert!(refusal.contains("exists: name another file"), "{refusal}");
    assert_eq!(fs::read(site.file(BACKUP)).unwrap(), b"precious");
    site.succeed(DATABASE, &["backup", BACKUP, "--force"]).await;
    site.succeed(DATABASE, &["check", "--backup", BACKUP]).await;
    assert_eq!(site.files(), [BACKUP, "acme.db"], "something is left");
    // It is not for everybody's eyes, and SQLite's own tools can read it.
    use std::os::unix::fs::PermissionsExt as _;
    let backup = fs::metadata(site.file(BACKUP)).unwrap();
    assert_eq!(backup.permissions().mode() & 0o777, 0o600);
    assert!(
        fs::read(site.file(BACKUP))
            .unwrap()
            .starts_with(b"SQLite format 3\0")
    );
}

#[tokio::test]
async fn what_holds_no_database_is_not_backed_up() {
    let site = Site::new();
    let nothing = site.fail("sqlite://nothing.db", &["backup", BACKUP]).await;
    assert!(
        nothing.contains("there is no file `nothing.db`"),
        "{nothing}"
    );
    fs::write(site.file("empty.db"), "").unwrap();
    let empty = site.fail("sqlite://empty.db", &["backup", BACKUP]).await;
    assert!(empty.contains("holds no database of Echelon"), "{empty}");
    assert!(!site.file(BACKUP).exists());
}

#[tokio::test]
async fn a_backup_of_an_earlier_release_is_brought_up_to_date() {
    for recorded in Recorded::all(DatabaseKind::Sqlite) {
        let site = Site::new();
        let database = TestDatabase::sqlite().await;
        recorded.put_into(&database).await;
        site.succeed(database.url(), &["backup", BACKUP]).await;
        let proof = site.succeed(DATABASE, &["check", "--backup", BACKUP]).await;
        assert!(proof.trim_end().ends_with(": ok"), "{proof}");
        site.succeed(DATABASE, &["restore", BACKUP]).await;
        check(site.path(), DATABASE).await;
    }
}

#[tokio::test]
async fn a_backup_of_a_newer_version_is_refused() {
    let site = Site::new();
    let database = TestDatabase::sqlite().await;
    for sql in [
        "INSERT INTO seaql_migrations VALUES ('m29991231_000001_later', 0)",
        "UPDATE schema_compatibility SET needs = 'm29991231_000001_later'",
    ] {
        database.execute(sql).await;
    }
    site.succeed(database.url(), &["backup", BACKUP]).await;
    for command in [&["check", "--backup", BACKUP][..], &["restore", BACKUP]] {
        let refusal = site.fail(DATABASE, command).await;
        assert!(refusal.contains("newer version of Echelon"), "{refusal}");
    }
    assert_eq!(site.files(), [BACKUP]);
}
