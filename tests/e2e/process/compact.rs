//! `echelond compact` as a command.

use echelon_server::clock::{Clock, ManualClock};
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use serde_json::Value;
use tempfile::TempDir;

use super::daemon::{Daemon, check, run};
use crate::support::{DAY, Org};

on_both!(
    e9_a_database_is_compacted_and_checked,
    a_compaction_beside_a_server,
);

/// The sample organization with blockers of ten days ago, and one of today.
async fn aged(database: &TestDatabase) {
    let clock = ManualClock::new(Clock::System.now().minus(DAY * 10));
    let server = TestServer::start_with(database, clock, |_| {}).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 10).await;
    server.advance(DAY * 10);
    org.raise("team-1", "today").await;
    server.stop().await;
}

async fn e9_a_database_is_compacted_and_checked(database: TestDatabase) {
    aged(&database).await;
    let folder = TempDir::new().unwrap();
    let url = ["--database", database.url()];
    let events = database.rows("event").await;
    let compact = |keep| [&url[..], &["compact", "--keep", keep, "--output", "json"]].concat();

    let soon = run(folder.path(), &compact("1h")).await;
    assert_eq!(soon.status.code(), Some(2));
    let said = String::from_utf8(soon.stderr).unwrap();
    assert!(said.contains("must be at least 1d"), "{said}");
    for (keep, left) in [("30d", events), ("7d", 1), ("7d", 1)] {
        let before = database.rows("event").await;
        let ended = run(folder.path(), &compact(keep)).await;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{said}");
        let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let told = &told["organizations"][0];
        assert_eq!(told["organization"], "acme");
        assert_eq!(told["removed"].as_i64(), Some(before - left), "{keep}");
        assert_eq!(database.rows("event").await, left, "{keep}");
        check(folder.path(), database.url()).await;
    }
    let exported = run(
        folder.path(),
        &[&url[..], &["export", "acme.stream"]].concat(),
    )
    .await;
    assert_eq!(exported.status.code(), Some(1));
    let said = String::from_utf8(exported.stderr).unwrap();
    assert!(said.contains("is compacted up to revision"), "{said}");
    assert!(!folder.path().join("acme.stream").exists());
    let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
    daemon.client().await;
    daemon.stop().await;
    check(folder.path(), database.url()).await;
}

async fn a_compaction_beside_a_server(database: TestDatabase) {
    aged(&database).await;
    let folder = TempDir::new().unwrap();
    let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
    daemon.client().await;
    let compact = ["--database", database.url(), "compact", "--keep", "7d"];
    let ended = run(folder.path(), &compact).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    match database.kind() {
        DatabaseKind::Postgres => {
            assert!(ended.status.success(), "{said}");
            let told = String::from_utf8_lossy(&ended.stdout);
            assert!(told.contains("the log begins after revision"), "{told}");
        }
        DatabaseKind::Sqlite => {
            assert_eq!(ended.status.code(), Some(1));
            assert!(said.contains("in use by another Echelon process"), "{said}");
        }
    }
    daemon.stop().await;
    check(folder.path(), database.url()).await;
}
