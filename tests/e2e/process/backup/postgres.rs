//! PostgreSQL's own tools back up and restore, as docs/operations.md says.

use std::{path::Path, process::Output};

use echelon_api::v1;
use echelon_testkit::{TestDatabase, postgres_program};
use tokio::process::Command;

use super::{BACKUP, Site, org};

async fn tool(site: &Site, program: &str, arguments: &[&str]) {
    let ended: Output = Command::new(postgres_program(program))
        .args(arguments)
        .current_dir(site.path())
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {arguments:?}: {errors}");
}

#[tokio::test]
async fn e10_a_dump_of_a_served_database_is_restored_with_a_new_epoch() {
    let (site, from, to) = (
        Site::new(),
        TestDatabase::postgres().await,
        TestDatabase::postgres().await,
    );
    let mut daemon = site.serve(from.url());
    let org = org(&mut daemon).await;
    org.apply_sample().await;
    let blocker = org.raise("team-1", "before the dump").await;
    let events = v1::ListEventsRequest {
        parent: org.name(),
        page_size: 1,
        ..Default::default()
    };
    let token = org.ok(events).await.resume_token;
    let dump = ["--format=custom", "--file=echelon.dump", from.url()];
    tool(&site, "pg_dump", &dump).await;
    daemon.stop().await;

    let restore = [
        "--clean",
        "--if-exists",
        "--single-transaction",
        "--no-owner",
        "--dbname",
        to.url(),
        "echelon.dump",
    ];
    tool(&site, "pg_restore", &restore).await;
    site.succeed(to.url(), &["migrate"]).await;
    let begun = site.succeed(to.url(), &["new-epoch"]).await;
    assert!(
        begun.contains("1 organizations have a new epoch"),
        "{begun}"
    );
    let checked = site.succeed(to.url(), &["check"]).await;
    assert!(checked.trim_end().ends_with(": ok"), "{checked}");
    let mut daemon = site.serve(to.url());
    let org = super::org(&mut daemon).await;
    assert_eq!(org.get(&blocker.name).await, blocker);
    super::assert_foreign(&org, token).await;
    daemon.stop().await;
}

#[tokio::test]
async fn backup_and_restore_name_the_tools_of_postgresql() {
    let site = Site::new();
    let database = TestDatabase::postgres().await;
    for command in ["backup", "restore"] {
        let said = site.fail(database.url(), &[command, BACKUP]).await;
        for tool in [
            "pg_dump",
            "pg_restore",
            "echelond new-epoch",
            "echelond check",
        ] {
            assert!(said.contains(tool), "{said}");
        }
    }
    assert!(!Path::new(&site.file(BACKUP)).exists());
}
